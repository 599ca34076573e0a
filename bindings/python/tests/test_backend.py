"""What arrives at the back end."""

import threading
import time

import pytest
from support import backend as backends
from support import flags
from support.waiting import eventually

import splitio
from splitio import EvaluationOptions, Key
from splitio.api import APIException
from splitio.exceptions import TimeoutException


def test_impressions_and_events_arrive_as_they_were_made(standalone, backend):
    client = standalone().client()
    client.get_treatment(Key("ann", "b"), "checkout", {"age": 3}, EvaluationOptions({"page": "cart"}))
    client.get_treatments_with_config("zoe", ["checkout", "silent", "unknown"])
    assert client.track("ann", "user", "paid", 5, {"plan": "pro", "when": object()})
    assert client.track(7, "user", "seen")
    eventually(lambda: len(backend.impressions()) == 2 and len(backend.events()) == 2)
    (name, first), (_, second) = sorted(backend.impressions(), key=lambda one: one[1]["k"])
    assert (name, first["k"], first["b"], first["t"], first["r"]) == ("checkout", "ann", "b", "on", "whitelisted")
    assert first["c"] == flags.NUMBER
    assert first["properties"] == '{"page":"cart"}'
    assert (second["k"], second["t"], second["r"]) == ("zoe", "off", "default rule")
    paid, seen = backend.events()
    assert (paid["key"], paid["trafficTypeName"], paid["eventTypeId"], paid["value"]) == ("ann", "user", "paid", 5)
    assert paid["properties"] == {"plan": "pro", "when": None}
    assert (seen["key"], seen.get("value")) == ("7", None)


def test_who_we_are(standalone, backend):
    standalone(machineName="desk", machineIp="192.0.2.7").client().track("ann", "user", "paid")
    post = eventually(lambda: backend.requests("events/bulk"))[0]
    headers = {name.lower(): value for name, value in post["headers"]}
    assert headers["splitsdkversion"] == f"python-{splitio.__version__}"
    assert headers["splitsdkmachinename"] == "desk"
    assert headers["splitsdkmachineip"] == "192.0.2.7"
    assert headers["authorization"] == f"Bearer {backends.KEY}"


def test_flush_sends_what_is_queued(standalone, backend):
    factory = standalone(impressionsRefreshRate=3600, eventsPushRate=3600)
    client = factory.client()
    client.get_treatment("ann", "checkout")
    client.track("ann", "user", "paid")
    assert factory.flush(10) is True
    assert len(backend.impressions()) == 1
    assert len(backend.events()) == 1
    backend.post("faults", endpoint="events/bulk", status=503)
    client.track("ann", "user", "paid")
    began = time.monotonic()
    assert factory.flush(0.5) is False
    assert time.monotonic() - began < 2
    backend.call("DELETE", "faults")


def test_destroy_sends_what_is_queued_and_then_sets_the_event(standalone, backend):
    factory = standalone(impressionsRefreshRate=3600, eventsPushRate=3600)
    client = factory.client()
    for number in range(500):
        client.get_treatment(f"key-{number}", "checkout")
        client.track(f"key-{number}", "user", "paid")
    backend.post("faults", endpoint="events/bulk", delay_ms=300, times=1)
    gone = threading.Event()
    began = time.monotonic()
    factory.destroy(gone)
    # It does not wait, but nothing is answered any more.
    assert time.monotonic() - began < 0.2
    assert not gone.is_set()
    assert client.get_treatment("ann", "checkout") == "control"
    assert gone.wait(10)
    assert len(backend.impressions()) == 500
    assert len(backend.events()) == 500
    another = threading.Event()
    factory.destroy(another)
    assert another.wait(1)


def test_destroy_before_ready(backend):
    backend.post("faults", endpoint="splitChanges", hang=True)
    factory = splitio.get_factory(backends.KEY, config=backends.QUICK, **backend.arguments)
    assert factory.ready is False
    waited = []

    def wait():
        try:
            factory.block_until_ready(30)
        except TimeoutException as over:
            waited.append(str(over))

    waiting = threading.Thread(target=wait)
    waiting.start()
    gone = threading.Event()
    factory.destroy(gone)
    assert gone.wait(5)
    waiting.join(5)
    assert waited == ["SDK initialization: the factory has been destroyed"]
    with pytest.raises(TimeoutException):
        factory.block_until_ready(1)


def test_a_time_out_comes_when_it_should(backend):
    backend.post("faults", endpoint="splitChanges", hang=True)
    factory = splitio.get_factory(backends.KEY, config=backends.QUICK, **backend.arguments)
    for seconds in (0, 0.05, 0.3):
        began = time.monotonic()
        with pytest.raises(TimeoutException):
            factory.block_until_ready(seconds)
        assert seconds - 0.005 <= time.monotonic() - began < seconds + 0.3
    factory.destroy()


def test_a_refused_key_is_told_when_the_time_is_over(backend):
    backend.post("options", keys=["another"])
    factory = splitio.get_factory(backends.KEY, config=backends.QUICK, **backend.arguments)
    began = time.monotonic()
    with pytest.raises(TimeoutException, match="does not accept the SDK key"):
        factory.block_until_ready(0.5)
    assert 0.45 < time.monotonic() - began < 2
    with pytest.raises(TimeoutException, match="does not accept the SDK key"):
        factory.block_until_ready()
    factory.destroy()


def test_a_streamed_change_arrives(standalone, backend):
    backend.post("options", streaming=True)
    client = standalone(streamingEnabled=True, featuresRefreshRate=3600).client()
    eventually(lambda: backend.call("GET", "streams"))
    assert client.get_treatment("ann", "banner") == "red"
    backend.post("flags", flag=flags.flag("banner", flags.everyone("blue"), changeNumber=flags.NUMBER + 1))
    eventually(lambda: client.get_treatment("ann", "banner") == "blue")


@pytest.mark.parametrize("config", [None, {}, {"ready": 0, "unknown": object(), 5: 5}])
def test_configurations_that_say_little(backend, config):
    factory = splitio.get_factory(backends.KEY, config=config, **backend.arguments)
    factory.block_until_ready(5)
    factory.destroy()


def test_a_configuration_that_cannot_work_is_a_value_error():
    with pytest.raises(ValueError, match="sdk_api_base_url"):
        splitio.get_factory(backends.KEY, sdk_api_base_url="rubbish")


def test_a_file_that_is_not_there_is_an_api_exception(tmp_path):
    with pytest.raises(APIException, match="missing"):
        splitio.get_factory("localhost", config={"splitFile": str(tmp_path / "missing.yaml")})


def test_labels_and_listener_options_reach_the_library(standalone, backend):
    standalone(labelsEnabled=False).client().get_treatment("ann", "checkout")
    _, impression = eventually(backend.impressions)[0]
    assert impression.get("r") is None
