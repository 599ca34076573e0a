"""The option fallbackTreatments."""

from __future__ import annotations

from typing import Any, Dict, Optional, Union

from .fallback_treatment import FallbackTreatment

__all__ = ["FallbackTreatment", "FallbackTreatmentsConfiguration"]

_Given = Union[str, FallbackTreatment]


class FallbackTreatmentsConfiguration:
    """Answers in place of `control`: one for all flags, and others for some. A bare text is a treatment."""

    def __init__(
        self,
        global_fallback_treatment: Optional[_Given] = None,
        by_flag_fallback_treatment: Optional[Dict[str, _Given]] = None,
    ) -> None:
        self._global = _treatment(global_fallback_treatment)
        self._by_flag: Any = by_flag_fallback_treatment
        if isinstance(by_flag_fallback_treatment, dict):
            self._by_flag = {flag: _treatment(given) for flag, given in by_flag_fallback_treatment.items()}

    @property
    def global_fallback_treatment(self) -> Optional[FallbackTreatment]:
        treatment: Optional[FallbackTreatment] = self._global
        return treatment

    @global_fallback_treatment.setter
    def global_fallback_treatment(self, new_value: Optional[FallbackTreatment]) -> None:
        self._global = new_value

    @property
    def by_flag_fallback_treatment(self) -> Optional[Dict[str, FallbackTreatment]]:
        treatments: Optional[Dict[str, FallbackTreatment]] = self._by_flag
        return treatments

    @by_flag_fallback_treatment.setter
    def by_flag_fallback_treatment(self, new_value: Optional[Dict[str, FallbackTreatment]]) -> None:
        self._by_flag = new_value


def _treatment(given: Any) -> Any:
    """Whatever it is: the factory checks it."""
    return FallbackTreatment(given) if isinstance(given, str) else given
