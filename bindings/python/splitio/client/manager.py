"""Managers: the flags that a factory knows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Callable, List, Optional, TypeVar

from .. import _arguments, _results
from ..models.splits import SplitView

if TYPE_CHECKING:
    from .factory import SplitFactoryAsync, SplitFactoryBase

_T = TypeVar("_T")


class SplitManager:
    """Describes the flags, on any thread."""

    def __init__(self, factory: SplitFactoryBase) -> None:
        self._factory = factory

    def split_names(self) -> List[str]:
        """The names of all flags."""
        self._factory._enter()
        return _results.names(self._factory._handle.pointer)

    def splits(self) -> List[SplitView]:
        """All flags."""
        self._factory._enter()
        return [_results.view(flag) for flag in _results.manager_json(self._factory._handle.pointer, None) or ()]

    def split(self, feature_name: Any) -> Optional[SplitView]:
        """One flag."""
        self._factory._enter()
        # NULL would ask for all.
        name = _arguments.UNUSABLE if feature_name is None else _arguments.text(feature_name)
        flag = _results.manager_json(self._factory._handle.pointer, name)
        return None if flag is None else _results.view(flag)


class SplitManagerAsync:
    """Describes the flags, under asyncio."""

    def __init__(self, factory: SplitFactoryAsync) -> None:
        self._manager = SplitManager(factory)
        self._waits = not factory._keeps_lock

    async def split_names(self) -> List[str]:
        """The names of all flags."""
        return await self._answer(self._manager.split_names)

    async def splits(self) -> List[SplitView]:
        """All flags."""
        return await self._answer(self._manager.splits)

    async def split(self, feature_name: Any) -> Optional[SplitView]:
        """One flag."""
        return await self._answer(self._manager.split, feature_name)

    async def _answer(self, function: Callable[..., _T], *arguments: Any) -> _T:
        if self._waits:
            return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)
        return function(*arguments)
