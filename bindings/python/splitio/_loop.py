"""Handing over what the library has for Python, on an event loop: no thread, the loop watches the queue's descriptor.

Belongs to the loop that used the factory last: programs that call asyncio.run more than once have several in turn.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, Optional, Set, Tuple

from . import _native, _records
from ._handle import Handle
from ._pace import PATIENCE_SECONDS, Pace
from .models.events import SdkEvent

_LOG = logging.getLogger("splitio.delivery")
# Between two looks at a factory that waits: a refused SDK key is no event.
_LOOK_SECONDS = 1.0
# For listeners that are behind when the factory is destroyed.
_LISTENER_SECONDS = 10.0


class LoopDelivery:
    """Takes the records of one factory. The loop knows it, so it knows nobody who would keep the factory alive."""

    def __init__(self, handle: Handle, listener: Any) -> None:
        self._handle = handle
        self._listener = listener
        self._handlers = _records.Handlers()
        # Only where there is somebody to wait for.
        self.pace = None if listener is None else Pace()
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._descriptor = -1
        self._over = False
        self._waiting: Set[asyncio.Future[None]] = set()
        # Coroutines of the program wait here for their turn: impressions stay in order.
        self._calls: Deque[Tuple[Callable[[Any], Any], Any, str]] = deque()
        self._called = asyncio.Event()
        self._caller: Optional[asyncio.Task[None]] = None

    def attach(self) -> None:
        """Makes the running loop the one that delivers."""
        loop = asyncio.get_running_loop()
        if loop is self._loop or self._over:
            if self._caller is not None and self._caller.done():
                self._employ()
            return
        self.detach()
        descriptor = int(_native.poll_fd(self._handle.pointer))
        if descriptor < 0:
            return
        loop.add_reader(descriptor, self._drain)
        self._loop, self._descriptor = loop, descriptor
        self._handle.hold()
        if self._listener is not None or self._calls:
            self._employ()

    def detach(self) -> None:
        """Lets go of the loop."""
        loop, self._loop = self._loop, None
        self._waiting, self._caller = set(), None
        if loop is None:
            return
        if not loop.is_closed():
            loop.remove_reader(self._descriptor)
        self._handle.release()

    def detach_from_a_closed_loop(self) -> None:
        """When nobody can use the factory any more. A loop that is open will notice that the factory is destroyed."""
        if self._loop is not None and self._loop.is_closed():
            self.detach()

    def renew(self) -> None:
        """In a forked child: the parent's loop is not ours, and the descriptor is a new one."""
        self._loop = None
        self._waiting, self._caller = set(), None
        self._over = False

    def evaluated(self, impressions: int) -> None:
        """After an evaluation. The loop is the one that delivers: see `follow`."""
        if self.pace is not None:
            self.pace.made(impressions)

    async def follow(self) -> None:
        """Waits for the listener, if it is far behind. A listener that evaluates is not held up."""
        if self.pace is None or not self.pace.is_behind() or asyncio.current_task() is self._caller:
            return
        seen, since = self.pace.progress(), time.monotonic()
        while self.pace.is_behind():
            await asyncio.sleep(0)
            if self.pace.progress() != seen:
                seen, since = self.pace.progress(), time.monotonic()
            elif time.monotonic() - since > PATIENCE_SECONDS:
                self.pace.give_up()

    def on(self, sdk_event: SdkEvent, handler: Callable[[Any], Any]) -> None:
        self.attach()
        self._employ()
        if self._handlers.add(sdk_event, handler) is not None:
            self._call_later(handler, None, sdk_event.value)

    async def until(self, step: Callable[[int], int], timeout: Optional[float]) -> int:
        """Repeats a call that takes milliseconds, and gets none, until it does not time out, or time is over."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self.attach()
            status = step(0)
            refused = status == _native.UNAUTHORIZED and deadline is not None
            if not (refused or status == _native.TIMEOUT):
                return status
            left = _LOOK_SECONDS if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return status
            await self._something(min(left, _LOOK_SECONDS))

    async def over(self) -> None:
        """Waits until the factory is destroyed and everything is handed over."""
        self.attach()
        while not self._over and self._loop is not None:
            await self._something(_LOOK_SECONDS)
        if self._caller is not None and self._caller is not asyncio.current_task():
            done, _ = await asyncio.wait([self._caller], timeout=_LISTENER_SECONDS)
            if not done:
                self._caller.cancel()

    async def _something(self, timeout: float) -> None:
        """Waits for an event of the factory, or its end."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait([future], timeout=timeout)
        finally:
            self._waiting.discard(future)

    def _drain(self) -> None:
        """The descriptor is readable. One helping at a time: the loop has other things to do."""
        mark = 0 if self.pace is None else self.pace.mark()
        status, records = _native.poll(self._handle.pointer, 0, _records.MOST)
        if records is not None:
            for record in _records.parse(records):
                self._hand_over(record)
        elif status == _native.TIMEOUT:
            if self.pace is not None and not self._calls:
                self.pace.all_arrived(mark)
        else:
            self._over = True
            self._wake()
            # Who is still known here is kept alive: a listener may know the factory.
            self._handlers.clear()
            self._listener = None
            self._called.set()
            caller = self._caller
            self.detach()
            self._caller = caller

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def _hand_over(self, record: Dict[str, Any]) -> None:
        kind = record["type"]
        if kind == "log":
            _records.log(record)
        elif kind == "impression":
            if self._listener is not None:
                self._call_later(self._listener.log_impression, _records.impression(record), "log_impression")
        elif kind == "event":
            self._wake()
            event = _records.event(record)
            handler = self._handlers.of(event)
            if handler is not None:
                self._call_later(handler, _records.metadata(record), event.value)

    def _call_later(self, function: Callable[[Any], Any], argument: Any, what: str) -> None:
        self._calls.append((function, argument, what))
        self._called.set()

    def _employ(self) -> None:
        """Starts the task that calls the program. Not when there is something to call: the loop may be ending then."""
        if self._over or (self._caller is not None and not self._caller.done()):
            return
        self._called = asyncio.Event()
        self._called.set()
        self._caller = asyncio.get_running_loop().create_task(self._call())
        # It waits for as long as the loop lives, which is nothing to complain about.
        self._caller._log_destroy_pending = False  # type: ignore[attr-defined]

    async def _call(self) -> None:
        while not self._over or self._calls:
            await self._called.wait()
            self._called.clear()
            while self._calls:
                function, argument, what = self._calls.popleft()
                try:
                    answer = function(argument)
                    if inspect.isawaitable(answer):
                        await answer
                except asyncio.CancelledError:
                    # Of something that the program waited for; or of this task, which 3.11 and newer can tell.
                    cancelling = getattr(asyncio.current_task(), "cancelling", None)
                    if cancelling is None or cancelling():
                        raise
                    _LOG.exception("%s of the program was cancelled", what)
                except Exception:
                    _LOG.exception("%s of the program failed", what)
                if self.pace is not None:
                    self.pace.arrived(1)
