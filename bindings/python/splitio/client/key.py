"""Keys that are bucketed by another key."""

from __future__ import annotations

from typing import Any


class Key:
    """Who is asked about, and what decides the bucket."""

    def __init__(self, matching_key: Any, bucketing_key: Any) -> None:
        self._matching_key = matching_key
        self._bucketing_key = bucketing_key

    @property
    def matching_key(self) -> Any:
        return self._matching_key

    @property
    def bucketing_key(self) -> Any:
        return self._bucketing_key
