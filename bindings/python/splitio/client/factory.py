"""Factories: how they are made, how long they live."""

from __future__ import annotations

import asyncio
import logging
import weakref
from enum import Enum
from typing import Any, Dict, Optional, Union

from .. import _config, _handle, _native, _waiting
from .._delivery import Delivery
from .._loop import LoopDelivery
from .client import Client, ClientAsync
from .manager import SplitManager, SplitManagerAsync

_LOG = logging.getLogger("splitio.factory")
_URLS = (
    "sdk_api_base_url",
    "events_api_base_url",
    "auth_api_base_url",
    "streaming_api_base_url",
    "telemetry_api_base_url",
)


class Status(Enum):
    """Where a factory is in its life."""

    NOT_INITIALIZED = "NOT_INITIALIZED"
    READY = "READY"
    DESTROYED = "DESTROYED"
    WAITING_FORK = "WAITING_FORK"


_STATUS = {1: Status.READY, 2: Status.DESTROYED, 3: Status.WAITING_FORK}


class TimeoutException(Exception):
    """The time given to `block_until_ready` ran out, or the factory cannot become ready any more."""


class SplitFactoryBase:
    """What factories with and without asyncio have in common."""

    _delivery: Union[Delivery, LoopDelivery]

    def __init__(self, pointer: int, settings: _config.Settings) -> None:
        self._handle = _handle.Handle(pointer)
        # Calls that may wait for a storage give up the interpreter lock.
        self._keeps_lock = not settings.waits
        # Once it was ready, waiting for it is over also when it is destroyed.
        self._was_ready = False

    @property
    def ready(self) -> bool:
        """Whether it answers from definitions."""
        self._enter()
        return self._handle.status == _native.STATUS_READY

    @property
    def destroyed(self) -> bool:
        return self._handle.destroyed

    @property
    def status(self) -> Status:
        return _STATUS.get(self._handle.status, Status.NOT_INITIALIZED)

    def _enter(self) -> None:
        """Before a call: notices that this is a forked child."""
        if not self._handle.is_of_this_process():
            self._after_fork()

    def _use(self) -> None:
        """Before a call that leaves something to be handed over."""
        if self._handle.in_use != int(_native.fork_generation.value):
            self._enter()
            self._begin()
            _handle.finish_with_multiprocessing()
            self._handle.in_use = self._handle.generation

    def _begin(self) -> None:
        """The first such call in this process."""

    def _after_fork(self) -> None:
        raise NotImplementedError

    def _check_readiness(self, status: int, timeout: Optional[float]) -> None:
        if status == _native.OK:
            self._was_ready = True
        elif status == _native.FORKED or (status == _native.DESTROYED and self._was_ready):
            # In the master of preforkedInitialization, whose definitions are there; or it was ready in its time.
            return
        elif status == _native.UNAUTHORIZED:
            raise TimeoutException("SDK initialization: Split does not accept the SDK key")
        elif status == _native.DESTROYED:
            raise TimeoutException("SDK initialization: the factory has been destroyed")
        else:
            raise TimeoutException(f"SDK initialization: not ready after {timeout} seconds")


class SplitFactory(SplitFactoryBase):
    """A running SDK. Make one, keep it, and get clients and managers from it."""

    _delivery: Delivery

    def __init__(self, pointer: int, settings: _config.Settings) -> None:
        super().__init__(pointer, settings)
        self._delivery = Delivery(self._handle, settings.listener)
        # Dropped without `destroy`, it still sends what it has.
        weakref.finalize(self, self._handle.abandon).atexit = False
        self._delivery.catch_up()

    def client(self) -> Client:
        """A client, which is little more than a reference to this."""
        return Client(self)

    def manager(self) -> SplitManager:
        """A manager, which is little more than a reference to this."""
        return SplitManager(self)

    def block_until_ready(self, timeout: Optional[float] = None) -> None:
        """Waits until it is ready; raises TimeoutException after `timeout` seconds. None: as long as it takes."""
        self._enter()
        self._check_readiness(_waiting.until(self._wait, timeout), timeout)

    def _wait(self, milliseconds: int) -> int:
        status = int(_native.block_until_ready(self._handle.pointer, milliseconds))
        self._delivery.catch_up()
        return status

    def flush(self, timeout: Optional[float] = None) -> bool:
        """Sends what is queued and waits for it; whether all was sent within `timeout` seconds."""
        self._enter()
        status = self._handle.flush(timeout)
        self._delivery.catch_up()
        return status == _native.OK

    def destroy(self, destroyed_event: Any = None) -> None:
        """Ends it, in the background: evaluations give `control` from now on, and what is queued is sent.

        `destroyed_event` (threading.Event) is set once all of that is done, within some ten seconds.
        """
        if destroyed_event is not None:
            self._delivery.afterwards(lambda: destroyed_event.set())
        if self._handle.destroyed:
            return
        self._enter()
        self._handle.destroy(self._delivery.after_destroy)

    def resume(self) -> None:
        """In a forked child, starts threads and connections of its own. The first use of the factory does so, too."""
        self._enter()
        _handle.resume(self._handle)
        self._delivery.start()

    def _enter(self) -> None:
        super()._enter()
        self._delivery.catch_up()

    def _begin(self) -> None:
        # The master of preforkedInitialization stays without threads.
        if self._handle.status != _native.STATUS_WAITING_FORK:
            self._delivery.start()

    def _after_fork(self) -> None:
        self._handle.renew()
        self._delivery.renew()


class SplitFactoryAsync(SplitFactoryBase):
    """A running SDK under asyncio. Make one, keep it, and get clients and managers from it."""

    _delivery: LoopDelivery

    def __init__(self, pointer: int, settings: _config.Settings) -> None:
        super().__init__(pointer, settings)
        self._delivery = LoopDelivery(self._handle, settings.listener)
        weakref.finalize(self, _abandon, self._handle, self._delivery).atexit = False
        self._delivery.attach()

    def client(self) -> ClientAsync:
        """A client, which is little more than a reference to this."""
        self._enter()
        return ClientAsync(self)

    def manager(self) -> SplitManagerAsync:
        """A manager, which is little more than a reference to this."""
        return SplitManagerAsync(self)

    async def block_until_ready(self, timeout: Optional[float] = None) -> None:
        """Waits until it is ready; raises TimeoutException after `timeout` seconds. None: as long as it takes."""
        self._enter()
        pointer = self._handle.pointer
        status = await self._delivery.until(lambda ms: int(_native.block_until_ready(pointer, ms)), timeout)
        self._check_readiness(status, timeout)

    async def destroy(self, destroyed_event: Any = None) -> None:
        """Ends it: evaluations give `control` from now on. Done when what is queued is sent, or after ten seconds."""
        if not self._handle.destroyed:
            self._enter()
            self._handle.destroy(lambda: None)
        await self._delivery.over()
        if destroyed_event is not None:
            destroyed_event.set()

    def _after_fork(self) -> None:
        self._handle.renew()
        self._delivery.renew()


def _abandon(handle: _handle.Handle, delivery: LoopDelivery) -> None:
    delivery.detach_from_a_closed_loop()
    handle.abandon()


def _settings(arguments: Dict[str, Any]) -> _config.Settings:
    return _config.Settings(arguments.get("config"), {name: arguments.get(name) for name in _URLS})


def _new(api_key: Any, settings: _config.Settings) -> int:
    """A factory of the library; 0, and a line in the log, for what cannot be an SDK key."""
    pointer, why_not = _config.new_factory(api_key, settings)
    if pointer == 0:
        _LOG.error("no factory was made: %s", why_not)
    return pointer


def get_factory(api_key: Any, **kwargs: Any) -> Any:
    """Makes a factory, which fetches its definitions in the background (see `block_until_ready`).

    `config` is a dictionary of Split's options. The arguments sdk_api_base_url, events_api_base_url,
    auth_api_base_url, streaming_api_base_url and telemetry_api_base_url say where Split's services are. An SDK key
    that cannot be one gives None. With options of Redis the factory is ready at once; a Redis that does not answer
    raises RedisAdapterException.
    """
    settings = _settings(kwargs)
    pointer = _new(api_key, settings)
    return SplitFactory(pointer, settings) if pointer else None


async def get_factory_async(api_key: Any, **kwargs: Any) -> Any:
    """`get_factory`, for asyncio: the factory belongs to the loop that runs."""
    settings = _settings(kwargs)
    if settings.waits or settings.fetches_first:
        pointer = await asyncio.get_running_loop().run_in_executor(None, _new, api_key, settings)
    else:
        pointer = _new(api_key, settings)
    return SplitFactoryAsync(pointer, settings) if pointer else None
