"""The factory that a process shares.

It is made at the first `get_factory()`, never at import: before that the settings may not be complete, and a server may
still fork. What a worker inherits it keeps using, as a factory survives a fork.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Dict, Optional

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

import splitio

# Arguments of splitio.get_factory, which stand among the options in SPLITIO.
URLS = (
    "sdk_api_base_url",
    "events_api_base_url",
    "auth_api_base_url",
    "streaming_api_base_url",
    "telemetry_api_base_url",
)

_shared: Optional[Any] = None
# In place of the shared factory, while django_splitio.testing says so.
_instead: Optional[Any] = None
# By process: a lock that another thread holds during a fork is never given back in the child.
_locks: Dict[int, threading.Lock] = {}


def get_factory() -> Any:
    """The factory of this process, as settings.SPLITIO describes it. A destroyed one is replaced by a new one."""
    if _instead is not None:
        return _instead
    # One look-up without the lock is enough where there is nothing to do.
    factory = _shared
    if factory is not None and not factory.destroyed:
        return factory
    with _locks.setdefault(os.getpid(), threading.Lock()):
        return _shared_or_new()


def _shared_or_new() -> Any:
    global _shared
    if _shared is None or _shared.destroyed:
        _shared = _new()
    return _shared


def _new() -> Any:
    options = getattr(settings, "SPLITIO", None)
    if not isinstance(options, dict):
        raise ImproperlyConfigured("SPLITIO in the settings must be a dictionary with at least 'apiKey'")
    urls = {name: options[name] for name in URLS if name in options}
    config = {name: value for name, value in options.items() if name not in urls and name != "apiKey"}
    factory = splitio.get_factory(options.get("apiKey"), config=config, **urls)
    if factory is None:
        raise ImproperlyConfigured("SPLITIO['apiKey'] cannot be an SDK key; the log says why")
    return factory


def _forget(*, setting: str, **_signal: Any) -> None:
    """Tests override settings: the next factory is made from the present ones."""
    global _shared
    if setting == "SPLITIO" and _shared is not None:
        _shared.destroy()
        _shared = None


setting_changed.connect(_forget)
