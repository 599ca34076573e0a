"""What libsplitio thinks of an option, for those who check a configuration before they use it."""

from __future__ import annotations

import json
from ctypes import byref, sizeof
from typing import Any, Dict, NamedTuple, Optional

from . import _config, _native

UNKNOWN = "unknown"
UNUSABLE = "unusable"
UNSUPPORTED = "unsupported"

_UNKNOWN_OPTION = -2


class Complaint(NamedTuple):
    """Why an option will not do what its author hopes. `text` names it, and never shows a secret value."""

    kind: str
    text: str


def complaint(name: Any, value: Any) -> Optional[Complaint]:
    """What is wrong with one option; None if nothing is."""
    if not isinstance(name, str):
        return Complaint(UNKNOWN, f"the name of an option is not a string: {name!r}")
    if name in _config._LISTENER:
        if value is None or callable(getattr(value, "log_impression", None)):
            return None
        return Complaint(UNUSABLE, f"option {name}: the listener has no method log_impression")
    status, text = _merged(json.dumps({name: _config._plain(value)}))
    if status == _UNKNOWN_OPTION:
        return Complaint(UNKNOWN, text)
    if status != _native.OK:
        return Complaint(UNUSABLE, text)
    if _supported().get(_canonical(name)) is False:
        return Complaint(UNSUPPORTED, f"option {name} does nothing here")
    return None


def _merged(options: str) -> tuple[int, str]:
    """How a strict configuration takes options."""
    error = _native.Error()
    config = _native.config_new()
    try:
        status = _native.config_merge_json(config, options.encode(), byref(error))
    finally:
        _native.config_free(config)
    return status, error.text()


def _canonical(name: str) -> str:
    """A name in either case, as one."""
    return name.replace("_", "").lower()


def _supported() -> Dict[str, bool]:
    found = {}
    for index in range(_native.option_count()):
        option = _native.option_at(index).contents
        # A library of an older minor version knows fewer members.
        if option.size >= sizeof(_native.Option):
            found[_canonical(option.name.decode())] = bool(option.supported)
    return found
