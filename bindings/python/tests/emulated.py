"""A running emulator, its control API, and the definitions that tests put into it.

Shared by the suites that need a backend. What is asked of it again and again goes through `eventually`: no test sleeps to
see whether something happened.
"""

from __future__ import annotations

import collections
import json
import os
import subprocess
import time
import urllib.request
from typing import Any, Callable, Dict, List, Optional

Json = Dict[str, Any]


def eventually(question: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
    """The first true answer; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"never: {what}")
        time.sleep(0.02)


class Emulator:
    """The program of SPLITIO_EMULATOR on a free port, for a `with`."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: Optional[subprocess.Popen] = None
        self.url = ""

    def __enter__(self) -> "Emulator":
        program = os.environ.get("SPLITIO_EMULATOR")
        if not program:
            raise RuntimeError("SPLITIO_EMULATOR must name the program splitio-emulator")
        self._process = subprocess.Popen(
            [program, "--port", "0", *self._arguments], stdout=subprocess.PIPE, universal_newlines=True
        )
        self.url = self._process.stdout.readline().strip().replace("listening on ", "")
        if not self.url.startswith("http"):
            raise RuntimeError("the emulator did not start")
        return self

    def __exit__(self, *_raised: Any) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()

    @property
    def urls(self) -> Dict[str, str]:
        """What `get_factory` needs to speak to it."""
        return {
            "sdk_api_base_url": f"{self.url}/api",
            "events_api_base_url": f"{self.url}/api",
            "auth_api_base_url": f"{self.url}/api",
            "telemetry_api_base_url": f"{self.url}/api",
            "streaming_api_base_url": self.url,
        }

    def call(self, method: str, path: str, body: Optional[Json] = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/control/{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def post(self, path: str, **body: Any) -> Any:
        return self.call("POST", path, body)

    def put(self, *flags: Json) -> None:
        for flag in flags:
            self.post("flags", flag=flag)

    def begin(self, **options: Any) -> None:
        """Back to the start, with settings."""
        self.post("reset")
        if options:
            self.post("options", **options)

    def requests(self, endpoint: str) -> List[Json]:
        """Those that the backend acted on, with an answer that says so."""
        found = self.call("GET", f"requests?endpoint={endpoint}")
        return [one for one in found if one["processed"] and one["status"] == 200]

    def counters(self, endpoint: str) -> Json:
        return self.call("GET", "counters").get(endpoint, {})

    def streams(self) -> List[Json]:
        return self.call("GET", "streams")

    def impressions(self) -> List[Json]:
        """Every impression that arrived, with its flag as `flag`."""
        return [
            {"flag": test["f"], **impression}
            for request in self.requests("testImpressions/bulk")
            for test in request["body"]
            for impression in test["i"]
        ]

    def events(self) -> List[Json]:
        return [event for request in self.requests("events/bulk") for event in request["body"]]

    def impression_keys(self) -> "collections.Counter[str]":
        """How often an impression of each key arrived."""
        return collections.Counter(one["k"] for one in self.impressions())

    def event_keys(self) -> "collections.Counter[str]":
        return collections.Counter(one["key"] for one in self.events())


def matcher(kind: str, attribute: Optional[str] = None, **data: Any) -> Json:
    return {
        "keySelector": {"trafficType": "user", "attribute": attribute},
        "matcherType": kind,
        "negate": False,
        **data,
    }


def condition(treatment: str, *matchers: Json, label: str = "default rule") -> Json:
    """Everybody whom all matchers take gets the treatment."""
    return {
        "conditionType": "ROLLOUT",
        "matcherGroup": {"combiner": "AND", "matchers": list(matchers) or [matcher("ALL_KEYS")]},
        "partitions": [{"treatment": treatment, "size": 100}],
        "label": label,
    }


def flag(name: str, *conditions: Json, **members: Any) -> Json:
    """A flag; without conditions everybody gets "on"."""
    return {
        "name": name,
        "trafficTypeName": "user",
        "trafficAllocation": 100,
        "trafficAllocationSeed": 1,
        "seed": 10,
        "status": "ACTIVE",
        "killed": False,
        "defaultTreatment": "off",
        "algo": 2,
        "conditions": list(conditions) or [condition("on")],
        "configurations": {},
        "sets": [],
        "impressionsDisabled": False,
        **members,
    }
