"""Key, by its short path."""

from .client.key import Key

__all__ = ["Key"]
