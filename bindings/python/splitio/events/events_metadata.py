"""What comes with SDK_UPDATE."""

from __future__ import annotations

from enum import Enum
from typing import Any, Iterable, Set


class SdkEventType(Enum):
    """What changed."""

    FLAG_UPDATE = "FLAG_UPDATE"
    SEGMENTS_UPDATE = "SEGMENTS_UPDATE"


class EventsMetadata:
    """What changed, and the names of the flags."""

    def __init__(self, type: SdkEventType, names: Iterable[Any]) -> None:
        self._type = type
        self._names = {name for name in names if isinstance(name, str)}

    def get_type(self) -> SdkEventType:
        return self._type

    def get_names(self) -> Set[str]:
        return self._names
