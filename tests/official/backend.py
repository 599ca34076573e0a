"""The emulator's control API, and how checks are counted."""

import json
import sys
import time
import traceback
import urllib.request


class Backend:
    """A running emulator."""

    def __init__(self, url):
        self.url = url

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/control/{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def post(self, path, **body):
        return self.call("POST", path, body)

    def requests(self, endpoint):
        """Those that were answered."""
        return [one for one in self.call("GET", f"requests?endpoint={endpoint}") if one["status"]]

    def flag(self, name):
        return next(flag for flag in self.call("GET", "state")["flags"]["d"] if flag["name"] == name)


def eventually(question, what, seconds=15):
    """The first true answer; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"never: {what}")
        time.sleep(0.02)


def equal(seen, expected, what):
    if seen != expected:
        raise AssertionError(f"{what}: {seen!r} instead of {expected!r}")


# Version 10.7.0 now and then loses track of its stream ("does not have an open SSE connection"), and polls beside it
# for good: the end of one and the beginning of the next overtake each other in its queue. What the emulator lacks
# fails each time.
TRIES = 3


def run(scenarios, *arguments):
    """Runs each scenario and prints a line for it, and the sums last."""
    failed = 0
    for scenario in scenarios:
        for left in reversed(range(TRIES)):
            try:
                scenario(*arguments)
                print(f"ok     python: {scenario.__doc__}", flush=True)
                break
            except Exception:  # whatever a scenario dies of is its failure
                failed += left == 0
                what = "again " if left else "FAILED"
                print(f"{what} python: {scenario.__doc__}\n{traceback.format_exc()}", flush=True)
    print(f"{len(scenarios) - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)
