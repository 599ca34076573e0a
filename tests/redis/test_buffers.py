"""What cannot be pushed waits in a buffer: nothing that was accepted is lost (R15)."""

import threading
import time

import pytest

from rig import records
from splitio import _native
from support import programs
from support.emulated import destroy
from support.waiting import eventually

pytestmark = pytest.mark.ours_alone("it loses what it cannot push")
QUEUE_FULL = -8


class Load:
    """Threads that track and evaluate until they are told to stop, and remember what was accepted."""

    THREADS = 8

    def __init__(self, client):
        self._client, self._stop = client, threading.Event()
        self.tracked, self.evaluated, self.refused, self.longest = [], [], 0, 0.0
        self._threads = [threading.Thread(target=self._work, args=[number]) for number in range(self.THREADS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_raised):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, thread):
        tracked, evaluated, refused, number, longest = [], [], 0, 0, 0.0
        while not self._stop.is_set():
            key = f"{thread}-{number}"
            number += 1
            began = time.monotonic()
            if self._client.track(key, "user", "clicked"):
                tracked.append(key)
            else:
                refused += 1
            if self._client.get_treatment(key, "plain") == "on":
                evaluated.append(key)
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.002)
        self.tracked += tracked
        self.evaluated += evaluated
        self.refused += refused
        self.longest = max(self.longest, longest)


def test_nothing_accepted_is_lost(outage, flags, factory_of, request):
    """8 threads of track and DEBUG impressions, while Redis is stopped for a while."""
    seconds = 30 if request.config.getoption("--long") else 8
    factory = factory_of(
        outage,
        impressionsMode="DEBUG",
        redisLocalCacheTTL=3600,
        eventsQueueSize=1_000_000,
        impressionsQueueSize=1_000_000,
    )
    client = factory.client()
    assert client.get_treatment("warm", "plain") == "on"
    with Load(client) as load:
        time.sleep(0.5)
        outage.stop()
        time.sleep(seconds)
        outage.start()
        time.sleep(1)
    destroy(factory)
    with outage.client() as connection:
        left = records.Left(connection)
    assert load.refused == 0
    assert len(load.tracked) == len(load.evaluated) > 1000 * Load.THREADS
    assert set(load.tracked) - set(left.keys_of_events()) == set()
    shown = [key for key, _ in left.impressions_of("plain")]
    assert set(load.evaluated) - set(shown) == set()
    assert set(shown) == {*load.evaluated, "warm"}
    # Only what was on its way when Redis stopped may have arrived twice: a push of each thread.
    assert len(shown) - len(set(shown)) <= Load.THREADS
    assert len(left.keys_of_events()) - len(load.tracked) <= Load.THREADS
    # Redis refuses connections meanwhile: nobody waits for it.
    assert load.longest < 2
    left.check_lives()


def test_connections_are_cut_all_the_time(outage, flags, factory_of):
    """Whenever it happens, before a push, in it or after it: what was accepted is there."""
    options = {"eventsQueueSize": 100_000, "impressionsQueueSize": 100_000, "redisLocalCacheTTL": 3600}
    factory = factory_of(outage, impressionsMode="DEBUG", **options)
    client = factory.client()
    assert client.get_treatment("warm", "plain") == "on"
    cuts = 0
    with Load(client) as load:
        until = time.monotonic() + 2
        while time.monotonic() < until:
            cuts += flags.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            time.sleep(0.02)
    destroy(factory)
    left = records.Left(flags)
    assert cuts > 20
    assert load.refused == 0
    assert set(load.tracked) - set(left.keys_of_events()) == set()
    assert set(load.evaluated) - {key for key, _ in left.impressions_of("plain")} == set()
    assert len(left.keys_of_events()) - len(load.tracked) <= cuts


def test_a_program_that_just_ends(outage, flags):
    """Counts and unique keys are pushed at its end, too."""
    programs.run(
        """
        import sys
        import splitio

        config = {"redisHost": "127.0.0.1", "redisPort": int(sys.argv[1])}
        client = splitio.get_factory("an-sdk-key", config=config).client()
        assert [client.get_treatment("ann", "plain") for _ in range(3)] == ["on"] * 3
        assert client.get_treatment("ann", "counted") == "on"
        assert client.track("ann", "user", "clicked")
        """,
        outage.port,
    )
    left = records.Left(flags)
    assert left.counted() == {"plain": 2, "counted": 1}
    assert left.unique() == {"counted": {"ann"}}
    assert left.keys_of_events() == ["ann"]
    assert left.measured() == {"treatment": 4, "track": 1}


def test_full_buffer_of_events(outage, flags, factory_of, caplog):
    factory = factory_of(outage, eventsQueueSize=10)
    client = factory.client()
    assert client.track("warm", "user", "clicked")
    outage.stop()
    answers = [client.track(f"key-{number}", "user", "clicked") for number in range(15)]
    assert answers == [True] * 10 + [False] * 5
    status = _native.track(factory._handle.pointer, b"key-15", b"user", b"clicked", 1.0, None)
    assert status == QUEUE_FULL
    outage.start()
    expected = ["warm", *(f"key-{number}" for number in range(10))]
    eventually(lambda: records.Left(flags).keys_of_events() == expected, "what was accepted, and no more")
    assert client.track("again", "user", "clicked")
    destroy(factory)
    assert records.Left(flags).keys_of_events() == [*expected, "again"]


def test_full_buffer_of_impressions(outage, flags, sdk):
    sdk.new(**outage.options, impressionsMode="DEBUG", impressionsQueueSize=10, redisLocalCacheTTL=60, listen=True)
    assert sdk.treatment("warm", "plain") == "on"
    outage.stop()
    for number in range(25):
        assert sdk.treatment(f"key-{number}", "plain") == "on"
    eventually(lambda: len(sdk.heard()) == 26, "what the listener is told")
    outage.start()
    sdk.destroy()
    left = records.Left(flags)
    assert len(left.impressions_of("plain")) == 11
    lines = sdk.log()
    told = [text for level, text in lines if level != "DEBUG" and "15" in text and "impression" in text]
    assert len(told) == 1, lines


def test_counts_and_unique_keys_are_merged_back(outage, flags, factory_of):
    factory = factory_of(outage, impressionsMode="OPTIMIZED", redisLocalCacheTTL=60, redisSocketTimeout=0.5)
    client = factory.client()
    for _ in range(5):
        assert client.get_treatment("ann", "plain") == "on"
    assert client.get_treatment("bob", "counted") == "on"
    outage.stop()
    assert factory.flush(1) is False
    assert client.get_treatment("ann", "plain") == "on"
    assert client.get_treatment("cid", "counted") == "on"
    outage.start()
    assert eventually(lambda: factory.flush(5), "a flush that is done")
    left = records.Left(flags)
    assert left.counted() == {"plain": 5, "counted": 2}
    assert left.unique() == {"counted": {"bob", "cid"}}
    left.check_lives()
    destroy(factory)
    assert records.Left(flags).counted() == {"plain": 5, "counted": 2}


def test_destroy_pushes_what_waits(outage, flags, factory_of):
    factory = factory_of(outage, redisLocalCacheTTL=60, impressionsMode="DEBUG")
    client = factory.client()
    assert client.get_treatment("ann", "plain") == "on"
    outage.stop()
    assert client.track("ann", "user", "clicked")
    assert client.get_treatment("bob", "plain") == "on"
    done = threading.Event()
    factory.destroy(done)
    outage.start()
    assert done.wait(20)
    left = records.Left(flags)
    assert left.keys_of_events() == ["ann"]
    assert left.impressions_of("plain") == [("ann", "on"), ("bob", "on")]


def test_destroy_without_redis_ends(outage, flags, factory_of):
    factory = factory_of(outage, redisSocketTimeout=0.5)
    assert factory.client().track("ann", "user", "clicked")
    outage.pause()
    assert factory.client().track("bob", "user", "clicked") in (True, False)
    began = time.monotonic()
    destroy(factory)
    assert time.monotonic() - began < 15
    assert factory.client().get_treatment("ann", "plain") == "control"
