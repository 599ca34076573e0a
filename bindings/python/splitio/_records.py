"""Records of the library's queue: lines for Python's loggers, impressions for the listener, events for handlers."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any, Dict, List, Optional

from .events.events_metadata import EventsMetadata, SdkEventType
from .models.events import SdkEvent
from .models.impressions import Impression

# Records taken at a time.
MOST = 256

_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}
_loggers: Dict[str, logging.Logger] = {}


def parse(records: bytes) -> List[Dict[str, Any]]:
    parsed: List[Dict[str, Any]] = json.loads(records)
    return parsed


def log(record: Dict[str, Any]) -> None:
    """Writes a line to the logger of the part that speaks, if that wants it, with the time at which it was said."""
    target = record["target"]
    logger = _loggers.get(target)
    if logger is None:
        logger = _loggers[target] = logging.getLogger(f"splitio.{target}")
    level = _LEVELS.get(record["level"], logging.DEBUG)
    if not logger.isEnabledFor(level):
        return
    line = logger.makeRecord(logger.name, level, "libsplitio", 0, record["message"], (), None)
    line.created = record["time"] / 1000
    line.msecs = record["time"] % 1000
    try:
        logger.handle(line)
    except Exception:  # A handler of the program must not end the delivery. As handlers do themselves:
        if logging.raiseExceptions:
            traceback.print_exc()


def impression(record: Dict[str, Any]) -> Dict[str, Any]:
    """What a listener gets."""
    number, properties = record["change_number"], record["properties"]
    return {
        "impression": Impression(
            matching_key=record["key"],
            feature_name=record["flag"],
            treatment=record["treatment"],
            label=record["label"],
            change_number=None if number == -1 else number,
            bucketing_key=record["bucketing_key"],
            time=record["time"],
            previous_time=record["previous_time"],
            properties=None if properties is None else json.dumps(properties),
        ),
        "attributes": record["attributes"],
        "sdk-language-version": record["sdk_version"],
        "instance-id": record["instance"],
    }


def event(record: Dict[str, Any]) -> SdkEvent:
    return SdkEvent.SDK_READY if record["kind"] == "ready" else SdkEvent.SDK_UPDATE


def metadata(record: Dict[str, Any]) -> Optional[EventsMetadata]:
    """What comes with an event."""
    if record["kind"] == "ready":
        return None
    what = SdkEventType.FLAG_UPDATE if record["flags_changed"] else SdkEventType.SEGMENTS_UPDATE
    return EventsMetadata(what, record["names"])


class Handlers:
    """Who wants to know what happens to a factory: for each event the first who asked, SDK_READY once."""

    def __init__(self) -> None:
        self._of: Dict[SdkEvent, Any] = {}
        self._is_ready = False
        # Taken by whoever calls the handler of SDK_READY: its registration, or the event.
        self._ready_token: List[None] = [None]

    def add(self, sdk_event: SdkEvent, handler: Any) -> Any:
        """The handler, if it must be called right now."""
        if self._of.setdefault(sdk_event, handler) is not handler:
            return None
        return handler if sdk_event is SdkEvent.SDK_READY and self._is_ready and self._first() else None

    def of(self, sdk_event: SdkEvent) -> Any:
        """The handler to call now that this has happened."""
        if sdk_event is SdkEvent.SDK_READY:
            self._is_ready = True
            handler = self._of.get(sdk_event)
            return handler if handler is not None and self._first() else None
        return self._of.get(sdk_event)

    def clear(self) -> None:
        self._of = {}

    def _first(self) -> bool:
        try:
            self._ready_token.pop()
        except IndexError:
            return False
        return True
