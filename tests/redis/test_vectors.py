"""What Split's Python SDK was asked, answered and sent, on what a real Synchronizer had written: asked again, of ours.

Compared are the answers, the commands of each call, those of the start and of destroy, and what is in Redis in the end.
The departures of the specification are taken out here, by their numbers, and nothing else. `--official` asks Split's
SDK itself, as a test of the comparison.
"""

import json
import re

import pytest

from rig import records, seeds
from rig.monitor import Monitor

SESSIONS = {session["name"]: session for session in seeds.fixture("pushed.json")}
LATENCIES = "SPLITIO.telemetry.latencies"
CACHED = "with the local cache"


def before(session):
    prefix = session["config"].get("redisPrefix")
    return f"{prefix}." if prefix else ""


def named(session):
    """Whether the machine has the name of the configuration, or none."""
    return "machineName" in session["config"] or session["config"].get("IPAddressesEnabled") is False


def camel_case(method):
    """R3."""
    return re.sub(r"_(.)", lambda match: match[1].upper(), method)


def decoded(text):
    """An element of a list, decoded; in vectors masks stand where an SDK writes times."""
    return records.masked(json.loads(text), named=True) if '"m"' in text else json.loads(text)


class Comparison:
    """Brings the commands of the two to one form."""

    def __init__(self, session, official):
        self.prefix = before(session)
        self.official = official
        self.named = named(session)

    def key(self, name):
        return name.removeprefix(self.prefix)

    def form(self, commands, vector=False):
        """The commands in a form in which order that means nothing is gone, and departures too."""
        theirs = vector or self.official
        asked, members, sets, flow = set(), set(), set(), []
        for name, *arguments in commands:
            if name in ("MULTI", "EXEC", "HELLO", "CLIENT", "SELECT", "AUTH", "PING"):  # R8, R6
                assert theirs or name == "PING"
                continue
            key = self.key(arguments[0]) if arguments else None
            if name == "MGET":
                assert arguments or theirs, "an MGET without keys"  # R7
                asked.update(map(self.key, arguments))
            elif name == "SISMEMBER":
                members.add((key, arguments[1]))
            elif name == "SMEMBERS":
                sets.add(key)
            elif key == LATENCIES:  # R1, R10: looked at in the end
                assert name in ("HINCRBY", "HLEN", "EXPIRE")
            elif name == "HLEN":  # R1
                assert not theirs
            elif name in ("KEYS", "SCAN"):
                assert name == ("KEYS" if theirs else "SCAN")
                pattern = arguments[0] if theirs else dict(zip(arguments[1::2], arguments[2::2]))["MATCH"]
                flow.append(["names", self.key(pattern)])
            elif name == "RPUSH":
                flow.append([name, key, sorted((self.element(text, vector) for text in arguments[1:]), key=str)])
            elif name == "HSET":
                flow.append([name, key, self.init(*arguments[1:], vector)])
            elif name == "HINCRBY":
                field = re.sub(r"::[0-9]+$", "::<hour>", arguments[1])
                flow.append([name, key, field, arguments[2]])
            else:
                flow.append([name, key, *arguments[1:]])
        return {"asked": asked, "members": members, "sets": sets, "flow": flow}

    def element(self, text, vector):
        if "ks" in (one := json.loads(text)):
            return {**one, "ks": sorted(one["ks"])}
        if not vector:
            (records.impression if "i" in one else records.event)(text)
        return records.masked(one, self.named)

    def init(self, field, value, vector):
        whole = json.loads(value)
        if vector or self.official:  # R5
            whole = {"st" if name == "sT" else name: member for name, member in whole.items()}
        _sdk, name, address = field.split("/")
        return [[name, address] if self.named else None, {name: whole[name] for name in ("oM", "aF", "rF", "st", "t")}]


@pytest.mark.parametrize("name", SESSIONS)
def test_session(name, server, synchronized, sdk, official_only):
    session = SESSIONS[name]
    seeds.synchronized(synchronized, before(session))
    form = Comparison(session, official_only).form
    wrong = []

    def compare(what, seen, commands):
        left, right = form(seen), form(commands, vector=True)
        if name == CACHED and not official_only:
            # R9: kept by name, where the other keeps the sets of names that were asked.
            assert left["asked"] <= right["asked"], what
            right["asked"] = left["asked"]
        if left != right:
            wrong.append({"of": what, "ours": left, "expected": right})

    with Monitor(server) as monitor:
        sdk.new(**server.options, **session["config"])
        compare("the start", monitor.since(), session["start"])
        for step in session["steps"]:
            answer = sdk.call(**step["call"])
            if answer != step["expected"]:
                wrong.append({"of": step["call"], "ours": answer, "expected": step["expected"]})
            compare(step["call"], monitor.since(), step["commands"])
        sdk.destroy()
        compare_ends(monitor.since(), session["destroy"], form, wrong)
    assert not wrong, "\n".join(map(str, wrong))
    compare_left(session, synchronized, official_only)


def compare_ends(seen, commands, form, wrong):
    """Of a flush: counts and unique keys in any order."""
    left, right = form(seen)["flow"], form(commands, vector=True)["flow"]
    if sorted(left, key=str) != sorted(right, key=str):
        wrong.append({"of": "destroy", "ours": left, "expected": right})


def compare_left(session, client, official):
    """What is in Redis at the end, checked record by record."""
    after = {one["key"].rsplit("SPLITIO.", 1)[1]: one for one in session["after"]}
    if official:
        # Its records are no others than those of the vectors, which test_records.py checks; some our checker refuses.
        return
    left = records.Left(client, before(session))
    left.check_lives()
    assert set(left.present) == set(after)
    for name, ours in (("impressions", left.impressions), ("events", left.events)):
        there = after.get(name, {"value": []})["value"]
        theirs = [records.masked(json.loads(text), named(session)) for text in there]
        # The order within one push means nothing; test_session compared each push, and all pushes in their order.
        assert sorted((records.masked(one, named(session)) for one in ours), key=str) == sorted(theirs, key=str)
    keys = {one["f"]: set(one["ks"]) for one in map(json.loads, after["uniquekeys"]["value"])}
    assert left.unique() == keys
    counts = {field.split("::")[0]: int(value) for field, value in after["impressions.count"]["value"].items()}
    assert left.counted() == counts
    # R10: the calls that pushed nothing are among ours; R3.
    theirs = {}
    for field, value in after.get("telemetry.latencies", {"value": {}})["value"].items():
        method = camel_case(field.split("/")[3])
        theirs[method] = theirs.get(method, 0) + int(value)
    made = {}
    for step in session["steps"]:
        method = step["call"]["method"]
        if not method.startswith("split"):
            method = camel_case(method.removeprefix("get_"))
            # What is refused before anything is looked up is no call, and nothing is evaluated for an empty set.
            refused = step["expected"] in (False, {}) or "" in (step["call"].get("key"), step["call"].get("flag"))
            made[method] = made.get(method, 0) + (not refused)
    assert left.measured() == made
    assert all(theirs.get(method, 0) <= number for method, number in made.items())
    assert left.exceptions == []
    (init,) = left.inits
    assert init["t"] == []
    identities = {tuple(one["identity"]) for one in [*left.latencies, init]} | {
        (one["m"]["s"], one["m"]["n"], one["m"]["i"]) for one in [*left.impressions, *left.events]
    }
    assert len(identities) == 1
