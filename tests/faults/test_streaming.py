"""The token and the stream: without them changes are polled for, and evaluations do not notice."""

import contextlib

from cell import until
from faults import Does, cells, silent_cells
from life import POLLING, PROMPT, answers, check_pauses, check_said, ended, live, rows, said, started

STREAMING = {**POLLING, "streamingEnabled": True}
# How much of the first pauses before another connection their spread leaves.
RECONNECTS = (0.5, 1.0)
# The pause before the connection after those.
THIRD = 4.0
# After so many seconds without a byte a stream is given up.
SILENCE = 70


@contextlib.contextmanager
def streaming(cell):
    """A factory that streams."""
    cell.backend.post("options", streaming=True)
    with started(cell, STREAMING) as sdk:
        until(cell.backend.streams, what="a stream")
        yield sdk


def check_change_comes(cell, sdk):
    changed = cell.change()
    until(lambda: sdk.treatment("ann", "flag") == changed, lambda: answers(sdk), PROMPT, "the change")


def check_streams(cell, sdk):
    """It streams, and polls no more."""
    until(cell.backend.streams, lambda: answers(sdk), PROMPT + THIRD, "a stream")
    check_change_comes(cell, sdk)
    before = len(cell.backend.requests("splitChanges"))
    live(cell, sdk, 2, lambda: answers(sdk))
    # The question whether that was all may have been on its way.
    assert len(cell.backend.requests("splitChanges")) <= before + 1


@rows(silent_cells())
def test_silence(cell):
    """The first to begin, as nothing takes longer."""
    with streaming(cell) as sdk:
        if cell.fault.name == "read stall":
            cell.inflict_on_streams()
            cell.hold(1, lambda: answers(sdk))
            check_change_comes(cell, sdk)
            cell.lift()
        else:
            cell.backend.post("streams/stall")

        def streams_again():
            streams = cell.backend.streams()
            return len(streams) == 1 and not streams[0]["stalled"]

        until(streams_again, lambda: answers(sdk), SILENCE + PROMPT, "another stream")
        check_streams(cell, sdk)
        # Of the silence, and of the stream that ended before.
        check_said(sdk, cell, things=2 if cell.fault.name == "read stall" else 1)
        ended(cell, sdk)


@rows(cells("auth"))
def test_token(cell):
    if cell.does is Does.NOTHING:
        token_by_another_clock(cell)
        return
    cell.backend.post("options", streaming=True)
    cell.inflict()
    with started(cell, STREAMING) as sdk:
        if cell.does is Does.POLL:
            cell.hold(1, lambda: answers(sdk))
            live(cell, sdk, 2, lambda: answers(sdk))
            check_change_comes(cell, sdk)
            cell.lift()
            check_change_comes(cell, sdk)
            assert len(cell.attempts()) == 1
            check_said(sdk, cell)
            ended(cell, sdk)
            return
        cell.hold(3, lambda: answers(sdk))
        check_pauses(cell, *RECONNECTS)
        check_change_comes(cell, sdk)
        cell.lift()
        check_streams(cell, sdk)
        check_said(sdk, cell)
        cell.inflict_on_streams()
        cell.hold(1, lambda: answers(sdk))
        ended(cell, sdk)


def token_by_another_clock(cell):
    with streaming(cell) as sdk:
        cell.inflict()
        cell.backend.post("streams/drop", how="reset")
        cell.hold(1, lambda: answers(sdk))
        check_streams(cell, sdk)
        assert len(said(sdk)) == 1, said(sdk)
        ended(cell, sdk)


@rows(cells("stream"))
def test_stream(cell):
    with streaming(cell) as sdk:
        before = cell.backend.streams()
        cell.inflict_on_streams()
        if cell.does is Does.NOTHING:
            check_streams(cell, sdk)
            after = cell.backend.streams()
            assert [one["stream"] for one in after] == [one["stream"] for one in before]
            # Of twenty messages that could not be read.
            assert len(said(sdk)) == (0 if cell.fault.clock else 1), said(sdk)
            ended(cell, sdk)
            return
        # Half a minute is given to a connection, which is more than a test has.
        cell.hold(1 if cell.fault.takes else 3, lambda: answers(sdk))
        # A stream that begins well is the end of the trouble before it, each time.
        begins_well = cell.fault.name == "reset mid-body"
        check_pauses(cell, *(RECONNECTS[:1] if begins_well else RECONNECTS))
        check_change_comes(cell, sdk)
        cell.lift()
        check_streams(cell, sdk)
        if begins_well:
            # Of each stream that ended: the first one, and all but the last of those after it.
            assert len(said(sdk)) == len(cell.attempts()), said(sdk)
        else:
            # Of the stream that ended, and of the attempts at others, unless that is still under way.
            check_said(sdk, cell, things=1 if cell.fault.takes else 2)
        cell.inflict_on_streams()
        cell.hold(1, lambda: answers(sdk))
        ended(cell, sdk)
