"""Impression listeners."""

from __future__ import annotations

import abc
from typing import Any, Dict


class ImpressionListenerException(Exception):
    """Split's SDK raises it inside itself when a listener fails. Here for programs that name it."""


class ImpressionListener(abc.ABC):
    """Gets every impression. In asyncio mode `log_impression` may be a coroutine function."""

    @abc.abstractmethod
    def log_impression(self, data: Dict[str, Any]) -> Any:
        """Takes an impression: `impression`, `attributes`, `instance-id` and `sdk-language-version`.

        It is called on a thread of its own, never inside an evaluation; it may take its time and evaluate flags.
        """
