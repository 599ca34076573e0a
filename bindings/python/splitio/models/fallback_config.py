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
        self.global_fallback_treatment = _treatment(global_fallback_treatment)
        self.by_flag_fallback_treatment = by_flag_fallback_treatment
        if isinstance(by_flag_fallback_treatment, dict):
            self.by_flag_fallback_treatment = {
                flag: _treatment(given) for flag, given in by_flag_fallback_treatment.items()
            }


def _treatment(given: Any) -> Any:
    """Whatever it is: the factory checks it."""
    return FallbackTreatment(given) if isinstance(given, str) else given
