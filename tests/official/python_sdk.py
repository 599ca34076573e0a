"""Split's own Python SDK against the emulator: what it needs from a backend is there.

Usage: python_sdk.py URL FLAGS-FILE
"""

import base64
import json
import random
import sys
import threading
import time
from contextlib import contextmanager

from backend import Backend, equal, eventually, run
from splitio import get_factory

POLLING = {
    "streamingEnabled": False,
    "featuresRefreshRate": 1,
    "segmentsRefreshRate": 1,
    "impressionsMode": "DEBUG",
    "impressionsRefreshRate": 1,
    "eventsPushRate": 1,
}


@contextmanager
def started(backend, **config):
    """A factory and its client, which ends however the scenario does."""
    factory = get_factory(
        "official-python-key",
        config=config,
        sdk_api_base_url=f"{backend.url}/api",
        events_api_base_url=f"{backend.url}/api",
        auth_api_base_url=f"{backend.url}/api",
        telemetry_api_base_url=f"{backend.url}/api",
        streaming_api_base_url=backend.url,
    )
    try:
        factory.block_until_ready(10)
        yield factory, factory.client()
    finally:
        ended(factory)


def ended(factory):
    done = threading.Event()
    if not factory.destroyed:
        factory.destroy(done)
        equal(done.wait(10), True, "destroyed in time")


def polling(backend, file):
    """polling, evaluation, impressions, events, telemetry"""
    backend.post("reset")
    with started(backend, **POLLING) as (factory, client):
        for key, flag, attributes, expected in [
            ("ann", "plain", None, "on"),
            ("ann", "members", None, "on"),
            ("zoe", "members", None, "off"),
            ("zoe", "germans", {"country": "DE"}, "on"),
            ("zoe", "germans", {"country": "FR"}, "off"),
            ("ann", "germans", {"country": "DE"}, "off"),
            ("eve", "germans", {"country": "DE"}, "off"),
            ("ann", "dependent", None, "on"),
            ("zoe", "dependent", None, "off"),
            ("zoe", "semver", {"version": "2.0.1"}, "on"),
            ("zoe", "retired", None, "control"),
        ]:
            equal(client.get_treatment(key, flag, attributes), expected, f"{flag} for {key} {attributes}")
        equal(client.get_treatment_with_config("ann", "plain"), ("on", '{"color":"teal"}'), "with config")
        equal(set(factory.manager().split_names()), {"plain", "members", "germans", "dependent", "semver"}, "names")
        first = backend.requests("splitChanges")[0]
        equal(first["query"], "s=1.3&since=-1&rbSince=-1", "first query")

        equal(client.track("ann", "user", "paid", 19.5, {"currency": "EUR"}), True, "track")
        event = eventually(lambda: backend.requests("events/bulk"), "events")[0]["body"][0]
        equal((event["key"], event["eventTypeId"], event["value"]), ("ann", "paid", 19.5), "event")
        eventually(
            lambda: backend.call("GET", "counters").get("testImpressions/bulk", {}).get("items") == 11, "impressions"
        )
        eventually(lambda: backend.requests("metrics/config"), "metrics/config")

        with open(file, encoding="utf-8") as source:
            original = source.read()
        try:
            document = json.loads(original)
            document["ff"]["d"][0]["killed"] = True
            with open(file, "w", encoding="utf-8") as target:
                json.dump(document, target)
            eventually(lambda: client.get_treatment("ann", "plain") == "off", "the edited file")
        finally:
            with open(file, "w", encoding="utf-8") as target:
                target.write(original)
        eventually(lambda: client.get_treatment("ann", "plain") == "on", "the file as it was")
        backend.post("segments/update", name="beta users", added=["zoe"], removed=["ann"])
        eventually(lambda: client.get_treatment("zoe", "members") == "on", "the new member")
        equal(client.get_treatment("ann", "members"), "off", "members for the removed key")
        backend.post("flags/archive", name="semver")
        eventually(lambda: client.get_treatment("zoe", "semver") == "control", "the archived flag")

        ended(factory)
        usage = eventually(lambda: backend.requests("metrics/usage"), "metrics/usage")[-1]["body"]
        equal(usage["spC"], 4, "flags in the last telemetry")


def flag_sets(backend, file):
    """flag sets, with a flag that leaves them"""
    backend.post("reset")
    with started(backend, **POLLING, flagSetsFilter=["front"]) as (factory, client):
        equal(set(factory.manager().split_names()), {"plain", "members"}, "names")
        equal(client.get_treatments_by_flag_set("ann", "front"), {"plain": "on", "members": "on"}, "by set")
        backend.post("flags", flag={**backend.flag("plain"), "sets": ["back"]})
        eventually(lambda: factory.manager().split_names() == ["members"], "the flag that left the set")


def failures(backend, file):
    """a backend that fails at first and loses answers"""
    backend.post("reset")
    backend.post("faults", endpoint="segmentChanges", delay_ms=200, times=1)
    backend.post("faults", endpoint="events/bulk", status=503, times=2)
    with started(backend, **POLLING) as (_, client):
        equal(client.get_treatment("ann", "members"), "on", "after a slow segment")
        client.track("ann", "user", "paid")
        eventually(
            lambda: backend.call("GET", "counters").get("events/bulk", {}).get("items") == 1, "the event, in the end"
        )
        equal([one["status"] for one in backend.requests("events/bulk")], [503, 503, 200], "statuses")


STREAMING = {"streamingEnabled": True, "featuresRefreshRate": 1, "segmentsRefreshRate": 1, "impressionsMode": "NONE"}


@contextmanager
def connected(backend, **options):
    """A factory that listens, and its client."""
    # What the SDK lost track of stays open when its factory ends.
    if backend.call("GET", "streams"):
        backend.post("streams/drop", how="reset")
        eventually(lambda: not backend.call("GET", "streams"), "the end of older streams")
    backend.post("reset")
    backend.post("options", streaming=True, keepalive_ms=500, **options)
    with started(backend, **STREAMING) as (_, client):
        eventually(lambda: backend.call("GET", "streams"), "the stream")
        # The synchronization after the connection: the one before it is the first, and both end with an empty answer.
        settled(backend)
        yield client


def settled(backend):
    """The number of flag requests, when no more are made."""
    seen, begun = -1, time.monotonic()
    since = begun
    while time.monotonic() - since < 1.5:
        if time.monotonic() - begun > 30:
            raise AssertionError("flags are asked for without end")
        now = len(backend.requests("splitChanges"))
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.05)
    return seen


def instant_updates(backend, file):
    """streaming: flags and rule-based segments inside notifications, without a request"""
    for payload in ["plain", "gzip", "zlib"]:
        with connected(backend, payload=payload) as client:
            before = settled(backend)
            backend.post("flags", flag={**backend.flag("plain"), "killed": True})
            eventually(lambda: client.get_treatment("ann", "plain") == "off", f"the update by {payload}")
            # Not compressible, and far above 64 KiB.
            noise = base64.b64encode(random.Random(7).randbytes(150_000)).decode()
            backend.post("flags", flag={**backend.flag("plain"), "killed": False, "configurations": {"on": noise}})
            eventually(
                lambda: client.get_treatment_with_config("ann", "plain") == ("on", noise), f"the large one by {payload}"
            )
            german = next(rbs for rbs in backend.call("GET", "state")["rbs"]["d"] if rbs["name"] == "german")
            backend.post("rbs", rbs={**german, "excluded": {"keys": ["zoe"], "segments": []}})
            eventually(
                lambda: client.get_treatment("zoe", "germans", {"country": "DE"}) == "off", f"the segment by {payload}"
            )
            equal(len(backend.requests("splitChanges")), before, f"requests with {payload}")


def notifications(backend, file):
    """streaming: plain updates, kill, segments, byte by byte"""
    with connected(backend) as client:
        backend.post("flags", flag={**backend.flag("plain"), "killed": True}, delivery={"bytewise": True})
        eventually(lambda: client.get_treatment("ann", "plain") == "off", "the update")
        backend.post("flags/kill", name="dependent", treatment="dead")
        eventually(lambda: client.get_treatment("ann", "dependent") == "dead", "the kill")
        backend.post("segments/update", name="beta users", added=["zoe"])
        eventually(lambda: client.get_treatment("zoe", "members") == "on", "the segment")


def reconnected(backend, action, what):
    """Waits until a new stream follows the live one, and has told of the publishers. The SDK may go on polling beside
    it for good: in version 10.7.0 the end of a stream and the beginning of the next can overtake each other."""
    (old,) = [one["stream"] for one in backend.call("GET", "streams")]
    action()

    def streams():
        return backend.call("GET", "streams")

    eventually(lambda: any(one["stream"] > old and one["frames"] >= 2 for one in streams()), what)
    eventually(lambda: len(streams()) == 1, f"{what}, and no other")


def polls(backend):
    """Whether flags are asked for without a cause, within three seconds."""
    before = len(backend.requests("splitChanges"))
    time.sleep(3)
    return len(backend.requests("splitChanges")) - before >= 2


def interruptions(backend, file):
    """streaming: occupancy, control messages, expired tokens, lost connections"""
    with connected(backend) as client:
        equal(polls(backend), False, "polling while connected")
        backend.post("notify", notification={"type": "OCCUPANCY", "publishers": 0})
        equal(polls(backend), True, "polling without publishers")
        backend.post("notify", notification={"type": "OCCUPANCY", "publishers": 1})
        settled(backend)
        backend.post("notify", notification={"type": "CONTROL", "control": "STREAMING_PAUSED"})
        equal(polls(backend), True, "polling while paused")
        backend.post("notify", notification={"type": "CONTROL", "control": "STREAMING_ENABLED"})
        settled(backend)
        reconnected(backend, lambda: backend.post("tokens/expire", live=True), "a stream with a new token")
        reconnected(backend, lambda: backend.post("streams/drop", how="reset"), "a stream after the lost one")
        backend.post("flags/kill", name="plain", treatment="off")
        eventually(lambda: client.get_treatment("ann", "plain") == "off", "the kill on the third stream")


if __name__ == "__main__":
    run(
        [polling, flag_sets, failures, instant_updates, notifications, interruptions], Backend(sys.argv[1]), sys.argv[2]
    )
