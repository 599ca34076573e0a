"""Definitions and segments: the last good ones answer while nothing better is to be had."""

import itertools

from cell import until
from faults import Does, cells
from life import POLLING, PROMPT, SHORTEST, check_pauses, check_said, ended, rows, started


@rows(cells("splitChanges", "segmentChanges"))
def test_polls(cell):
    with started(cell, POLLING) as sdk:

        def treatment():
            return sdk.treatment("ann", cell.flag)

        def stays(expected):
            assert treatment() == expected

        stays("on")
        cell.inflict()
        changed = cell.change()
        if cell.does is Does.NOTHING:
            until(lambda: treatment() == changed, seconds=PROMPT)
            # Who hears of a change asks once more at once.
            cell.hold(2, lambda: stays(changed))
            cell.begin_counting()
            cell.hold(3, lambda: stays(changed))
        else:
            cell.hold(3, lambda: stays("on"))
        if cell.does is Does.OLDER:
            check_older(cell)
        else:
            # Polls of definitions and of segments are not told apart before they reach the backend.
            check_pauses(cell, SHORTEST + cell.fault.pause, askers=2 if cell.fault.host else 1)
            # Nothing was learned, so the same is asked.
            assert len({one["query"] for one in cell.requests()}) <= 1
        cell.lift()
        until(lambda: treatment() == changed, seconds=PROMPT)
        check_said(sdk, cell, things=2 if cell.fault.host or cell.does is Does.OLDER else 1)
        cell.inflict()
        cell.hold(1, lambda: stays(changed))
        ended(cell, sdk)


def check_older(cell):
    """The first question of the new specification, then the same in the former; from then on only that. That the second
    comes at once is seen where time is not the machine's: src/sync/definitions/tests.rs."""
    queries = [one["query"] for one in cell.requests()]
    specification, since, rule_based = queries[0].split("&")
    assert (specification, rule_based) == ("s=1.3", "rbSince=-1")
    assert set(queries[1:]) == {f"s=1.1&{since}"}
    times = cell.attempts()
    assert all(later - earlier >= SHORTEST for earlier, later in itertools.pairwise(times[1:])), times
