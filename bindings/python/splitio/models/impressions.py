"""Impressions as listeners get them."""

from __future__ import annotations

from typing import NamedTuple, Optional


class Impression(NamedTuple):
    """Which treatment a key was given, when and why. Times are in milliseconds since 1970."""

    matching_key: str
    feature_name: str
    treatment: str
    label: Optional[str]
    change_number: Optional[int]
    bucketing_key: Optional[str]
    time: int
    previous_time: Optional[int] = None
    properties: Optional[str] = None
