"""Managers: the flags that a factory knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional

from .. import _arguments, _results
from ..models.splits import SplitView

if TYPE_CHECKING:
    from .factory import SplitFactoryBase


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

    def split(self, feature_flag_name: Any) -> Optional[SplitView]:
        """One flag."""
        self._factory._enter()
        # NULL would ask for all.
        name = _arguments.UNUSABLE if feature_flag_name is None else _arguments.text(feature_flag_name)
        flag = _results.manager_json(self._factory._handle.pointer, name)
        return None if flag is None else _results.view(flag)
