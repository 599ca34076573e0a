"""One cell of the matrix: an endpoint, a failure, and what the backend saw of both."""

import contextlib
import time

import world
from door import ADDRESS, Door
from faults import done
from support.emulated import served
from support.flags import condition, everyone, matcher

HOSTS = {
    "splitChanges": "sdk",
    "segmentChanges": "sdk",
    "auth": "auth",
    "stream": "streaming",
    "events/bulk": "events",
    "testImpressions/bulk": "events",
    "testImpressions/count": "events",
    "keys/ss": "telemetry",
    "metrics/config": "telemetry",
    "metrics/usage": "telemetry",
}
# Of the stream, what the body of an answer is elsewhere.
MESSAGES = {
    "malformed JSON": {"type": "RAW", "text": 'event: message\ndata: {"channel": "split\n\n'},
    "wrong types": {"type": "OTHER", "data": {"type": "SPLIT_UPDATE", "changeNumber": "soon"}},
}
# How long to wait for what must come.
PATIENCE = 40


class Cell:
    def __init__(self, backend, endpoint, fault):
        self.backend, self.endpoint, self.fault = backend, endpoint, fault
        self.does = done(endpoint, fault)
        self._open = contextlib.ExitStack()
        self._door = self._order = None
        self._begun, self._last, self._number = 0.0, 0, 0

    def __enter__(self):
        if self.fault.host:
            self._door = self._open.enter_context(Door(int(self.backend.url.rsplit(":", 1)[1])))
        return self

    def __exit__(self, *_raised):
        world.set_clock(0)
        world.forget_names(False)
        self._open.close()

    def addresses(self):
        """Options: the base URLs, with the endpoint's host behind the door if its failure is one of hosts."""
        options = dict(self.backend.arguments)
        if self._door:
            host = HOSTS[self.endpoint]
            name = world.HOST if self.fault.nameless else ADDRESS
            path = "" if host == "streaming" else "/api"
            options[f"{host}_api_base_url"] = f"http://{name}:{self._door.port}{path}"
        return options

    # ---- The failure

    def inflict(self):
        self.begin_counting()
        if self.fault.clock:
            world.set_clock(self.fault.clock)
        elif self.fault.host:
            world.forget_names(self.fault.nameless)
            getattr(self._door, self.fault.host)()
            # Not the connection of its own that it stalls with.
            self.begin_counting()
        else:
            self._order = self.backend.post("faults", **self.fault.at(self.endpoint))["id"]

    def inflict_on_streams(self):
        """The same when there is one, which ends: in nothing else is it noticed."""
        if self.fault.name in MESSAGES:
            for _ in range(20):
                self.backend.post("notify", notification=MESSAGES[self.fault.name])
            return
        self.inflict()
        # The host that ends its streams itself is the stream's.
        if self._order or self.endpoint != "stream":
            self.backend.post("streams/drop", how="reset")

    def begin_counting(self):
        """Attempts so far are not of interest."""
        self._last = max((one["sequence"] for one in self.all_requests()), default=0)
        self._begun = time.monotonic()

    def lift(self):
        """Clocks stay where they jumped."""
        if self.fault.host:
            world.forget_names(False)
            self._door.open()
        elif self._order:
            self.backend.call("DELETE", f"faults/{self._order}")
            self._order = None

    # ---- What the SDK did meanwhile

    def all_requests(self):
        return self.backend.call("GET", f"requests?endpoint={self.endpoint}")

    def requests(self):
        """Those to the endpoint since the failure began."""
        return [one for one in self.all_requests() if one["sequence"] > self._last]

    def attempts(self):
        """When each attempt since the failure began was made, in seconds; also those that never became requests."""
        if not self._door:
            return [one["time_ms"] / 1000 for one in self.requests()]
        return [at for at in world.attempts(0 if self.fault.nameless else self._door.port) if at > self._begun]

    def hold(self, attempts, steady):
        """Waits for so many attempts, while `steady` must hold."""
        steady()
        deadline = time.monotonic() + PATIENCE
        while len(self.attempts()) < attempts:
            assert time.monotonic() < deadline, f"{len(self.attempts())} attempts of {attempts}"
            watch(0.1, steady)

    # ---- The backend's data

    def define(self):
        """Flags that everybody, and the members of a segment, get "on" from."""
        members = matcher("IN_SEGMENT", userDefinedSegmentMatcherData={"segmentName": "members"})
        self.backend.call("POST", "segments", {"name": "members", "keys": ["ann"]})
        self.backend.put(
            served("flag"),
            served("for_members", condition("on", members)),
            served("silent", impressionsDisabled=True),
        )

    def change(self):
        """Changes what the endpoint delivers: the treatment that ann is to get from now on."""
        self._number += 1
        if self.endpoint == "segmentChanges":
            member = self._number % 2 == 0
            self.backend.post("segments/update", name="members", **{"added" if member else "removed": ["ann"]})
            return "on" if member else "off"
        treatment = f"new{self._number}"
        self.backend.put(served("flag", everyone(treatment)))
        return treatment

    @property
    def flag(self):
        return "for_members" if self.endpoint == "segmentChanges" else "flag"


def watch(seconds, steady):
    """Asks again and again for so long."""
    until = time.monotonic() + seconds
    while True:
        steady()
        if time.monotonic() >= until:
            return
        time.sleep(0.01)


def until(holds, steady=lambda: None, seconds=PATIENCE, what="what was expected"):
    """Waits for it, while `steady` must hold."""
    deadline = time.monotonic() + seconds
    while not holds():
        steady()
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)
