"""Where Split's SDK has the exception of what cannot be fetched or read."""

from __future__ import annotations

from typing import Optional


class APIException(Exception):
    """Definitions cannot be had: a file of localhost mode that is missing or cannot be read, a storage that is gone."""

    def __init__(self, custom_message: str, status_code: Optional[int] = None) -> None:
        super().__init__(custom_message)
        # Of HTTP; -1 where there was none.
        self.status_code = status_code or -1
