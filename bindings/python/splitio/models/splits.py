"""Flags as the manager describes them."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional


class Prerequisites:
    """A flag on which another depends, and the treatments of it that will do."""

    def __init__(self, feature_flag_name: str, treatments: List[str]) -> None:
        self._feature_flag_name = feature_flag_name
        self._treatments = treatments

    @property
    def feature_flag_name(self) -> str:
        return self._feature_flag_name

    @property
    def treatments(self) -> List[str]:
        return self._treatments

    def __repr__(self) -> str:
        return f"Prerequisites({self._feature_flag_name!r}, {self._treatments!r})"

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Prerequisites):
            return NotImplemented
        return (self._feature_flag_name, self._treatments) == (other._feature_flag_name, other._treatments)

    __hash__ = None  # type: ignore[assignment]  # lists have none


class SplitView(NamedTuple):
    """A feature flag."""

    name: str
    traffic_type: Optional[str]
    killed: bool
    treatments: List[str]
    change_number: int
    configs: Dict[str, str]
    default_treatment: str
    sets: List[str]
    impressions_disabled: bool
    prerequisites: List[Prerequisites]
