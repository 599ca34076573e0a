"""The thread that hands over what the library has for Python: log lines, impressions, events.

One daemon thread for each factory, which sleeps until there is something. Nothing is ever called from threads of the
library, so the interpreter can end at any time.

The thread starts when the factory is first used for more than waiting. A server that forks in C, such as uWSGI,
copies the interpreter lock as it is at that moment: were it with a thread of ours, no worker could ever get it. So a
master that only makes a factory and waits for it has no such thread, and what there is to hand over then, its calls
hand over themselves.
"""

from __future__ import annotations

import logging
import threading
from typing import Any, Callable, Dict, List

from . import _native, _records, _waiting
from ._handle import Handle
from ._pace import Pace
from .models.events import SdkEvent

_LOG = logging.getLogger("splitio.delivery")


class Delivery:
    """Takes the records of one factory, as long as it lives. Knows the handle, and nobody who would keep it alive."""

    def __init__(self, handle: Handle, listener: Any) -> None:
        self._handle = handle
        self._listener = listener
        self._handlers = _records.Handlers()
        # By fork generation: who may start the thread there.
        self._starters: Dict[int, object] = {}
        self._over = False
        # Only where there is somebody to wait for.
        self.pace = None if listener is None else Pace()
        self._thread = 0
        # To be called once the factory is destroyed and everything is handed over.
        self._afterwards: List[Callable[[], Any]] = []
        handle.delivered = self.is_over

    def is_over(self) -> bool:
        self.catch_up()
        return self._over or not self._starters

    def catch_up(self) -> None:
        """Without a thread, hands over what there is."""
        if not self._starters:
            self.take()

    def start(self) -> None:
        """Starts the thread of this process, if there is none."""
        me = object()
        generation = self._handle.generation
        if self._starters.setdefault(generation, me) is not me:
            return
        self._over = False
        self._handle.hold()
        try:
            threading.Thread(target=self._run, args=(generation,), name="splitio-delivery", daemon=True).start()
        except RuntimeError:  # The interpreter is ending.
            self._starters.pop(generation, None)
            self._handle.release()

    def renew(self) -> None:
        """In a forked child, which has no thread yet."""
        self._starters = {}
        self._afterwards = []
        self._over = False
        if self.pace is not None:
            self.pace = Pace()

    def evaluated(self, impressions: int) -> None:
        """After an evaluation: waits for the listener if it is far behind. One that evaluates is not held up."""
        if self.pace is not None and self._starters:
            self.pace.made(impressions)
            if self.pace.is_behind() and threading.get_ident() != self._thread:
                self.pace.wait()

    def on(self, sdk_event: SdkEvent, handler: Callable[[Any], Any]) -> None:
        if self._handlers.add(sdk_event, handler) is not None:
            threading.Thread(
                target=self._call, args=(handler, None, sdk_event.value), name="splitio-ready", daemon=True
            ).start()

    def afterwards(self, what: Callable[[], Any]) -> None:
        """Calls something once the factory is destroyed and everything is handed over."""
        self._afterwards.append(what)
        if self._over:
            self._conclude()

    def after_destroy(self) -> None:
        """The factory has been destroyed: without a thread, this one does the rest."""
        if not self._starters:
            self.take()
            self._over = True
            self._conclude()

    def take(self) -> int:
        """Hands over what there is, and says why there is no more."""
        while True:
            mark = 0 if self.pace is None else self.pace.mark()
            status, records = _native.poll(self._handle.pointer, 0, _records.MOST)
            if records is None:
                if self.pace is not None:
                    self.pace.all_arrived(mark)
                return status
            for record in _records.parse(records):
                self._hand_over(record)

    def _run(self, generation: int) -> None:
        if _native.fork_generation.value != generation:
            return
        self._thread = threading.get_ident()
        status = _native.TIMEOUT
        try:
            # A greenlet of the parent lives on in a forked child: there it is nobody's, and must not touch the factory.
            while status == _native.TIMEOUT and _native.fork_generation.value == generation:
                status = self.take()
                if status == _native.TIMEOUT:
                    descriptor = _native.poll_fd(self._handle.pointer)
                    if descriptor < 0:
                        break
                    _waiting.readable(descriptor)
        finally:
            if _native.fork_generation.value != generation:
                # For the same reason as below.
                threading.current_thread()
                return  # noqa: B012
            if status == _native.DESTROYED:
                self._over = True
                self._conclude()
            else:
                # Waits for `resume`, which starts another thread.
                self._starters.pop(generation, None)
            self._handle.release()
            # Where gevent has patched `threading` since this thread began, it goes by another number now. This makes
            # the number known, so that Python can forget the thread without a complaint.
            threading.current_thread()

    def _conclude(self) -> None:
        # Who is still known here is kept alive: a listener may know the factory.
        self._handlers.clear()
        self._listener = None
        while True:
            try:
                what = self._afterwards.pop()
            except IndexError:
                return
            self._call(_do, what, "what follows destroy")

    def _hand_over(self, record: Dict[str, Any]) -> None:
        kind = record["type"]
        if kind == "log":
            _records.log(record)
        elif kind == "impression":
            if self._listener is not None:
                self._call(self._listener.log_impression, _records.impression(record), "log_impression")
            if self.pace is not None:
                self.pace.arrived(1)
        elif kind == "event":
            handler = self._handlers.of(_records.event(record))
            if handler is not None:
                self._call(handler, _records.metadata(record), _records.event(record).value)

    @staticmethod
    def _call(function: Callable[[Any], Any], argument: Any, what: str) -> None:
        try:
            function(argument)
        except BaseException:
            # SystemExit too: it would end the thread, and nobody would hear of anything any more.
            _LOG.exception("%s of the program failed", what)


def _do(what: Callable[[], Any]) -> None:
    what()
