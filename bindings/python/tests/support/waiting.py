"""Waiting for what must come, without sleeping for what may."""

import time


def eventually(question, what="what was expected", seconds=10):
    """The first true answer; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"never: {what}")
        time.sleep(0.01)
