"""What the cells share: a factory's beginning and end, and what is looked at in between."""

import contextlib

import pytest

from cell import Cell
from faults import CONNECT, READ, Does
from splitio import _native as library
from subject import KEY, Subject

# Every period here, in seconds, and the least that is left of it by its spread of 10 % and what clocks round off.
PERIOD = 1.0
SHORTEST = 0.85
# How exact the times of attempts are, in seconds.
BLUR = 0.02
# What comes with the next poll takes no longer, on a machine with much else to do.
PROMPT = 15.0

QUIET = {"impressionsMode": "NONE", "streamingEnabled": False}
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


def ended(sdk, expected=library.OK, timeout_ms=20_000, seconds=READ + 2.5):
    """It ends like this, and soon: only a post that is under way is waited for."""
    status, took = sdk.destroy(timeout_ms)
    assert status == expected, sdk.lines()
    assert took < seconds


def said(sdk):
    """The log without the lines on the plain http of these tests."""
    lines = [line for line in sdk.lines() if "http://" not in line[1]]
    assert not any(KEY in message for _, message in lines), lines
    return lines


def check_said(sdk, cell, at_most=1):
    """What a failure is worth: one line, or none."""
    lines = said(sdk)
    if cell.does in (Does.ONCE, Does.NOTHING):
        assert not lines, lines
        return
    # A host that ends connections and refuses others fails in two ways.
    assert 1 <= len(lines) <= at_most * (2 if cell.fault.host else 1), lines
    is_error, message = lines[0]
    assert is_error or cell.does not in (Does.KEY, Does.DROP, Does.POLL), lines
    assert "SDK key" in message or cell.does is not Does.KEY, lines


def check_pauses(cell, *least, askers=1):
    """Between two attempts is what the first one took, and at least the pause at its place; after those, the last of
    them. Where several ask one host, the same holds between every so many attempts."""
    times = cell.attempts()
    for place in range(len(times) - askers):
        pause = max(least[min(place, len(least) - 1)], cell.fault.pause) + cell.fault.takes - BLUR
        assert times[place + askers] - times[place] >= pause, (place, pause, times)


def answers(sdk):
    """An evaluation is never without definitions."""
    assert sdk.treatment("ann", "flag") != "control"
