"""get_factory, by its old path."""

from .client.factory import get_factory

__all__ = ["get_factory"]
