"""A factory of the library, from its making to its end.

It is used by the Python objects that were made of it, by the thread that delivers, and by the thread that destroys it;
the last of them frees it. None of this takes a lock: the garbage collector may end a factory in the middle of anything,
and a fork may come at any time.
"""

from __future__ import annotations

import atexit
import math
import sys
import time
from ctypes import byref
from typing import Any, Callable, Dict, List, Optional

from . import _native

# How long a factory that nobody destroyed may take to send what is queued: at the end of the process, and elsewhere.
EXIT_SECONDS = 5.0
DESTROY_MS = 10_000

_living: Dict[int, Handle] = {}


class Handle:
    """Owns a split_factory. Whoever makes one holds it, and must `release` it."""

    def __init__(self, pointer: int) -> None:
        self.pointer = pointer
        self.argument = _native.argument(pointer)
        self.generation: int = _native.fork_generation.value
        # The generation in which it has been used for more than waiting; -1: in none yet.
        self.in_use = -1
        # One for each owner but the last. Appending and popping are atomic.
        self._others: List[None] = []
        self.destroying = False
        self._ended = False
        # Whether all that was queued for Python has been handed over.
        self.delivered: Callable[[], bool] = lambda: True
        _living[pointer] = self

    @property
    def status(self) -> int:
        return int(_native.factory_status(self.pointer))

    @property
    def destroyed(self) -> bool:
        return self.destroying or self.status == _native.STATUS_DESTROYED

    def hold(self) -> None:
        """One more owner."""
        self._others.append(None)

    def release(self) -> None:
        """One owner less. The last one frees the factory."""
        try:
            self._others.pop()
        except IndexError:
            _living.pop(self.pointer, None)
            _native.factory_free(self.pointer)

    def renew(self) -> None:
        """In a forked child, where the threads among the owners do not exist."""
        self._others = []
        self.destroying = self._ended = False
        self.in_use = -1
        self.generation = int(_native.fork_generation.value)

    def is_of_this_process(self) -> bool:
        """False in a forked child that has not used the factory."""
        return self.generation == int(_native.fork_generation.value)

    def destroy(self, then: Callable[[], Any]) -> None:
        """Destroys it in the background, then calls `then` there."""
        self.destroying = True
        self.hold()

        def work() -> None:
            _native.destroy(self.pointer, DESTROY_MS)
            self._ended = True
            then()
            self.release()

        try:
            start_native_thread(work)
        except RuntimeError:  # No more threads: the interpreter is ending, or the system has none.
            work()
        # From here on every call must find it destroyed.
        while not self._ended and self.status != _native.STATUS_DESTROYED and self.is_of_this_process():
            time.sleep(0)

    def flush(self, timeout: Optional[float]) -> int:
        """Sends what is queued and waits for it, with all the time in one call: a flush that times out begins no other
        post. So it is made by a thread, and the one that waits answers Ctrl-C."""
        answer: List[int] = []
        milliseconds = -1 if timeout is None else math.ceil(max(0.0, timeout) * 1000)
        self.hold()

        def work() -> None:
            answer.append(int(_native.flush(self.pointer, milliseconds)))
            self.release()

        try:
            start_native_thread(work)
        except RuntimeError:  # As for `destroy`.
            work()
        # In a forked child, where greenlets live on that waited in the parent, there is nobody to answer.
        while not answer and self.is_of_this_process():
            time.sleep(0.001)
        return answer[0] if answer else _native.FORKED

    def abandon(self) -> None:
        """Nobody can use it any more. What it has queued is still sent."""
        if not self.is_of_this_process():
            # The parent's. Freeing it is the parent's affair, too.
            _living.pop(self.pointer, None)
        elif self.destroyed:
            self.release()
        else:
            self.destroy(self.release)

    def finish(self, deadline: float) -> None:
        """At the end of the process: what is queued is sent, up to a point in time."""
        if not self.destroying:
            self.flush(max(0.0, deadline - time.monotonic()))
            _native.destroy(self.pointer, 200)
            self._ended = True
        while not (self._ended and self.delivered()) and time.monotonic() < deadline:
            time.sleep(0.002)


def start_native_thread(work: Callable[[], None]) -> None:
    """A thread of the system, also where threads are greenlets; without the locks of the module threading, which the
    code that the garbage collector interrupts may hold."""
    import _thread

    start = _thread.start_new_thread
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None:
        start = gevent.get_original("_thread", "start_new_thread")
    start(work, ())


def resume(handle: Handle) -> None:
    error = _native.Error()
    status = _native.resume(handle.pointer, byref(error))
    if status not in (_native.OK, _native.DESTROYED):
        raise RuntimeError(error.text())


def _at_exit() -> None:
    deadline = time.monotonic() + EXIT_SECONDS
    for handle in list(_living.values()):
        if handle.is_of_this_process():
            handle.finish(deadline)


def finish_with_multiprocessing() -> None:
    """Children of multiprocessing that were forked end without exit handlers, but with finalizers of its own."""
    process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, _at_exit, exitpriority=0)


atexit.register(_at_exit)
