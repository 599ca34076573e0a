"""Treatments that a test sets.

    from django_splitio.testing import treatments

    @treatments(new_checkout="on")
    def test_the_new_checkout(self):
        ...

    with treatments({"banner": ("v2", '{"color": "red"}'), "beta": {"ann": "on", None: "off"}}) as split:
        ...
        assert split.events == [("ann", "user", "paid", 9.5, None)]

As long as it holds, every client in the process answers from them, also one that a module made when it was imported. It
is the real evaluation, in localhost mode: unknown flags are "control", keys are validated, and nothing reaches a
network.
"""

from __future__ import annotations

import json
import tempfile
import threading
from contextlib import ContextDecorator, ExitStack
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Mapping, Optional, Tuple, Union
from unittest import mock

import splitio
from splitio.client.client import Client
from splitio.client.manager import SplitManager

from . import _factory

# A treatment, or one with its configuration.
Treatment = Union[str, Tuple[str, Optional[str]]]
# The same for everybody, or by key; None stands for all other keys.
Treatments = Union[Treatment, Mapping[Optional[str], Treatment]]

_EVALUATIONS = tuple(
    f"get_treatment{many}{config}{by}"
    for many in ("", "s")
    for config in ("", "_with_config")
    for by in ("", "_by_flag_set", "_by_flag_sets")
    if many or not by
)
# What is replaced, as it is otherwise.
_METHODS = {
    Client: {name: getattr(Client, name) for name in (*_EVALUATIONS, "explain", "track")},
    SplitManager: {name: getattr(SplitManager, name) for name in ("splits", "split", "split_names")},
}
_READY_SECONDS = 10


class treatments(ContextDecorator):  # used as a function
    """Sets treatments by flag, for a `with` or as a decorator of a test. An inner one adds to the outer ones."""

    _active: ClassVar[List[treatments]] = []

    def __init__(self, by_flag: Optional[Mapping[str, Treatments]] = None, **more: Treatments) -> None:
        self._by_flag: Dict[str, Treatments] = {**(by_flag or {}), **more}
        self._stack = ExitStack()
        # What was tracked: key, traffic type, event type, value, properties.
        self.events: List[Tuple[Any, ...]] = []

    def __enter__(self) -> treatments:
        self.events = []
        with ExitStack() as stack:
            self._active.append(self)
            stack.callback(self._active.remove, self)
            merged: Dict[str, Treatments] = {}
            for each in self._active:
                merged.update(each._by_flag)
            factory = _localhost(merged, stack)
            for stand_in in (factory.client(), factory.manager()):
                for name, method in _METHODS[type(stand_in)].items():
                    answer = self._recorded if name == "track" else _answered
                    stack.enter_context(mock.patch.object(type(stand_in), name, answer(partial(method, stand_in))))
            stack.enter_context(mock.patch.object(_factory, "_instead", _idle()))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_raised: Any) -> None:
        self._stack.close()

    def _recorded(self, method: Any) -> Any:
        def track(
            _asked: Any, key: Any, traffic_type: Any, event_type: Any, value: Any = None, properties: Any = None
        ) -> Any:
            accepted = method(key, traffic_type, event_type, value, properties)
            if accepted:
                self.events.append((key, traffic_type, event_type, value, properties))
            return accepted

        return track


def _answered(method: Any) -> Any:
    """Whoever is asked, the stand-in answers."""

    def answer(_asked: Any, *args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return answer


def _localhost(by_flag: Mapping[str, Treatments], stack: ExitStack) -> Any:
    """A factory of its own with these treatments, destroyed with the stack."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    file = Path(folder) / "treatments.yaml"
    file.write_text("".join(_entries(name, given) for name, given in by_flag.items()) or "[]\n", encoding="utf-8")
    factory = splitio.get_factory("localhost", config={"splitFile": str(file)})
    stack.callback(_destroy, factory)
    factory.block_until_ready(_READY_SECONDS)
    return factory


def _destroy(factory: Any) -> None:
    done = threading.Event()
    factory.destroy(done)
    done.wait(_READY_SECONDS)


def _entries(name: str, given: Treatments) -> str:
    """The entries of a flag in Split's YAML format, whose strings may be written as JSON's."""
    by_key = given if isinstance(given, Mapping) else {None: given}
    lines = []
    for key, treatment in by_key.items():
        treatment, config = (treatment, None) if isinstance(treatment, str) else treatment
        lines.append(f"- {_text(name)}:\n    treatment: {_text(treatment)}\n")
        if key is not None:
            lines.append(f"    keys: {_text(key)}\n")
        if config is not None:
            lines.append(f"    config: {_text(config)}\n")
    return "".join(lines)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


_without_flags: Optional[Any] = None


def _idle() -> Any:
    """What `get_factory` gives meanwhile: one factory for all tests of the process, as modules may keep it."""
    global _without_flags
    if _without_flags is None:
        _without_flags = _localhost({}, ExitStack())
    return _without_flags
