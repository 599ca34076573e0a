"""Where Split's SDK has the exceptions of Redis."""

from __future__ import annotations

from typing import Optional

__all__ = ["RedisAdapterException", "SentinelConfigurationException"]


class RedisAdapterException(Exception):
    """Redis cannot be reached, or does not answer as it should, when a factory is made."""

    def __init__(self, message: str, original_exception: Optional[Exception] = None) -> None:
        super().__init__(message)
        self._original_exception = original_exception

    @property
    def original_exception(self) -> Optional[Exception]:
        """Always None: the cause is in the message."""
        return self._original_exception


class SentinelConfigurationException(ValueError):
    """The sentinels of Redis are not configured as they must be."""
