"""The system check: what of settings.SPLITIO the SDK would ignore or refuse.

The SDK is as lenient as Split's own: a misspelt option does nothing. `manage.py check` asks libsplitio itself, which
knows every option, so the list cannot be out of date.
"""

from __future__ import annotations

from typing import Any, List

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from splitio import _options


def check_settings(app_configs: Any = None, **_kwargs: Any) -> List[CheckMessage]:
    """Errors for what cannot work, warnings for what has no effect."""
    options = getattr(settings, "SPLITIO", None)
    if options is None:
        return [Error("SPLITIO is missing in the settings", hint="SPLITIO = {'apiKey': '...'}", id="splitio.E001")]
    if not isinstance(options, dict):
        return [Error("SPLITIO in the settings is not a dictionary", id="splitio.E002")]
    found: List[CheckMessage] = []
    if not isinstance(options.get("apiKey"), str) or not options["apiKey"].strip():
        found.append(Error("SPLITIO['apiKey'] must be an SDK key, or 'localhost'", id="splitio.E003"))
    for name, value in options.items():
        if name == "apiKey":
            continue
        complaint = _options.complaint(name, value)
        if complaint is not None:
            found.append(_MESSAGES[complaint.kind](f"SPLITIO: {complaint.text}"))
    return found


def _unknown(text: str) -> CheckMessage:
    return Warning(text, hint="The option has no effect. docs/configuration.md lists all.", id="splitio.W001")


def _unusable(text: str) -> CheckMessage:
    return Warning(text, hint="The option's default would be used, or no factory made.", id="splitio.W002")


def _unsupported(text: str) -> CheckMessage:
    return Warning(text, hint="The option has no effect.", id="splitio.W003")


_MESSAGES = {
    _options.UNKNOWN: _unknown,
    _options.UNUSABLE: _unusable,
    _options.UNSUPPORTED: _unsupported,
}
