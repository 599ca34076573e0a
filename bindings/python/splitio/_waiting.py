"""Waiting without standing in anybody's way.

A call into the library cannot be interrupted, and under gevent or eventlet it stops every greenlet. So a wait is made
of many: short ones that give up the interpreter lock, between which Python answers Ctrl-C; or, under those, a question
without a wait, and a sleep of theirs.
"""

from __future__ import annotations

import math
import select
import sys
import time
from typing import Any, Callable, Optional

from . import _native

# Seconds.
_SLICE = 0.1
_SHORTEST = 0.001
_LONGEST = 0.05


def is_cooperative() -> bool:
    """Whether threads are greenlets, for which a native wait is a stop."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        return True
    eventlet = sys.modules.get("eventlet.patcher")
    return eventlet is not None and bool(eventlet.is_monkey_patched("thread"))


def until(step: Callable[[int], int], timeout: Optional[float]) -> int:
    """Repeats a call that takes milliseconds until it does not time out, or `timeout` seconds are over."""
    cooperative = is_cooperative()
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = _SHORTEST
    while True:
        left = _SLICE if deadline is None else max(0.0, deadline - time.monotonic())
        status = step(0 if cooperative else math.ceil(min(_SLICE, left) * 1000))
        # A key that Split refuses may be accepted later: who gave a time waits for it.
        refused = status == _native.UNAUTHORIZED and deadline is not None
        if not (refused or status == _native.TIMEOUT) or left <= 0:
            return status
        if cooperative:
            time.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST)
        elif refused:
            # The library does not wait out its time for this.
            time.sleep(min(_LONGEST, left))


def readable(descriptor: int) -> None:
    """Waits until a descriptor is readable, by the means that the event loop of greenlets replaces."""
    poll: Any = getattr(select, "poll", None)
    if poll is None:
        select.select([descriptor], [], [])
        return
    poller = poll()
    poller.register(descriptor, select.POLLIN)
    poller.poll()
