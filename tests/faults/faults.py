"""The failures of the matrix: how each is made, and what the SDK is to do about it at each endpoint."""

import dataclasses
import enum
from typing import Optional

DAY = 86_400

# Members of answers, all of the wrong type.
WRONG_TYPES = {
    "splitChanges": '{"ff": {"d": {}, "s": "x", "t": []}, "rbs": 7}',
    "segmentChanges": '{"name": 7, "added": "ann", "removed": {}, "since": "x", "till": []}',
    "auth": '{"pushEnabled": "yes", "token": 7}',
}
# A stream that begins well.
BEGUN = ":keepalive\n\n" * 4


@dataclasses.dataclass(frozen=True)
class Fault:
    """One of `order` (for the emulator), `host` (a method of Door) and `clock` (seconds that the clock jumps)."""

    name: str
    order: Optional[dict] = None
    host: Optional[str] = None
    # The name of the host cannot be resolved either.
    nameless: bool = False
    clock: int = 0
    # How long an attempt takes to fail, in seconds, and the least pause that the backend asks for after it.
    takes: float = 0
    pause: float = 0

    def at(self, endpoint):
        """What the emulator is told."""
        order = {"endpoint": endpoint, **self.order}
        if self.name == "wrong types":
            order["body"] = WRONG_TYPES.get(endpoint, '[7, "x"]')
        elif self.name == "reset mid-body" and endpoint == "stream":
            order["body"] = BEGUN
        return order


class Does(enum.Enum):
    """What is done about a failure. Beyond it: evaluations answer as before, and nothing but this is said or sent."""

    # Tries again, each time after its pause; goes on when the failure ends. Said once, as a warning.
    AGAIN = enum.auto()
    # Takes the other side for an old proxy: asks at once for the former specification, then as AGAIN.
    OLDER = enum.auto()
    # Tries again as AGAIN; said once, as an error that names the key.
    KEY = enum.auto()
    # Tries again as AGAIN; said once, as an error: only who configured it can help.
    TELL = enum.auto()
    # Does without streaming for good: polls. Said once.
    POLL = enum.auto()
    # What was posted is dropped, and counted. Said once.
    DROP = enum.auto()
    # Not worth a second attempt, nor a word.
    ONCE = enum.auto()
    # As if nothing were: the answer's body, one message, or the clock do not matter.
    NOTHING = enum.auto()


def _status(status):
    return Fault(str(status), {"status": status})


# The read time-out and the connect time-out of the tests, in seconds.
READ, CONNECT = 2.5, 1.0
# What 429 asks for.
RETRY_AFTER = 2

FAULTS = [
    Fault("refused", host="refuse"),
    Fault("DNS failure", host="refuse", nameless=True),
    Fault("connect stall", host="stall", takes=CONNECT),
    Fault("read stall", {"hang": True}, takes=READ),
    Fault("stall mid-body", {"stall": True}, takes=READ),
    Fault("reset", {"drop": "reset"}),
    Fault("reset mid-body", {"truncate": True, "drop": "reset"}),
    Fault("truncated gzip", {"short_gzip": True}),
    Fault("damaged gzip", {"bad_gzip": True}),
    Fault("malformed JSON", {"malformed": True}),
    Fault("wrong types", {}),
    *map(_status, (400, 401, 403, 404, 414)),
    Fault("429", {"status": 429, "headers": {"Retry-After": str(RETRY_AFTER)}}, pause=RETRY_AFTER),
    *map(_status, (500, 503)),
    Fault("clock forwards", clock=400 * DAY),
    Fault("clock back", clock=-400 * DAY),
]

_CLOCK = {fault.name: Does.NOTHING for fault in FAULTS if fault.clock}
# A status says that it arrived, whatever stands in the body.
_READ = {"malformed JSON": Does.NOTHING, "wrong types": Does.NOTHING}
_POSTS = {"400": Does.DROP, "404": Does.DROP, "414": Does.DROP, "401": Does.KEY, "403": Does.KEY, **_READ, **_CLOCK}
_REPORTS = {**{fault.name: Does.ONCE for fault in FAULTS}, **_CLOCK}

# By endpoint, where it is not AGAIN.
DONE = {
    "splitChanges": {
        # With the definitions from a host of one's own, as here.
        **dict.fromkeys(("400", "reset mid-body", "truncated gzip", "damaged gzip"), Does.OLDER),
        "401": Does.KEY,
        "403": Does.KEY,
        "414": Does.TELL,
        **_CLOCK,
    },
    "segmentChanges": {"401": Does.KEY, "403": Does.KEY, **_CLOCK},
    "auth": {**dict.fromkeys(("400", "401", "403", "404", "414"), Does.POLL), **_CLOCK},
    # Messages of the stream, that is.
    "stream": {**_READ, **_CLOCK},
    "events/bulk": _POSTS,
    "testImpressions/bulk": _POSTS,
    "testImpressions/count": _POSTS,
    "keys/ss": _POSTS,
    "metrics/config": _REPORTS,
    "metrics/usage": _REPORTS,
}

# What is noticed by nothing but 70 seconds of silence.
SILENT = [("stream", "read stall"), ("stream", "stall mid-body")]


def silent_cells():
    return [(endpoint, fault) for endpoint, name in SILENT for fault in FAULTS if fault.name == name]


def done(endpoint, fault):
    return DONE[endpoint].get(fault.name, Does.AGAIN)


def cells(*endpoints):
    """Rows for pytest: endpoint and fault."""
    return [(endpoint, fault) for endpoint in endpoints for fault in FAULTS if (endpoint, fault.name) not in SILENT]
