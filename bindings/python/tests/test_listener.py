"""The impression listener, and handlers of the factory's events."""

import json
import logging
import threading
import time

from support import backend as backends
from support import flags
from support.waiting import eventually

import splitio
from splitio import EvaluationOptions, Key
from splitio.events.events_metadata import EventsMetadata, SdkEventType
from splitio.impressions import ImpressionListener
from splitio.models.events import SdkEvent
from splitio.models.impressions import Impression


class Listener(ImpressionListener):
    """Keeps what it gets."""

    def __init__(self):
        self.data = []

    def log_impression(self, data):
        self.data.append(data)


def test_every_impression_arrives_in_order(localhost):
    listener = Listener()
    client = localhost(impressionListener=listener).client()
    for number in range(2000):
        client.get_treatment(f"key-{number}", "checkout")
    eventually(lambda: len(listener.data) == 2000)
    assert [data["impression"].matching_key for data in listener.data] == [f"key-{number}" for number in range(2000)]


def test_what_a_listener_gets(localhost):
    listener = Listener()
    client = localhost(impressionListener=listener, machineName="desk").client()
    attributes = {"age": 30, "plans": {"pro"}, "nothing": None}
    client.get_treatment(Key("ann", "b"), "checkout", attributes, EvaluationOptions({"page": "cart"}))
    client.get_treatments("zoe", ["silent", "unknown"])
    client.get_treatment(None, "checkout")
    eventually(lambda: len(listener.data) == 2)
    first, second = listener.data
    assert set(first) == {"impression", "attributes", "instance-id", "sdk-language-version"}
    impression = first["impression"]
    assert isinstance(impression, Impression)
    assert impression._replace(time=0) == Impression(
        matching_key="ann",
        feature_name="checkout",
        treatment="on",
        label="whitelisted",
        change_number=flags.NUMBER,
        bucketing_key="b",
        time=0,
        previous_time=None,
        properties='{"page": "cart"}',
    )
    assert first["attributes"] == {"age": 30, "plans": ["pro"], "nothing": None}
    assert first["instance-id"] == "desk"
    assert first["sdk-language-version"] == f"python-{splitio.__version__}"
    assert second["attributes"] is None
    assert second["impression"]._replace(time=0) == Impression(
        "zoe", "silent", "on", "default rule", flags.NUMBER, None, 0, None, None
    )


def test_an_impression_without_a_definition(backend):
    listener = Listener()
    backend.post("faults", endpoint="splitChanges", hang=True)
    factory = splitio.get_factory(
        backends.KEY, config={**backends.QUICK, "impressionListener": listener}, **backend.arguments
    )
    assert factory.client().get_treatment("ann", "checkout") == "control"
    eventually(lambda: listener.data)
    impression = listener.data[0]["impression"]
    assert (impression.label, impression.change_number) == ("not ready", None)
    factory.destroy()


def test_a_listener_that_fails_gets_the_next_one(localhost, caplog):
    class Failing(Listener):
        def log_impression(self, data):
            super().log_impression(data)
            raise RuntimeError("the listener is out of order")

    listener = Failing()
    client = localhost(impressionListener=listener).client()
    client.get_treatments("ann", ["checkout", "banner"])
    eventually(lambda: len(listener.data) == 2)
    eventually(lambda: len([r for r in caplog.records if r.name == "splitio.delivery"]) == 2)
    assert "out of order" in caplog.text


def test_a_listener_may_use_the_client(localhost):
    answers = []

    class Asking(Listener):
        def log_impression(self, data):
            if data["impression"].feature_name == "checkout":
                answers.append(client.get_treatment("ann", "banner"))
                answers.append(client.track("ann", "user", "seen"))

    client = localhost(impressionListener=Asking()).client()
    client.get_treatment("ann", "checkout")
    eventually(lambda: answers == ["red", True])


def test_a_listener_may_destroy_the_factory(localhost):
    gone = threading.Event()

    class Ending(Listener):
        def log_impression(self, data):
            factory.destroy(gone)

    factory = localhost(impressionListener=Ending())
    factory.client().get_treatment("ann", "checkout")
    assert gone.wait(5)


def test_destroy_hands_over_what_is_left(localhost):
    listener = Listener()
    factory = localhost(impressionListener=listener)
    client = factory.client()
    for number in range(3000):
        client.get_treatment(f"key-{number}", "checkout")
    gone = threading.Event()
    factory.destroy(gone)
    assert gone.wait(10)
    assert len(listener.data) == 3000


def test_a_loop_over_many_keys_loses_nothing(localhost):
    listener = Listener()
    client = localhost(impressionListener=listener).client()
    for number in range(30_000):
        client.get_treatment(f"key-{number}", "checkout")
    for number in range(3_000):
        client.get_treatments(f"list-{number}", ["checkout", "banner", "rollout", "dead", "unknown"])
    eventually(lambda: len(listener.data) == 42_000, seconds=30)


def test_a_listener_that_stands_still_stops_nobody(localhost):
    go_on = threading.Event()

    class Standing(Listener):
        def log_impression(self, data):
            go_on.wait(30)
            super().log_impression(data)

    client = localhost(impressionListener=Standing()).client()
    try:
        began = time.monotonic()
        for number in range(30_000):
            client.get_treatment(f"key-{number}", "checkout")
        # It waits for it once.
        assert time.monotonic() - began < 5
    finally:
        go_on.set()


def test_a_listener_that_evaluates_is_not_held_up(localhost):
    class Asking(Listener):
        def log_impression(self, data):
            super().log_impression(data)
            if data["impression"].feature_name == "checkout" and len(self.data) < 20_000:
                client.get_treatment(f"again-{len(self.data)}", "checkout")
                client.get_treatment("ann", "banner")

    listener = Asking()
    client = localhost(impressionListener=listener).client()
    client.get_treatment("ann", "checkout")
    eventually(lambda: len(listener.data) >= 10_000, seconds=30)


def test_ready_is_told_once_also_to_who_comes_late(localhost):
    factory = localhost()
    told = []
    factory.client().on(SdkEvent.SDK_READY, told.append)
    eventually(lambda: told)
    # The first handler stays.
    factory.client().on(SdkEvent.SDK_READY, lambda metadata: told.append("another"))
    factory.client().get_treatment("ann", "checkout")
    assert told == [None]


def test_ready_is_told_to_who_waits(backend):
    told = []
    backend.post("faults", endpoint="splitChanges", delay_ms=200, times=1)
    factory = splitio.get_factory(backends.KEY, config=backends.QUICK, **backend.arguments)
    factory.client().on(SdkEvent.SDK_READY, told.append)
    assert told == []
    factory.block_until_ready(5)
    eventually(lambda: told == [None])
    factory.destroy()


def test_updates_say_what_changed(standalone, backend):
    told = []
    factory = standalone()
    factory.client().on(SdkEvent.SDK_UPDATE, told.append)
    backend.post("flags", flag=flags.flag("banner", flags.everyone("blue"), changeNumber=flags.NUMBER + 1))
    eventually(lambda: told)
    assert isinstance(told[0], EventsMetadata)
    assert (told[0].get_type(), told[0].get_names()) == (SdkEventType.FLAG_UPDATE, {"banner"})
    assert factory.client().get_treatment("ann", "banner") == "blue"


def test_what_cannot_be_subscribed_is_refused(localhost, caplog):
    client = localhost().client()
    client.on("SDK_READY", print)
    client.on(SdkEvent.SDK_READY, 5)
    assert [r.levelno for r in caplog.records if r.name == "splitio.client"] == [logging.WARNING] * 2


def test_properties_are_json_text(localhost):
    listener = Listener()
    client = localhost(impressionListener=listener).client()
    client.get_treatment("ann", "checkout", None, EvaluationOptions({"n": 1, "b": True, "t": "x", "odd": [1]}))
    eventually(lambda: listener.data)
    assert json.loads(listener.data[0]["impression"].properties) == {"n": 1, "b": True, "t": "x", "odd": None}
