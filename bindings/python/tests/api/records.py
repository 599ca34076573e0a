"""What listeners get, and what arrives at the back end."""

import time

from world import METHODS, arguments_of, eventually

from splitio import Key
from splitio.client.client import EvaluationOptions
from splitio.impressions import ImpressionListener

# Impressions that are posted, by mode: the others are counted, or only their keys are.
EXPECTED = {"DEBUG": 27, "OPTIMIZED": 25, "NONE": 0}
ATTRIBUTES = {"age": 30, "plan": "pro", "flags": ["a", "b"], "yes": True, "none": None}


class Listener(ImpressionListener):
    def __init__(self):
        self.data = []

    def log_impression(self, data):
        self.data.append(data)


def sequence(client):
    """Evaluations that differ in what they leave behind, and events."""
    yield client.get_treatment, "ann", "checkout", ATTRIBUTES
    yield client.get_treatment, "ann", "checkout"
    yield client.get_treatment, Key("bob", "b"), "rollout", {}
    yield client.get_treatment_with_config, 5, "checkout"
    yield client.get_treatments, "zoe", ["banner", "dead", "gated", "nobody", "silent", "unknown", "other"]
    yield client.get_treatment, "ann", "checkout", None, EvaluationOptions({"page": "cart", "n": 1, "odd": []})
    yield client.get_treatment, "ann", "checkout", None, EvaluationOptions({})
    yield client.get_treatments_by_flag_set, "eve", "web", {"a": 1}
    yield client.get_treatment, None, "checkout"
    yield client.get_treatment, "ann", None
    yield client.get_treatment, "ann", "unknown"
    yield client.track, "ann", "user", "paid", 5.5, {"plan": "pro", "none": None, "odd": []}
    yield client.track, "ann", "USER", "paid", 0
    yield client.track, 7, "user", "seen"
    yield client.track, "ann", "user", "paid", None, {}
    for method in METHODS:
        yield (getattr(client, method), f"m-{method}", *arguments_of(method))


def plain(data):
    """An impression of a listener without its times."""
    impression = data["impression"]._asdict()
    assert isinstance(impression.pop("time"), int)
    impression["has previous"] = impression.pop("previous_time") is not None
    return {"impression": impression, "attributes": data["attributes"], "machine": data["instance-id"]}


def ordered(records):
    """Flags of one call come in no particular order."""
    return sorted(records, key=lambda one: (str(one["impression"]["matching_key"]), one["impression"]["feature_name"]))


def others_have_posted(world):
    """Factories of earlier parts: Split's SDK may post for a while after it says that it is destroyed."""
    seen, since = -1, time.monotonic()
    deadline = since + 20
    while time.monotonic() < min(since + 2, deadline):
        count = len(world.backend.requests("events/bulk"))
        if count != seen:
            seen, since = count, time.monotonic()
        time.sleep(0.05)


def run(world, results):
    others_have_posted(world)
    for mode in ("DEBUG", "OPTIMIZED", "NONE"):
        world.begin()
        listener = Listener()
        factory = world.ready(impressionListener=listener, impressionsMode=mode, impressionsRefreshRate=60)
        for call, *arguments in sequence(factory.client()):
            call(*arguments)
        eventually(lambda listener=listener: len(listener.data) >= 27, seconds=3)
        results.add(f"listener/{mode}/keys", sorted(listener.data[0]) if listener.data else None)
        results.add(f"listener/{mode}/types", sorted({type(data["impression"]).__name__ for data in listener.data}))
        results.add(f"listener/{mode}/version", {data["sdk-language-version"].split("-")[0] for data in listener.data})
        for number, record in enumerate(ordered([plain(data) for data in listener.data])):
            results.add(f"listener/{mode}/{number}", record)
        eventually(lambda: len(world.backend.events()) >= 4)
        world.destroy(factory)
        # Split's SDK says that it is destroyed before its last posts have arrived.
        eventually(lambda: world.backend.requests("metrics/usage"))
        eventually(lambda mode=mode: len(world.backend.impressions()) >= EXPECTED[mode])
        eventually(lambda: "silent" in unique_keys(world))
        posted(world, results, mode)
    unlabelled(world, results)


def posted(world, results, mode):
    impressions = []
    for name, impression in world.backend.impressions():
        impression = dict(impression, f=name, pt=impression.get("pt") is not None)
        assert impression.pop("m") > 1_600_000_000_000
        impressions.append(impression)
    impressions.sort(key=lambda one: (str(one["k"]), one["f"], one["pt"], str(one.get("properties"))))
    for number, impression in enumerate(impressions):
        results.add(f"posted/{mode}/impression {number}", impression)
    events = []
    for event in world.backend.events():
        assert event.pop("timestamp") > 1_600_000_000_000
        events.append(event)
    for number, event in enumerate(sorted(events, key=repr)):
        results.add(f"posted/{mode}/event {number}", event)
    counts = {}
    for post in world.backend.requests("testImpressions/count"):
        for count in post["body"]["pf"]:
            counts[count["f"]] = counts.get(count["f"], 0) + count["rc"]
    results.add(f"posted/{mode}/counts", counts)
    results.add(f"posted/{mode}/keys", unique_keys(world))
    first = (world.backend.requests("events/bulk") or [{"headers": []}])[0]
    headers = {name.lower(): value for name, value in first["headers"]}
    for name in ("authorization", "splitsdkmachinename", "splitsdkmachineip", "content-type"):
        results.add(f"posted/{mode}/{name}", headers.get(name))


def unique_keys(world):
    keys = {}
    for post in world.backend.requests("keys/ss"):
        for one in post["body"]["keys"]:
            keys.setdefault(one["f"], set()).update(one["ks"])
    return keys


def unlabelled(world, results):
    world.begin()
    listener = Listener()
    factory = world.ready(impressionListener=listener, labelsEnabled=False)
    factory.client().get_treatments("ann", ["checkout", "dead"])
    eventually(lambda: len(listener.data) >= 2)
    for number, record in enumerate(ordered([plain(data) for data in listener.data])):
        results.add(f"listener/unlabelled/{number}", record)
    world.destroy(factory)
