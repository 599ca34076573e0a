"""ImpressionListener, by its short path."""

from .client.listener import ImpressionListener

__all__ = ["ImpressionListener"]
