"""What an SDK leaves in Redis, and whether the Synchronizer takes it.

`check` is written from what the Synchronizer demands, not from what this SDK does: a record that fails here it would
drop. `masked` takes away what differs between two machines, two SDKs and two moments.
"""

import json
import re

from rig.seeds import PUSHED

METHODS = {
    "treatment", "treatments", "treatmentWithConfig", "treatmentsWithConfig",
    "treatmentsByFlagSet", "treatmentsByFlagSets", "treatmentsWithConfigByFlagSet", "treatmentsWithConfigByFlagSets",
    "track",
}  # fmt: skip
BUCKETS = 23
HOUR = 3_600_000
MOST_KEYS = 5000
# A list or hash that nobody drains goes after an hour; init records stay.
LIFE = 3600


class Bad(AssertionError):
    """The Synchronizer would drop it."""


def demand(holds, what):
    if not holds:
        raise Bad(what)


def strict(text):
    """JSON, whose numbers with a point or an exponent stay apart from integers, and which has no member twice."""

    def members(pairs):
        demand(len({name for name, _ in pairs}) == len(pairs), f"a member twice: {text}")
        return dict(pairs)

    def refuse(name):
        raise Bad(f"{name} is no JSON: {text}")

    try:
        return json.loads(text, object_pairs_hook=members, parse_constant=refuse)
    except ValueError as cause:
        raise Bad(f"no JSON: {text}") from cause


def _integer(value):
    return type(value) is int and -(2**63) <= value < 2**63


def _identity(m, whole):
    demand(isinstance(m, dict) and all(isinstance(m.get(name), str) for name in "sni"), f"m: {whole}")
    demand(re.fullmatch(r"[a-z]+-[0-9][^/]*", m["s"]), f"m.s: {whole}")
    demand(m["n"] and m["i"] and "/" not in m["n"] + m["i"], f"m: {whole}")


def impression(text):
    whole = strict(text)
    demand(isinstance(whole, dict) and isinstance(whole.get("i"), dict), f"no impression: {text}")
    _identity(whole.get("m"), text)
    one = whole["i"]
    for name in "kbftr":
        demand(one.get(name) is None or isinstance(one[name], str), f"{name}: {text}")
    for name in "kft":
        demand(one.get(name), f"no {name}: {text}")
    for name in ("c", "m"):
        demand(_integer(one.get(name)), f"{name}: {text}")
    demand("pt" not in one or _integer(one["pt"]), f"pt: {text}")
    properties = one.get("properties")
    demand(properties is None or isinstance(properties, str), f"properties: {text}")
    if properties is not None:
        demand(isinstance(strict(properties), dict), f"properties: {text}")
    return whole


def event(text):
    whole = strict(text)
    demand(isinstance(whole, dict) and isinstance(whole.get("e"), dict), f"no event: {text}")
    _identity(whole.get("m"), text)
    one = whole["e"]
    for name in ("key", "trafficTypeName", "eventTypeId"):
        demand(isinstance(one.get(name), str) and one[name], f"{name}: {text}")
    demand(_integer(one.get("timestamp")), f"timestamp: {text}")
    demand(one.get("value") is None or type(one["value"]) in (int, float), f"value: {text}")
    demand(one.get("properties") is None or isinstance(one["properties"], dict), f"properties: {text}")
    return whole


def unique_keys(text):
    whole = strict(text)
    demand(isinstance(whole, dict) and isinstance(whole.get("f"), str) and whole["f"], f"f: {text}")
    keys = whole.get("ks")
    demand(isinstance(keys, list) and keys and all(isinstance(key, str) for key in keys), f"ks: {text}")
    demand(len(set(keys)) == len(keys), f"a key twice: {text}")
    return whole


def count(field, value):
    parts = field.split("::")
    demand(len(parts) == 2 and parts[0] and re.fullmatch(r"[0-9]+", parts[1]), f"count of {field!r}")
    demand(int(parts[1]) % HOUR == 0, f"not an hour: {field!r}")
    demand(re.fullmatch(r"[1-9][0-9]*", value), f"count {field!r}: {value!r}")
    return {"f": parts[0], "hour": int(parts[1]), "count": int(value)}


def latency(field, value):
    parts = field.split("/")
    demand(len(parts) == 5 and all(parts), f"latency of {field!r}")
    demand(parts[3] in METHODS, f"method of {field!r}")
    demand(re.fullmatch(r"[0-9]+", parts[4]) and int(parts[4]) < BUCKETS, f"bucket of {field!r}")
    demand(re.fullmatch(r"[1-9][0-9]*", value), f"latency {field!r}: {value!r}")
    return {"identity": parts[:3], "method": parts[3], "bucket": int(parts[4]), "count": int(value)}


def exception(field, value):
    parts = field.split("/")
    demand(len(parts) == 4 and all(parts), f"exceptions of {field!r}")
    demand(parts[3] in METHODS, f"method of {field!r}")
    demand(re.fullmatch(r"[1-9][0-9]*", value), f"exceptions {field!r}: {value!r}")
    return {"identity": parts[:3], "method": parts[3], "count": int(value)}


def init(field, value):
    parts = field.split("/")
    demand(len(parts) == 3 and all(parts), f"identity of {field!r}")
    whole = strict(value)
    for name in ("oM", "aF", "rF"):
        demand(_integer(whole.get(name)), f"{name}: {value}")
    demand(isinstance(whole.get("st"), str), f"st: {value}")
    demand(isinstance(whole.get("t"), list) and all(isinstance(tag, str) for tag in whole["t"]), f"t: {value}")
    return {"identity": parts, **whole}


class Left:
    """All that SDKs left in a Redis, checked and decoded."""

    def __init__(self, client, before=""):
        self.present = {}
        for name in PUSHED:
            key = f"{before}SPLITIO.{name}"
            kind = client.type(key)
            if kind == "list":
                self.present[name] = client.lrange(key, 0, -1)
            elif kind == "hash":
                self.present[name] = client.hgetall(key)
            else:
                demand(kind == "none", f"{key} is a {kind}")
        self.lives = {name: client.ttl(f"{before}SPLITIO.{name}") for name in self.present}
        self.impressions = [impression(text) for text in self.present.get("impressions", ())]
        self.events = [event(text) for text in self.present.get("events", ())]
        self.unique_keys = [unique_keys(text) for text in self.present.get("uniquekeys", ())]
        demand(sum(len(one["ks"]) for one in self.unique_keys) <= MOST_KEYS, "more than 5000 keys in one push")
        self.counts = [count(*each) for each in self.present.get("impressions.count", {}).items()]
        self.latencies = [latency(*each) for each in self.present.get("telemetry.latencies", {}).items()]
        self.exceptions = [exception(*each) for each in self.present.get("telemetry.exceptions", {}).items()]
        self.inits = [init(*each) for each in self.present.get("telemetry.init", {}).items()]

    def check_lives(self):
        """Everything goes in an hour from its making, but for the init record."""
        for name, life in self.lives.items():
            demand(life == -1 if name == "telemetry.init" else LIFE - 60 < life <= LIFE, f"{name} lives for {life}")

    def impressions_of(self, flag=None):
        """(key, treatment) of each impression of a flag, in their order."""
        return [(one["i"]["k"], one["i"]["t"]) for one in self.impressions if flag in (None, one["i"]["f"])]

    def keys_of_events(self):
        return [one["e"]["key"] for one in self.events]

    def counted(self):
        """By flag, over all hours."""
        sums = {}
        for one in self.counts:
            sums[one["f"]] = sums.get(one["f"], 0) + one["count"]
        return sums

    def unique(self):
        """The keys of each flag, over all pushes."""
        found = {}
        for one in self.unique_keys:
            found.setdefault(one["f"], set()).update(one["ks"])
        return found

    def measured(self):
        """Calls by method."""
        sums = {}
        for one in self.latencies:
            sums[one["method"]] = sums.get(one["method"], 0) + one["count"]
        return sums


# What only the session of a program decides: vectors have <name> there already.
_TIME, _SDK, _NAME, _ADDRESS = "<ms>", "<sdk>", "<name>", "<ip>"


def masked(record, named=False):
    """An impression or event, decoded, without time, SDK and, unless they are `named` in the configuration, machine."""
    m = {**record["m"], "s": _SDK}
    if not named:
        m.update(n=_NAME, i=_ADDRESS)
    if "i" in record:
        one = {**record["i"], "m": _TIME}
        one.pop("pt", None)
        # Left out or null: the same to whoever reads it. As text it may be spaced in many ways.
        one["properties"] = one.get("properties") and json.loads(one["properties"])
        return {"m": m, "i": one}
    return {"m": m, "e": {**record["e"], "timestamp": _TIME, "properties": record["e"].get("properties")}}
