"""Evaluations and events, as one call of the library each."""

from __future__ import annotations

from ctypes import byref, sizeof
from typing import TYPE_CHECKING, Any, Dict, List, Tuple, TypeVar

from . import _arguments, _native, _results
from ._results import Explanation, WithConfig

if TYPE_CHECKING:
    from .client.factory import SplitFactoryBase

_T = TypeVar("_T")
_encode = str.encode
_names = _arguments.NAMES
_treatments = _results.TREATMENTS
_fork_generation = memoryview(_native.fork_generation).cast("B").cast("I")
# Results of evaluations that are over, and references to them, for the next.
_spare_results: List[Any] = []


class Evaluations:
    """Evaluates flags and takes events, on any thread. Never raises: what is wrong is logged, and the answer is
    `control`, or what fallbackTreatments says."""

    def __init__(self, factory: SplitFactoryBase) -> None:
        self._factory = factory
        self._handle = factory._handle
        self._argument = factory._handle.argument
        # Whether impressions have a listener, who must be able to follow.
        self._listened = factory._delivery.pace is not None
        self._treatment = _native.TREATMENT[factory._keeps_lock]
        self._treatment_with_config = _native.TREATMENT_WITH_CONFIG[factory._keeps_lock]

    @property
    def ready(self) -> bool:
        return self._factory.ready

    @property
    def destroyed(self) -> bool:
        return self._factory.destroyed

    def get_treatment(
        self, key: Any, feature_flag_name: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> str:
        """The treatment of a key."""
        if attributes is None and evaluation_options is None:
            # What nearly all calls are: a text and a name that has been asked for before.
            try:
                text = _encode(key)
                flag = _names[feature_flag_name]
            except (TypeError, ValueError):
                pass
            else:
                if 0 not in text and self._handle.in_use == _fork_generation[0]:
                    treatment = self._treatment(self._argument, text, flag, None)
                    if self._listened:
                        self._factory._delivery.evaluated(1)
                    return _treatments[treatment]
        self._factory._use()
        whose, options = _arguments.question("get_treatment", key, attributes, evaluation_options)
        try:
            name = _arguments.text(feature_flag_name)
            treatment = self._treatment(self._argument, whose, name, options and byref(options))
        finally:
            _arguments.done(options)
        if self._listened:
            self._factory._delivery.evaluated(1)
        return _treatments[treatment]

    def get_treatment_with_config(
        self, key: Any, feature_flag_name: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> WithConfig:
        """The treatment of a key, and the configuration that belongs to it."""
        if self._handle.in_use != _fork_generation[0]:
            self._factory._use()
        whose, options = _arguments.question("get_treatment_with_config", key, attributes, evaluation_options)
        try:
            block, result = _spare_results.pop()
        except IndexError:
            block = _native.ResultBuffer()
            result = byref(block)
        try:
            name = _arguments.text(feature_flag_name)
            self._treatment_with_config(self._argument, whose, name, options and byref(options), result)
            answer = _results.one(block, result)
        finally:
            _spare_results.append((block, result))
            _arguments.done(options)
        if self._listened:
            self._factory._delivery.evaluated(1)
        return answer

    def get_treatments(
        self, key: Any, feature_flag_names: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, str]:
        """The treatments of several flags, by name."""
        results, plain = self._list(
            _native.treatments, "get_treatments", key, feature_flag_names, attributes, evaluation_options
        )
        return self._listened_to(_results.many(results, feature_flag_names if plain else None))

    def get_treatments_with_config(
        self, key: Any, feature_flag_names: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, WithConfig]:
        """The treatments of several flags with their configurations, by name."""
        results, plain = self._list(
            _native.treatments_with_config,
            "get_treatments_with_config",
            key,
            feature_flag_names,
            attributes,
            evaluation_options,
        )
        return self._listened_to(_results.many_with_config(results, feature_flag_names if plain else None))

    def get_treatments_by_flag_set(
        self, key: Any, flag_set: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, str]:
        """The treatments of the flags of a flag set, by name."""
        results = self._set(
            _native.treatments_by_flag_set,
            "get_treatments_by_flag_set",
            key,
            flag_set,
            attributes,
            evaluation_options,
        )
        return self._listened_to(_results.many(results))

    def get_treatments_with_config_by_flag_set(
        self, key: Any, flag_set: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, WithConfig]:
        """The treatments of the flags of a flag set with their configurations, by name."""
        results = self._set(
            _native.treatments_with_config_by_flag_set,
            "get_treatments_with_config_by_flag_set",
            key,
            flag_set,
            attributes,
            evaluation_options,
        )
        return self._listened_to(_results.many_with_config(results))

    def get_treatments_by_flag_sets(
        self, key: Any, flag_sets: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, str]:
        """The treatments of the flags of several flag sets, by name."""
        results, _ = self._list(
            _native.treatments_by_flag_sets,
            "get_treatments_by_flag_sets",
            key,
            flag_sets,
            attributes,
            evaluation_options,
        )
        return self._listened_to(_results.many(results))

    def get_treatments_with_config_by_flag_sets(
        self, key: Any, flag_sets: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, WithConfig]:
        """The treatments of the flags of several flag sets with their configurations, by name."""
        results, _ = self._list(
            _native.treatments_with_config_by_flag_sets,
            "get_treatments_with_config_by_flag_sets",
            key,
            flag_sets,
            attributes,
            evaluation_options,
        )
        return self._listened_to(_results.many_with_config(results))

    def explain(
        self, key: Any, feature_flag_name: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Explanation:
        """How `get_treatment_with_config` would decide now, and why: each condition and matcher that was tried, what it
        saw and what it answered. `docs/explain.md` has the members. Records no impression; split.io's SDK has no such
        method."""
        self._factory._use()
        whose, options = _arguments.question("explain", key, attributes, evaluation_options)
        try:
            return _results.explanation(self._handle.pointer, whose, _arguments.text(feature_flag_name), options)
        finally:
            _arguments.done(options)

    def _listened_to(self, answers: Dict[str, _T]) -> Dict[str, _T]:
        if self._listened:
            self._factory._delivery.evaluated(len(answers))
        return answers

    def track(self, key: Any, traffic_type: Any, event_type: Any, value: Any = None, properties: Any = None) -> bool:
        """Records an event of a key, for metrics; whether it was valid and there was room for it."""
        self._factory._use()
        options = None
        if properties is not None:
            options = _native.Options(size=sizeof(_native.Options), properties_json=_arguments.properties(properties))
        status = _native.track(
            self._handle.pointer,
            _arguments.key(key, "track"),
            _arguments.text(traffic_type),
            _arguments.text(event_type),
            _arguments.value(value),
            options,
        )
        return bool(status == _native.OK)

    def _list(
        self, function: Any, method: str, key: Any, names: Any, attributes: Any, evaluation_options: Any
    ) -> Tuple[int, bool]:
        """One of the evaluations that take a list; anything else is for the library to refuse. And whether it is of
        plain names."""
        self._factory._use()
        whose, options = _arguments.question(method, key, attributes, evaluation_options)
        try:
            array, plain = _arguments.texts(names) if isinstance(names, list) else (None, False)
            return function(self._handle.pointer, whose, array, len(array or ()), options), plain
        finally:
            _arguments.done(options)

    def _set(
        self, function: Any, method: str, key: Any, flag_set: Any, attributes: Any, evaluation_options: Any
    ) -> int:
        self._factory._use()
        whose, options = _arguments.question(method, key, attributes, evaluation_options)
        try:
            return int(function(self._handle.pointer, whose, _arguments.text(flag_set), options))
        finally:
            _arguments.done(options)
