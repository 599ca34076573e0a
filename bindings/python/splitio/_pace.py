"""Evaluations and the listener at one pace.

An evaluation is much quicker than any listener, and what the queue between them cannot hold is dropped. Split's SDK
calls the listener inside the evaluation, so programs that loop over many keys expect each impression to arrive. Here
the evaluation waits when the listener is far behind; but not for one that stands still.
"""

from __future__ import annotations

import itertools
import time

# Impressions that may be on their way. The queue holds twice as many.
MOST = 5000
# How long one evaluation waits for a listener that makes no progress.
PATIENCE_SECONDS = 1.0


class Pace:
    """Counts impressions on their way, roughly: evaluations that made none are forgotten when the queue is empty."""

    def __init__(self) -> None:
        self._counter = itertools.count(1)
        self._made = 0
        self._arrived = 0
        # What had arrived when somebody lost patience.
        self._gave_up_at = -1

    def made(self, impressions: int) -> None:
        for _ in range(impressions):
            self._made = next(self._counter)

    def mark(self) -> int:
        """Before a look into the queue: what is on its way by now."""
        return self._made

    def arrived(self, impressions: int) -> None:
        self._arrived += impressions

    def all_arrived(self, mark: int) -> None:
        """The queue is empty, of all that was made before the mark."""
        self._arrived = max(self._arrived, mark)

    def is_behind(self) -> bool:
        return self._made - self._arrived > MOST and self._arrived != self._gave_up_at

    def progress(self) -> int:
        return self._arrived

    def give_up(self) -> None:
        """Waits no more, until the listener moves."""
        self._gave_up_at = self._arrived

    def wait(self) -> None:
        """Lets the listener come closer."""
        seen, since = self._arrived, time.monotonic()
        while self.is_behind():
            time.sleep(0.001)
            if self._arrived != seen:
                seen, since = self._arrived, time.monotonic()
            elif time.monotonic() - since > PATIENCE_SECONDS:
                self.give_up()
