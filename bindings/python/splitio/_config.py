"""The configuration on its way to the library.

Options are not known here by name: the dictionary goes to the library as JSON. Only what is an object in Python is
looked at: the listener, which stays on this side, and the fallback treatments.
"""

from __future__ import annotations

import enum
import json
import math
import time
from ctypes import byref
from typing import Any, Dict, List, Optional, Tuple

from . import _handle, _native
from .api import APIException
from .models.fallback_config import FallbackTreatmentsConfiguration
from .models.fallback_treatment import FallbackTreatment
from .storage.adapters.redis import RedisAdapterException, SentinelConfigurationException
from .version import __version__

_FETCHES_FIRST = ("preforkedInitialization", "preforked_initialization")
_LISTENER = ("impressionListener", "impression_listener")


class Settings:
    """What a factory starts from."""

    def __init__(self, config: Optional[Dict[str, Any]], urls: Dict[str, Any]) -> None:
        given = dict(config or {})
        listeners = [given.pop(name) for name in _LISTENER if name in given]
        self.listener = next((listener for listener in listeners if listener is not None), None)
        # Redis answers over a socket: evaluations then give up the interpreter lock.
        self.waits = any(str(name).lower().startswith(("redis", "storage")) for name in given)
        # With this the library fetches before it gives a factory.
        self.fetches_first = any(given.get(name) for name in _FETCHES_FIRST)
        options = {
            # As users of Split's SDK expect: what it does not know it ignores.
            "strictConfig": False,
            # All lines, which cost nothing while nothing happens: Python's loggers choose among them, at any time.
            "logLevel": "debug",
            **given,
            **{name: url for name, url in urls.items() if url is not None},
            "sdkName": "python",
            "sdkVersion": __version__,
        }
        self.json = json.dumps({name: _plain(value) for name, value in options.items() if isinstance(name, str)})

    def native(self) -> Native:
        """A configuration of the library, for a `with`."""
        return Native(self)


class Native:
    """A split_config, ended with its block."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._config = 0

    def __enter__(self) -> int:
        self._config = _native.config_new()
        error = _native.Error()
        status = _native.config_merge_json(self._config, self._settings.json.encode(), byref(error))
        if status != _native.OK:
            self.__exit__()
            raise _refused(error.text())
        kinds = _native.QUEUE_LOGS | _native.QUEUE_EVENTS
        if self._settings.listener is not None:
            kinds |= _native.QUEUE_IMPRESSIONS
        status = _native.config_enable_queue(self._config, kinds, 0)
        if status != _native.OK:
            self.__exit__()
            raise RuntimeError(f"the queue of libsplitio cannot be enabled: {status}")
        return self._config

    def __exit__(self, *_raised: Any) -> None:
        _native.config_free(self._config)


def _plain(value: Any) -> Any:
    """A value of an option in JSON's types."""
    if isinstance(value, FallbackTreatmentsConfiguration):
        return _without_none(
            {"global": _plain(value.global_fallback_treatment), "byFlag": _plain(value.by_flag_fallback_treatment)}
        )
    if isinstance(value, FallbackTreatment):
        return _without_none({"treatment": _plain(value.treatment), "config": _plain(value.config)})
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return str(value)


def _without_none(values: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _make(key: bytes, settings: Settings) -> Tuple[int, Any]:
    error = _native.Error()
    with settings.native() as config:
        return int(_native.factory_new(key, config, byref(error)) or 0), error


def _make_apart(key: bytes, settings: Settings) -> Tuple[int, Any]:
    """`_make` where that waits for the network: by a thread, so that this one answers Ctrl-C and greenlets go on."""
    made: List[Tuple[int, Any]] = []
    failed: List[BaseException] = []
    left: List[None] = []

    def work() -> None:
        try:
            made.append(_make(key, settings))
        except BaseException as failure:
            failed.append(failure)
        if left and made and made[0][0]:
            _native.factory_free(made[0][0])

    _handle.start_native_thread(work)
    try:
        while not made and not failed:
            time.sleep(0.005)
    except BaseException:
        left.append(None)
        raise
    if failed:
        raise failed[0]
    return made[0]


def new_factory(api_key: Any, settings: Settings) -> Tuple[int, str]:
    """A factory of the library; or 0, and why the SDK key cannot be one."""
    if not isinstance(api_key, str):
        return 0, "the SDK key is not a string"
    key = api_key.encode("utf-8", "surrogatepass")
    factory, error = _make_apart(key, settings) if settings.fetches_first or settings.waits else _make(key, settings)
    if factory:
        return factory, ""
    if error.status == _native.INVALID_ARGUMENT:
        return 0, error.text()
    if error.status == _native.STORAGE:
        in_redis = settings.waits and api_key != "localhost"
        raise RedisAdapterException(error.text()) if in_redis else APIException(error.text())
    if error.status == _native.SYSTEM:
        raise OSError(error.text())
    raise _refused(error.text())


def _refused(message: str) -> ValueError:
    """The exception for an option that cannot be used."""
    about_sentinels = "redisSentinels" in message or "redisMasterService" in message
    return SentinelConfigurationException(message) if about_sentinels else ValueError(message)
