"""What can happen to a factory."""

from __future__ import annotations

from enum import Enum


class SdkEvent(Enum):
    """What `client.on` takes."""

    SDK_READY = "SDK_READY"
    SDK_UPDATE = "SDK_UPDATE"
