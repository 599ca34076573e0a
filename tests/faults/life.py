"""What the cells share: a factory's beginning and end, and what is looked at in between."""

import contextlib

import pytest

from cell import Cell, until
from faults import CONNECT, READ, Does
from splitio import _native as library
from subject import KEY, Subject

# Every period here, in seconds, and the least that is left of it by its spread of 10 % and what clocks round off.
PERIOD = 1.0
SHORTEST = 0.85
# How exact the times of attempts are, in seconds; those of which the SDK has seen some time pass before they arrived.
BLUR, ARRIVAL = 0.02, 0.3
# What comes with the next poll takes no longer, on a machine with much else to do.
PROMPT = 15.0
# What may be because of the SDK key.
BLAMED_ON_THE_KEY = ("401", "403", "404")
# The key of the last event of a factory whose clock jumped.
LAST = "last"

QUIET = {"impressionsMode": "NONE", "streamingEnabled": False, "eventsPushRate": 1}
POLLING = {**QUIET, "featuresRefreshRate": 1, "segmentsRefreshRate": 1}


def rows(cells):
    """A test of cells: it gets a `cell`."""
    return pytest.mark.parametrize("cell", cells, ids=lambda each: f"{each[0]}-{each[1].name}", indirect=True)


@contextlib.contextmanager
def prepared(backend, endpoint, fault):
    """A cell with its definitions."""
    with Cell(backend, endpoint, fault) as cell:
        cell.define()
        yield cell


@contextlib.contextmanager
def started(cell, options):
    """A ready factory, which may have begun under the failure."""
    times = {"connectionTimeout": int(CONNECT * 1000), "readTimeout": int(READ * 1000)}
    with Subject({**times, **cell.addresses(), **options}) as sdk:
        sdk.wait_ready()
        yield sdk


def ended(cell, sdk, expected=library.OK, timeout_ms=20_000, seconds=READ + 2.5):
    """It ends like this, and soon: only a post that is under way is waited for."""
    if cell.fault.clock:
        sdk.track(LAST)
    status, took = sdk.destroy(timeout_ms)
    assert status == expected, sdk.lines()
    assert took < seconds
    if cell.fault.clock:
        check_clock(cell)


def check_clock(cell):
    """The clock that jumped is the one that the factory saw: its last event has the time of it."""
    posts = cell.backend.requests("events/bulk")
    (ahead,) = [
        event["timestamp"] - post["time_ms"] for post in posts for event in post["body"] if event["key"] == LAST
    ]
    assert abs(ahead / 1000 - cell.fault.clock) < PROMPT


def live(cell, sdk, periods, steady):
    """Waits for so many periods of the library's own, however busy the machine is: it posts the events of each."""

    def posts():
        return len(cell.backend.requests("events/bulk"))

    # What is recorded just before a period ends is posted at once.
    for _ in range(periods + 1):
        before = posts()
        sdk.track("alive")
        until(lambda before=before: posts() > before, steady, what="a post of events")


def said(sdk):
    """The log without the lines on the plain http of these tests."""
    lines = [line for line in sdk.lines() if "http://" not in line[1]]
    assert not any(KEY in message for _, message in lines), lines
    return lines


def check_said(sdk, cell, things=1):
    """What a failure is worth: a line about each of so many things, or none; no line twice."""
    lines = said(sdk)
    if cell.does in (Does.ONCE, Does.NOTHING):
        assert not lines, lines
        return
    # A host that ends connections and refuses others fails in two ways; which of them is noticed is chance.
    assert things <= len(lines) <= things * (2 if cell.fault.host else 1), lines
    assert len(set(lines)) == len(lines), lines
    for is_error, message in lines:
        assert is_error == (cell.does in (Does.KEY, Does.TELL, Does.DROP, Does.POLL)), lines
        assert "SDK key" in message or cell.does is not Does.KEY, lines
        assert "SDK key" not in message or cell.fault.name in BLAMED_ON_THE_KEY, lines


def check_pauses(cell, *least, askers=1):
    """Between two attempts is what the first one took, and at least the pause at its place; after those, the last of
    them. Where several ask one host, the same holds between every so many attempts."""
    times = cell.attempts()
    for place in range(len(times) - askers):
        pause = max(least[min(place, len(least) - 1)], cell.fault.pause) + cell.fault.takes
        pause -= ARRIVAL if cell.fault.takes else BLUR
        assert times[place + askers] - times[place] >= pause, (place, pause, times)


def answers(sdk):
    """An evaluation is never without definitions."""
    assert sdk.treatment("ann", "flag") != "control"
