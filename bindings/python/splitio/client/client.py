"""Clients: evaluations and events."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, TypeVar

from .._arguments import EvaluationOptions
from .._evaluations import Evaluations
from .._results import Explanation, WithConfig
from ..models.events import SdkEvent

if TYPE_CHECKING:
    from .factory import SplitFactory, SplitFactoryAsync

__all__ = ["CONTROL", "Client", "ClientAsync", "EvaluationOptions", "Explanation"]

CONTROL = "control"

_T = TypeVar("_T")

_LOG = logging.getLogger("splitio.client")


class Client(Evaluations):
    """Evaluates flags and takes events, on any thread."""

    _factory: SplitFactory

    def destroy(self) -> None:
        """Destroys the factory."""
        self._factory.destroy()

    def on(self, sdk_event: SdkEvent, callback_handle: Callable[[Any], Any]) -> None:
        """Calls something when the factory becomes ready, or whenever its definitions change."""
        if is_subscription(sdk_event, callback_handle):
            self._factory._use()
            self._factory._delivery.on(sdk_event, callback_handle)


def is_subscription(sdk_event: Any, handler: Optional[Any]) -> bool:
    """Whether something can be called for an event."""
    if not isinstance(sdk_event, SdkEvent):
        _LOG.warning("on: the event is not an SdkEvent; nothing is subscribed")
        return False
    if not callable(handler):
        _LOG.warning("on: the handler cannot be called; nothing is subscribed")
        return False
    return True


class ClientAsync:
    """Evaluates flags and takes events, under asyncio.

    With definitions in memory an evaluation is done when its coroutine is first asked; with a storage that has to be
    waited for, it is done in a thread of the loop's pool.
    """

    def __init__(self, factory: SplitFactoryAsync) -> None:
        self._factory = factory
        self._evaluations = Evaluations(factory)
        self._waits = not factory._keeps_lock

    @property
    def ready(self) -> bool:
        return self._factory.ready

    @property
    def destroyed(self) -> bool:
        return self._factory.destroyed

    async def destroy(self) -> None:
        """Destroys the factory."""
        await self._factory.destroy()

    async def on(self, sdk_event: SdkEvent, callback_handle: Callable[[Any], Any]) -> None:
        """Calls something when the factory becomes ready, or whenever its definitions change."""
        if is_subscription(sdk_event, callback_handle):
            self._factory._use()
            self._factory._delivery.on(sdk_event, callback_handle)

    async def get_treatment(
        self, key: Any, feature_flag_name: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> str:
        """The treatment of a key."""
        return await self._answer(
            self._evaluations.get_treatment, key, feature_flag_name, attributes, evaluation_options
        )

    async def get_treatment_with_config(
        self, key: Any, feature_flag_name: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> WithConfig:
        """The treatment of a key, and the configuration that belongs to it."""
        return await self._answer(
            self._evaluations.get_treatment_with_config, key, feature_flag_name, attributes, evaluation_options
        )

    async def get_treatments(
        self, key: Any, feature_flag_names: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, str]:
        """The treatments of several flags, by name."""
        return await self._answer(
            self._evaluations.get_treatments, key, feature_flag_names, attributes, evaluation_options
        )

    async def get_treatments_with_config(
        self, key: Any, feature_flag_names: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, WithConfig]:
        """The treatments of several flags with their configurations, by name."""
        return await self._answer(
            self._evaluations.get_treatments_with_config, key, feature_flag_names, attributes, evaluation_options
        )

    async def get_treatments_by_flag_set(
        self, key: Any, flag_set: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, str]:
        """The treatments of the flags of a flag set, by name."""
        return await self._answer(
            self._evaluations.get_treatments_by_flag_set, key, flag_set, attributes, evaluation_options
        )

    async def get_treatments_with_config_by_flag_set(
        self, key: Any, flag_set: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, WithConfig]:
        """The treatments of the flags of a flag set with their configurations, by name."""
        return await self._answer(
            self._evaluations.get_treatments_with_config_by_flag_set, key, flag_set, attributes, evaluation_options
        )

    async def get_treatments_by_flag_sets(
        self, key: Any, flag_sets: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, str]:
        """The treatments of the flags of several flag sets, by name."""
        return await self._answer(
            self._evaluations.get_treatments_by_flag_sets, key, flag_sets, attributes, evaluation_options
        )

    async def get_treatments_with_config_by_flag_sets(
        self, key: Any, flag_sets: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Dict[str, WithConfig]:
        """The treatments of the flags of several flag sets with their configurations, by name."""
        return await self._answer(
            self._evaluations.get_treatments_with_config_by_flag_sets, key, flag_sets, attributes, evaluation_options
        )

    async def explain(
        self, key: Any, feature_flag_name: Any, attributes: Any = None, evaluation_options: Any = None
    ) -> Explanation:
        """How a flag would be decided for a key, and why. Records no impression."""
        return await self._answer(self._evaluations.explain, key, feature_flag_name, attributes, evaluation_options)

    async def track(
        self, key: Any, traffic_type: Any, event_type: Any, value: Any = None, properties: Any = None
    ) -> bool:
        """Records an event of a key, for metrics; whether it was valid and there was room for it."""
        return await self._answer(self._evaluations.track, key, traffic_type, event_type, value, properties)

    async def _answer(self, function: Callable[..., _T], *arguments: Any) -> _T:
        answer = await _elsewhere(function, *arguments) if self._waits else function(*arguments)
        delivery = self._factory._delivery
        # The loop may be another than before, as with a second asyncio.run, or a forked child's.
        delivery.attach()
        await delivery.follow()
        return answer


async def _elsewhere(function: Callable[..., _T], *arguments: Any) -> _T:
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)
