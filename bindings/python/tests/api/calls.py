"""Evaluations, events and the manager, with every sort of argument."""

import collections

from values import ANY, Thing
from world import METHODS, arguments_of, eventually

from splitio import Key
from splitio.client.client import EvaluationOptions

LISTS = {
    "none": None,
    "a text": "checkout",
    "a tuple": ("checkout",),
    "a set": {"checkout"},
    "a dict": {"checkout": 1},
    "empty": [],
    "only none": [None],
    "only blank": ["", "  "],
    "only numbers": [5, 5.5],
    "a mixture": ["checkout", None, 5, "", "  ", True, [], "banner"],
    "twice": ["checkout", "banner", "checkout"],
    "with blanks": [" checkout ", "banner\n"],
    "unknown": ["checkout", "unknown"],
    "case": ["CHECKOUT"],
    "spaced": [" spaced "],
}
SETS = {
    **LISTS,
    "upper case": ["WEB"],
    "one set": ["web"],
    "two sets": ["shop", "rolled"],
    "the same twice": ["web", " web ", "WEB"],
    "an unknown set": ["web", "nothing"],
    "only unknown sets": ["nothing"],
    "names that cannot be": ["we b", "_web", "w" * 51, "web!"],
    "one that cannot be": ["web", "we b", None, 5],
}
ATTRIBUTES = {
    "none": None,
    "empty": {},
    "an adult": {"age": 30},
    "a child": {"age": 3},
    "ordered": collections.OrderedDict(age=30),
    "default dict": collections.defaultdict(int, age=30),
    "user dict": collections.UserDict(age=30),
    "list": [("age", 30)],
    "text": "age",
    "number": 5,
    "zero": 0,
    "false": False,
    "empty list": [],
    "names of all types": {5: 5, None: 5, ("a",): 5, "age": 30},
    "only a thing": {"age": Thing()},
}
OPTIONS = {
    "none": None,
    "empty": EvaluationOptions({}),
    "no properties": EvaluationOptions(None),
    "properties": EvaluationOptions({"page": "cart", "n": 1, "f": 1.5, "b": True, "none": None}),
    "odd properties": EvaluationOptions({"list": [1], "dict": {}, "thing": Thing(), 5: 5}),
    "text": EvaluationOptions("text"),
    "list": EvaluationOptions([1]),
    "large": EvaluationOptions({"long": "x" * 40_000}),
    "dict": {"properties": {"a": 1}},
    "number": 5,
    "tuple": ({"a": 1},),
}
TRAFFIC_TYPES = [
    "user",
    "account",
    "USER",
    "unknown",
    " user ",
    *map(ANY.get, ("none", "empty text", "blank", "five", "list", "bytes")),
]
EVENT_TYPES = [
    "paid",
    "5",
    "a.b:c-d_e",
    "x" * 80,
    "x" * 81,
    "-paid",
    "not valid",
    "paid\n",
    "\u2603",
    *map(ANY.get, ("none", "empty text", "blank", "five", "list", "true")),
]
PROPERTIES = {
    "none": None,
    "empty": {},
    "plain": {"t": "x", "n": 1, "f": 1.5, "b": True, "none": None},
    "odd": {"list": [1], "dict": {}, "thing": Thing(), 5: 5, None: 1},
    "list": [1],
    "text": "x",
    "number": 5,
    "just fits": {"a": "x" * (32768 - 1024 - 1)},
    "just too large": {"a": "x" * (32768 - 1024)},
    "too many": {f"p{n}": n for n in range(301)},
}


def run(world, results):
    world.begin()
    factory = world.ready()
    client, manager = factory.client(), factory.manager()
    with_keys(results, client)
    with_flags(results, client)
    with_extras(results, client)
    events(results, client)
    managed(results, manager)
    world.destroy(factory)
    for method in METHODS:
        results.of(f"destroyed/{method}", getattr(client, method), "ann", *arguments_of(method))
        results.of(f"destroyed/{method} without a key", getattr(client, method), None, *arguments_of(method))
    results.of("destroyed/track", client.track, "ann", "user", "paid")
    results.of("destroyed/names", manager.split_names)
    results.of("destroyed/splits", manager.splits)
    results.of("destroyed/split", manager.split, "checkout")
    results.add("destroyed/client", [client.ready, client.destroyed])
    unready(world, results)


def with_keys(results, client):
    for name, key in ANY.items():
        for method in METHODS:
            results.of(f"key/{name}/{method}", getattr(client, method), key, *arguments_of(method))
        results.of(f"key/{name}/rollout", client.get_treatment, key, "rollout")
        results.of(f"key/{name}/of a pair", client.get_treatment, Key(key, "bucket"), "checkout")
        results.of(f"key/{name}/bucketing", client.get_treatment, Key("ann", key), "rollout")
        results.of(f"key/{name}/track", client.track, key, "user", "paid")
    results.of("key/pair/rollout", client.get_treatment, Key("ann", "b"), "rollout")
    results.of("key/pair of numbers", client.get_treatment, Key(5, 6), "checkout")
    results.of("key/pair/track", client.track, Key("ann", "b"), "user", "paid")
    for number in range(50):
        results.of(f"key/bucket {number}", client.get_treatment, f"key-{number}", "rollout")


def with_flags(results, client):
    for name, flag in ANY.items():
        for method in ("get_treatment", "get_treatment_with_config"):
            results.of(f"flag/{name}/{method}", getattr(client, method), "ann", flag)
        for method in ("get_treatments", "get_treatments_with_config"):
            results.of(f"flag/{name}/{method}", getattr(client, method), "ann", [flag, "banner"])
        results.of(f"set/{name}", client.get_treatments_by_flag_set, "ann", flag)
    for flag in (
        "checkout",
        " checkout ",
        "CHECKOUT",
        "unknown",
        "dead",
        "gated",
        "silent",
        "nobody",
        "other",
        " spaced ",
    ):
        results.of(f"flag/{flag}", client.get_treatment_with_config, "ann", flag)
    for name, names in LISTS.items():
        for method in ("get_treatments", "get_treatments_with_config"):
            results.of(f"list/{name}/{method}", getattr(client, method), "ann", names)
            results.of(f"list/{name}/{method} without a key", getattr(client, method), None, names)
    for name, names in SETS.items():
        for method in ("get_treatments_by_flag_sets", "get_treatments_with_config_by_flag_sets"):
            results.of(f"sets/{name}/{method}", getattr(client, method), "ann", names)
    for flag_set in ("web", "WEB", " web ", "nothing", "we b", "_web"):
        for method in ("get_treatments_by_flag_set", "get_treatments_with_config_by_flag_set"):
            results.of(f"set/{flag_set}/{method}", getattr(client, method), "ann", flag_set)


def with_extras(results, client):
    for name, attributes in ATTRIBUTES.items():
        results.of(f"attributes/{name}", client.get_treatment, "zoe", "adults", attributes)
        results.of(f"attributes/{name}/with config", client.get_treatment_with_config, "ann", "checkout", attributes)
        results.of(f"attributes/{name}/list", client.get_treatments, "zoe", ["adults", "banner"], attributes)
        results.of(f"attributes/{name}/set", client.get_treatments_by_flag_set, "zoe", "web", attributes)
    for name, options in OPTIONS.items():
        for method in METHODS:
            results.of(f"options/{name}/{method}", getattr(client, method), "ann", *arguments_of(method), None, options)
    results.of(
        "named arguments",
        client.get_treatment,
        key="zoe",
        feature_flag_name="adults",
        attributes={"age": 30},
        evaluation_options=EvaluationOptions({"a": 1}),
    )


def events(results, client):
    for number, traffic_type in enumerate(TRAFFIC_TYPES):
        results.of(f"track/traffic type {number} {traffic_type!r}", client.track, "ann", traffic_type, "paid")
    for number, event_type in enumerate(EVENT_TYPES):
        results.of(f"track/event type {number} {str(event_type)[:20]!r}", client.track, "ann", "user", event_type)
    for name, value in ANY.items():
        results.of(f"track/value {name}", client.track, "ann", "user", "paid", value)
    for name, properties in PROPERTIES.items():
        results.of(f"track/properties {name}", client.track, "ann", "user", "paid", 1, properties)
    results.of(
        "track/named", client.track, key="a", traffic_type="user", event_type="paid", value=1, properties={"a": 1}
    )


def view(split):
    """A view of which the order of what has none is taken away."""
    if split is None:
        return None
    shown = split._asdict()
    shown["treatments"], shown["sets"] = sorted(shown["treatments"]), sorted(shown["sets"])
    shown["prerequisites"] = [[one.feature_flag_name, list(one.treatments)] for one in shown["prerequisites"]]
    return shown


def managed(results, manager):
    results.add("manager/names", sorted(manager.split_names()))
    for split in manager.splits():
        results.add(f"manager/splits/{split.name}", view(split))
    for name in ("checkout", "gated", "unknown", "CHECKOUT", " checkout ", " spaced "):
        results.of(f"manager/split/{name}", lambda name=name: view(manager.split(name)))
    for name, value in ANY.items():
        results.of(f"manager/split of {name}", lambda value=value: view(manager.split(value)))
    split = manager.split("checkout")
    results.add("manager/fields", list(split._fields))
    results.add("manager/type", [type(split).__name__, type(manager).__name__])


def unready(world, results):
    world.backend.post("faults", endpoint="splitChanges", hang=True)
    factory = world.factory()
    client, manager = factory.client(), factory.manager()
    for method in METHODS:
        results.of(f"not ready/{method}", getattr(client, method), "ann", *arguments_of(method))
        results.of(f"not ready/{method} without a key", getattr(client, method), None, *arguments_of(method))
    results.of("not ready/track", client.track, "ann", "user", "paid")
    results.of("not ready/names", manager.split_names)
    results.of("not ready/splits", manager.splits)
    results.of("not ready/split", manager.split, "checkout")
    results.add("not ready/client", [factory.ready, factory.destroyed, client.ready, client.destroyed])
    results.of("not ready/block", factory.block_until_ready, 0.1)
    world.backend.call("DELETE", "faults")
    results.add("not ready/in the end", eventually(lambda: factory.ready, 30))
    world.destroy(factory)
