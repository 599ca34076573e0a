"""An answer in place of `control`."""

from __future__ import annotations

from typing import Optional


class FallbackTreatment:
    """A treatment, and a configuration for it."""

    def __init__(self, treatment: str, config: Optional[str] = None, label: Optional[str] = None) -> None:
        self._treatment = treatment
        self._config = config
        self._label = label

    @property
    def treatment(self) -> str:
        return self._treatment

    @property
    def config(self) -> Optional[str]:
        return self._config

    @property
    def label(self) -> Optional[str]:
        return self._label
