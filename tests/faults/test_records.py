"""What is recorded: nothing that was accepted is lost, or sent twice, but for what the protocol gives up."""

import collections
import contextlib
import itertools
import threading

from cell import until
from faults import Does, cells
from life import PERIOD, QUIET, SHORTEST, check_pauses, check_said, ended, rows, started
from splitio import _native as library

RECORDING = {**QUIET, "impressionsMode": "DEBUG", "impressionsRefreshRate": 1, "eventsPushRate": 1}
# The pause after a failure is the period at most, spread by 10 % in either direction.
RETRY = PERIOD / 1.1 * 0.9
# The first of a flush.
FLUSH_RETRY = 0.09
# Members of metrics/usage: how many were given up, and those of "hE", which has the answers to posts by their status.
GIVEN_UP = {"events/bulk": "eD", "testImpressions/bulk": "iDr"}
RESOURCES = {"testImpressions/count": "ic", "keys/ss": "te"}
# With these failures a post has arrived each time, and nobody who sent it can know.
ARRIVES_ALL_THE_SAME = {"stall mid-body", "reset mid-body", "truncated gzip", "damaged gzip"}


class Records:
    """Events, impressions or unique keys, each with a key of its own; or counts."""

    def __init__(self, cell, sdk):
        self._cell, self._sdk, self._numbers = cell, sdk, itertools.count()
        self._accepted, self.lost = [], []

    def offer(self):
        """Three more."""
        for number in itertools.islice(self._numbers, 3):
            key = f"key{number}"
            if self._cell.endpoint == "events/bulk":
                self._sdk.track(key)
            else:
                assert self._sdk.treatment(key, "flag") == "on"
            self._accepted.append(key)

    def give_up(self):
        """What was offered so far is not to arrive."""
        self.lost = self._accepted[:]

    def expected(self):
        kept = [key for key in self._accepted if key not in self.lost]
        return collections.Counter(len(kept) * ["flag"] if self._cell.endpoint == "testImpressions/count" else kept)

    def received(self):
        """How often each arrived."""
        posts = [one["body"] for one in self._cell.all_requests() if one["processed"]]
        match self._cell.endpoint:
            case "events/bulk":
                return collections.Counter(event["key"] for post in posts for event in post)
            case "testImpressions/bulk":
                return collections.Counter(each["k"] for post in posts for of_flag in post for each in of_flag["i"])
            case "keys/ss":
                of_flags = [of_flag for post in posts for of_flag in post["keys"] if of_flag["f"] == "flag"]
                return collections.Counter(key for of_flag in of_flags for key in of_flag["ks"])
        counts = collections.Counter()
        for post in posts:
            counts.update({count["f"]: count["rc"] for count in post["pf"] if count["f"] == "flag"})
        return counts

    def silently(self):
        """Asks for what makes no record of this sort: no impression, and neither a count nor a key of "flag"."""
        assert self._sdk.treatment("ann", "silent") == "on"

    def have_arrived(self):
        return set(self.received()) == set(self.expected())

    def check(self):
        if self._cell.fault.name in ARRIVES_ALL_THE_SAME:
            assert self.have_arrived(), self.received()
        else:
            assert self.received() == self.expected()


@rows(cells("events/bulk", "testImpressions/bulk"))
def test_in_time(cell):
    with started(cell, RECORDING) as sdk:
        records = Records(cell, sdk)
        cell.inflict()
        if cell.does in (Does.NOTHING, Does.DROP):
            for posts in (1, 2, 3):
                records.offer()
                cell.hold(posts, records.silently)
            if cell.does is Does.DROP:
                records.give_up()
        else:
            records.offer()
            cell.hold(3, records.silently)
            check_pauses(cell, SHORTEST if cell.does is Does.KEY else RETRY)
        check_said(sdk, cell)
        cell.lift()
        records.offer()
        until(records.have_arrived, records.silently, what="all that was accepted")
        records.check()
        check_deadline(cell, sdk, records)


def check_deadline(cell, sdk, records):
    """The end does not wait longer than it is told, whatever fails; and what was dropped is counted."""
    cell.inflict()
    records.offer()
    ended(cell, sdk, library.OK if cell.does is Does.NOTHING else library.TIMEOUT, timeout_ms=1000, seconds=3.5)
    if cell.does is Does.DROP:
        check_counted(cell, len(records.lost) + 3)


def check_counted(cell, given_up):
    """The last report says how many events and impressions were given up, or which posts of the others were refused."""
    (report,) = cell.backend.requests("metrics/usage")
    usage = report["body"]
    if cell.endpoint in GIVEN_UP:
        assert usage[GIVEN_UP[cell.endpoint]] == given_up
    else:
        # They were offered, and posted, three at a time.
        assert usage["hE"][RESOURCES[cell.endpoint]] == {cell.fault.name: given_up // 3}


@rows(cells("testImpressions/count", "keys/ss"))
def test_on_demand(cell):
    """Counts and unique keys have long periods; a flush does not wait for them."""
    with started(cell, QUIET) as sdk:
        records = Records(cell, sdk)
        cell.inflict()
        if cell.does is Does.AGAIN:
            records.offer()
            with flushing(sdk) as statuses:
                cell.hold(3, records.silently)
                check_pauses(cell, FLUSH_RETRY)
                assert not statuses
                cell.lift()
            assert statuses == [library.OK]
        else:
            for posts in (1, 2, 3):
                records.offer()
                with flushing(sdk) as statuses:
                    cell.hold(posts, records.silently)
                assert statuses == [library.OK if cell.does is Does.NOTHING else library.TIMEOUT]
            if cell.does is Does.DROP:
                records.give_up()
        check_said(sdk, cell)
        cell.lift()
        records.offer()
        assert sdk.flush() == library.OK
        records.check()
        check_deadline(cell, sdk, records)


@contextlib.contextmanager
def flushing(sdk):
    """A flush that goes on during the block, and has ended after it; its status."""
    statuses = []
    thread = threading.Thread(target=lambda: statuses.append(sdk.flush()))
    thread.start()
    yield statuses
    thread.join()
