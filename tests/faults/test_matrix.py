"""Every endpoint with every failure: what the SDK goes on to answer, what it asks and when, what it says, what arrives.

Cells of an endpoint share a life: a failure, several attempts under it, its end, what comes after it, and a second
failure that the factory is destroyed in.
"""

import collections
import contextlib
import itertools
import threading

import pytest
from splitio import _native as library

from cell import Cell, until, watch
from faults import READ, Does, cells, silent_cells
from subject import KEY, Subject

# Of every period here, in seconds, with its spread of 10 % and what clocks round off.
PERIOD = 1.0
SHORTEST = 0.85
# How exactly attempts are noticed that never become requests, in seconds.
BLUR = 0.15
# What polls take to bring something, in seconds, on a machine with much else to do.
PROMPT = 15.0
# Before the fourth attempt at streaming.
LAST_PAUSE = 4.0
# A post that is cut off may have arrived; with these failures it has, each time.
ARRIVES_ALL_THE_SAME = {"stall mid-body", "reset mid-body", "truncated gzip", "damaged gzip"}

QUIET = {"impressionsMode": "NONE", "streamingEnabled": False}
POLLING = {**QUIET, "featuresRefreshRate": 1, "segmentsRefreshRate": 1}
STREAMING = {**POLLING, "streamingEnabled": True}


def named(value):
    return value if isinstance(value, str) else value.name


def rows(cells):
    return pytest.mark.parametrize(("endpoint", "fault"), cells, ids=named)


@pytest.fixture
def cell(backend, endpoint, fault):
    with Cell(backend, endpoint, fault) as prepared:
        prepared.define()
        yield prepared


@contextlib.contextmanager
def started(cell, options):
    """A ready factory."""
    with Subject(cell.options(**options)) as sdk:
        sdk.wait_ready()
        # The plain http of the tests is told once, and nothing else.
        said = [message for _, message in sdk.lines() if "http://" not in message]
        assert not said, said
        yield sdk


def said(sdk):
    lines = [message for _, message in sdk.lines() if "http://" not in message]
    assert not any(KEY in line for line in lines), lines
    return lines


def check_said(sdk, cell, at_most=1):
    """What a failure is worth: one line, or none."""
    lines = said(sdk)
    if cell.does in (Does.ONCE, Does.NOTHING):
        assert not lines, lines
        return
    assert 1 <= len(lines) <= at_most, lines
    if cell.does is Does.KEY and cell.fault.name != "414":
        assert "SDK key" in lines[0], lines


def check_pauses(cell, least):
    """Each attempt came after what the last one took and its pause. Two pollers that ask one host are told apart by
    nothing but their number."""
    pollers = 2 if cell.fault.host and cell.endpoint in ("splitChanges", "segmentChanges") else 1
    times = cell.attempts()
    pauses = [later - earlier for earlier, later in zip(times, times[pollers:])]
    least += cell.fault.takes - (BLUR if cell.fault.host else 0)
    assert all(pause >= least for pause in pauses), (least, pauses)


def ended(sdk, expected=library.OK, seconds=READ + 2.5, **more):
    status, took = sdk.destroy(**more)
    assert (status, took < seconds) == (expected, True), (status, took, sdk.lines())


# ---- The stream


SILENCE = 70


@contextlib.contextmanager
def streaming(cell):
    """A factory that streams."""
    cell.backend.post("options", streaming=True)
    with started(cell, STREAMING) as sdk:
        until(cell.backend.streams, what="a stream")
        yield sdk


@rows(silent_cells())
def test_silence(cell):
    """First, as it takes longest."""
    with streaming(cell) as sdk:
        if cell.fault.name == "read stall":
            cell.inflict_on_streams()
            cell.hold(1, lambda: answers_something(sdk))
            check_polls(cell, sdk)
            cell.lift()
            expected = sdk.treatment("ann", "flag")
        else:
            cell.backend.post("streams/stall")
            expected = cell.change()
        until(
            lambda: len(cell.backend.streams()) == 1 and not cell.backend.streams()[0]["stalled"],
            steady=lambda: answers_something(sdk),
            seconds=SILENCE + PROMPT,
            what="another stream",
        )
        until(lambda: sdk.treatment("ann", "flag") == expected, seconds=PROMPT)
        check_said(sdk, cell, at_most=2)
        check_streams(cell, sdk)
        ended(sdk)


# ---- Definitions and segments


@rows(cells("splitChanges", "segmentChanges"))
def test_fetches(cell):
    with started(cell, POLLING) as sdk:

        def answers(expected):
            treatment = sdk.treatment("ann", cell.flag)
            assert treatment == expected
            return treatment

        answers("on")
        cell.inflict()
        changed = cell.change()
        if cell.does is Does.NOTHING:
            until(lambda: sdk.treatment("ann", cell.flag) == changed, seconds=PROMPT)
            # Once more to hear that there is nothing else.
            cell.hold(2, lambda: answers(changed))
            cell.begin_counting()
            cell.hold(3, lambda: answers(changed))
        else:
            cell.hold(4, lambda: answers("on"))
        if cell.does is Does.OLDER:
            check_older(cell)
        else:
            check_pauses(cell, SHORTEST + cell.fault.pause)
            # Nothing was learned: the change number stands.
            assert cell.does is Does.NOTHING or len({one["query"] for one in cell.requests()}) <= 1
        cell.lift()
        # What it waits at the moment comes on top.
        patience = PROMPT + cell.fault.pause + cell.fault.takes
        until(lambda: sdk.treatment("ann", cell.flag) == changed, seconds=patience)
        # Both ask the host; and one of the two says that it speaks the former version from now on.
        check_said(sdk, cell, at_most=2 if cell.fault.host or cell.does is Does.OLDER else 1)
        cell.inflict()
        cell.hold(1, lambda: answers(changed))
        ended(sdk)


def check_older(cell):
    first, second, *others = cell.requests()
    assert first["query"].startswith("s=1.3&since=") and "&rbSince=" in first["query"], first
    since = first["query"].split("&")[1]
    assert {one["query"] for one in (second, *others)} == {f"s=1.1&{since}"}
    times = cell.attempts()
    assert times[1] - times[0] < SHORTEST
    assert all(later - earlier >= SHORTEST for earlier, later in itertools.pairwise(times[1:]))


# ---- Streaming


def check_streams(cell, sdk):
    """It streams, and polls no more."""
    until(cell.backend.streams, what="a stream", seconds=PROMPT + LAST_PAUSE)
    changed = cell.change()
    until(lambda: sdk.treatment("ann", "flag") == changed, seconds=PROMPT)
    before = len(cell.backend.requests("splitChanges"))
    watch(2 * PERIOD, lambda: None)
    # One fetch may have been on its way.
    assert len(cell.backend.requests("splitChanges")) <= before + 1


def check_polls(cell, sdk):
    changed = cell.change()
    until(
        lambda: sdk.treatment("ann", "flag") == changed,
        steady=lambda: answers_something(sdk),
        seconds=PROMPT,
    )


def answers_something(sdk):
    assert sdk.treatment("ann", "flag") != "control"


def check_reconnects(cell):
    """After 0.5 to 1 s, then after twice that."""
    pauses = [later - earlier for earlier, later in itertools.pairwise(cell.attempts())]
    blur = BLUR if cell.fault.host else 0.02
    least = [max(pause, cell.fault.pause) + cell.fault.takes - blur for pause in (0.5, 1.0)]
    assert all(pause >= at_least for pause, at_least in zip(pauses, least)), (least, pauses)


@rows(cells("auth"))
def test_auth(cell):
    cell.backend.post("options", streaming=True)
    if not cell.fault.clock:
        cell.inflict()
    with started_badly(cell, STREAMING) as sdk:
        if cell.fault.clock:
            until(cell.backend.streams, what="a stream")
            cell.inflict()
            cell.backend.post("streams/drop", how="reset")
            cell.hold(1, lambda: answers_something(sdk))
            check_streams(cell, sdk)
            assert len(said(sdk)) == 1, "of the stream that was dropped"
            return ended(sdk)
        if cell.does is Does.POLL:
            cell.hold(1, lambda: answers_something(sdk))
            watch(2.5, lambda: answers_something(sdk))
        else:
            cell.hold(3, lambda: answers_something(sdk))
            check_reconnects(cell)
        check_polls(cell, sdk)
        cell.lift()
        if cell.does is Does.POLL:
            check_polls(cell, sdk)
            assert len(cell.attempts()) == 1 and not cell.backend.streams()
            check_said(sdk, cell)
            return ended(sdk)
        check_streams(cell, sdk)
        check_said(sdk, cell)
        cell.inflict()
        cell.backend.post("streams/drop", how="reset")
        cell.hold(1, lambda: answers_something(sdk))
        return ended(sdk)


@contextlib.contextmanager
def started_badly(cell, options):
    """A factory that is ready although the failure has begun."""
    with Subject(cell.options(**options)) as sdk:
        sdk.wait_ready()
        yield sdk


@rows(cells("stream"))
def test_stream(cell):
    with streaming(cell) as sdk:
        first = cell.backend.streams()[0]["stream"]
        cell.inflict_on_streams()
        if cell.does is Does.NOTHING:
            check_streams(cell, sdk)
            assert [one["stream"] for one in cell.backend.streams()] == [first]
            assert len(said(sdk)) == (0 if cell.fault.clock else 1), said(sdk)
            return ended(sdk)
        # A connection that is not answered is waited for: half a minute.
        cell.hold(1 if cell.fault.takes else 3, lambda: answers_something(sdk))
        check_reconnects(cell)
        check_polls(cell, sdk)
        cell.lift()
        check_streams(cell, sdk)
        check_said(sdk, cell, at_most=2)
        cell.inflict_on_streams()
        cell.hold(1, lambda: answers_something(sdk))
        return ended(sdk)


# ---- What is recorded: in time, events and impressions


RECORDING = {**QUIET, "impressionsMode": "DEBUG", "impressionsRefreshRate": 1, "eventsPushRate": 1}


class Records:
    """Events or impressions, each with a key of its own."""

    def __init__(self, cell, sdk):
        self._cell, self._sdk, self._names = cell, sdk, itertools.count()
        self.accepted = []

    def offer(self, count=3):
        for key in (f"key{next(self._names)}" for _ in range(count)):
            if self._cell.endpoint == "events/bulk":
                self._sdk.track(key)
            else:
                self._sdk.treatment(key, "flag")
            self.accepted.append(key)

    def received(self):
        """How often each key arrived."""
        posts = [one["body"] for one in self._cell.all_requests() if one["processed"]]
        if self._cell.endpoint == "events/bulk":
            return collections.Counter(event["key"] for post in posts for event in post)
        return collections.Counter(each["k"] for post in posts for of_flag in post for each in of_flag["i"])

    def check(self, lost=()):
        """Everything arrived, once, but for what nobody can know of."""
        received = self.received()
        assert set(received) == set(self.accepted) - set(lost), received
        if self._cell.fault.name not in ARRIVES_ALL_THE_SAME:
            assert set(received.values()) <= {1}, received


def answers_silently(sdk):
    """Without an impression."""
    assert sdk.treatment("ann", "silent") == "on"


@rows(cells("events/bulk", "testImpressions/bulk"))
def test_posts(cell):
    with started(cell, RECORDING) as sdk:
        records = Records(cell, sdk)
        cell.inflict()
        lost = []
        if cell.does in (Does.NOTHING, Does.DROP):
            for round in range(1, 4):
                records.offer()
                cell.hold(round, lambda: answers_silently(sdk))
            lost = records.accepted.copy() if cell.does is Does.DROP else []
        else:
            records.offer()
            cell.hold(4, lambda: answers_silently(sdk))
            # The period is the longest pause, spread by 10 % in either direction.
            check_pauses(cell, max(PERIOD / 1.1 * 0.9 - 0.02, cell.fault.pause))
        records.offer()
        check_said(sdk, cell)
        cell.lift()
        until(
            lambda: set(records.received()) == set(records.accepted) - set(lost),
            steady=lambda: answers_silently(sdk),
            what="all that was accepted",
        )
        records.check(lost)
        check_ends_in_time(cell, sdk, records)


def check_ends_in_time(cell, sdk, records):
    """The deadline holds, whatever fails; what then is left is told, and counted."""
    cell.inflict()
    records.offer()
    arrives = cell.does is Does.NOTHING
    ended(sdk, library.OK if arrives else library.TIMEOUT, seconds=3.5, timeout_ms=1000)
    if cell.does is Does.DROP:
        usage = cell.backend.requests("metrics/usage")[-1]["body"]
        assert usage["eD" if cell.endpoint == "events/bulk" else "iDr"] == len(records.accepted) - len(records.received())


# ---- What is recorded: counts and unique keys, at once when somebody asks for it


@rows(cells("testImpressions/count", "keys/ss"))
def test_flushes(cell):
    with started(cell, QUIET) as sdk:
        keys = [f"key{number}" for number in range(3)]
        cell.inflict()
        for key in keys:
            assert sdk.treatment(key, "flag") == "on"
        with flushing(sdk) as statuses:
            cell.hold(1 if cell.does in (Does.NOTHING, Does.DROP, Does.KEY) else 4, lambda: None)
            if cell.does is Does.AGAIN:
                check_pauses(cell, max(0.09, cell.fault.pause))
                assert not statuses
                cell.lift()
        assert statuses == [library.OK if cell.does in (Does.NOTHING, Does.AGAIN) else library.TIMEOUT]
        check_said(sdk, cell)
        cell.lift()
        status = sdk.flush()
        assert status == library.OK
        check_arrived(cell, [] if cell.does is Does.DROP else keys)
        ended(sdk)


@contextlib.contextmanager
def flushing(sdk):
    """A flush that goes on during the block, and has ended after it; its status."""
    statuses = []
    thread = threading.Thread(target=lambda: statuses.append(sdk.flush()))
    thread.start()
    yield statuses
    thread.join()


def check_arrived(cell, keys):
    posts = [one["body"] for one in cell.all_requests() if one["processed"]]
    if cell.endpoint == "keys/ss":
        received = collections.Counter(key for post in posts for of_flag in post["keys"] for key in of_flag["ks"])
    else:
        received = collections.Counter()
        for post in posts:
            for count in post["pf"]:
                received[count["f"]] += count["rc"]
        keys = ["flag"] * len(keys)
    if cell.fault.name in ARRIVES_ALL_THE_SAME:
        assert set(received) == set(keys) and all(many >= 1 for many in received.values()), received
    else:
        assert received == collections.Counter(keys), received


# ---- Reports of the SDK on itself


@rows(cells("metrics/config"))
def test_announcement(cell):
    cell.inflict()
    with started_badly(cell, QUIET) as sdk:
        cell.hold(1, lambda: answers_something(sdk))
        watch(cell.fault.takes + 1.5, lambda: answers_something(sdk))
        assert len(cell.attempts()) == 1
        check_said(sdk, cell)
        if cell.fault.clock:
            assert 0 <= cell.requests()[0]["body"]["tR"] < 60_000
        cell.lift()
        ended(sdk)
    # Another report comes through.
    assert len(cell.backend.requests("metrics/usage")) == 1


@rows(cells("metrics/usage"))
def test_last_report(cell):
    with started(cell, QUIET) as sdk:
        # The host is the announcement's too.
        until(lambda: cell.backend.requests("metrics/config"))
        cell.inflict()
        ended(sdk, seconds=cell.fault.takes + 3)
        check_said(sdk, cell)
    assert len(cell.attempts()) == 1
    if cell.fault.clock:
        assert 0 <= cell.requests()[0]["body"]["sL"] < 60_000
