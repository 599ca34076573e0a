"""Reports of the SDK on itself: sent once, worth no second attempt and no word, and nobody waits for them."""

import math

from cell import until
from faults import cells
from life import QUIET, answers, check_said, ended, live, rows, started


@rows(cells("metrics/config"))
def test_first(cell):
    cell.inflict()
    with started(cell, QUIET) as sdk:
        cell.hold(1, lambda: answers(sdk))
        live(cell, sdk, math.ceil(cell.fault.takes) + 1, lambda: answers(sdk))
        assert len(cell.attempts()) == 1
        check_said(sdk, cell)
        if cell.fault.clock:
            assert 0 <= cell.requests()[0]["body"]["tR"] < 60_000
        cell.lift()
        ended(cell, sdk)
    assert len(cell.backend.requests("metrics/usage")) == 1, "another report comes through"


@rows(cells("metrics/usage"))
def test_last(cell):
    with started(cell, QUIET) as sdk:
        # Its host is this one too.
        until(lambda: cell.backend.requests("metrics/config"))
        cell.inflict()
        ended(cell, sdk, seconds=cell.fault.takes + 3)
        check_said(sdk, cell)
    assert len(cell.attempts()) == 1
    if cell.fault.clock:
        assert 0 <= cell.requests()[0]["body"]["sL"] < 60_000
