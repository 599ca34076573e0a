"""Redis is not there, goes away, says nothing, refuses, and comes back."""

import threading
import time

import pytest

import splitio
from rig import records
from rig.proxy import Proxy
from rig.servers import HOST, Silent, free_port
from rig.subject import Raised
from support.waiting import eventually

pytestmark = pytest.mark.ours_alone("it waits for ever and loses what it cannot push: R11, R15")
# What a call may take that needs no answer of Redis.
AT_ONCE = 0.3
FLAG = {"method": "get_treatment", "key": "ann", "flag": "plain"}


def levels(lines, level):
    return [text for found, text in lines if found == level]


def test_redis_that_is_not_there(sdk):
    port = free_port()
    with pytest.raises(Raised, match=f"{HOST}:{port}") as raised:
        sdk.new(redisHost=HOST, redisPort=port, redisPassword="hunter2", redisUsername="joe")
    assert "hunter2" not in raised.value.text
    assert sdk.seconds < 2
    assert "hunter2" not in str(sdk.log())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"redisUnixSocketPath": "/nowhere/redis.sock"}, "/nowhere/redis.sock"),
        ({"redisSentinels": [(HOST, 1), (HOST, 2)], "redisMasterService": "main"}, "main|:1"),
        ({"redisClusterNodes": [(HOST, 1), (HOST, 2)]}, f"{HOST}:"),
        ({"redisHost": "nowhere.invalid"}, "nowhere.invalid"),
    ],
)
def test_other_ways_to_it(options, named, sdk):
    with pytest.raises(Raised, match=named):
        sdk.new(**options, redisSocketConnectTimeout=1, redisSocketTimeout=1)


def test_redis_that_never_answers_at_the_start(sdk):
    with Silent() as silent, pytest.raises(Raised, match=f"{HOST}:{silent.port}"):
        sdk.new(**silent.options, redisSocketConnectTimeout=0.5, redisSocketTimeout=0.5)
    assert 0.4 < sdk.seconds < 2


def test_stopped_between_two_calls(outage, flags, sdk):
    """B30: no call raises, waits or says the same again."""
    sdk.new(listen=True, **outage.options, redisLocalCacheEnabled=False, impressionsMode="DEBUG")
    assert sdk.treatment("ann", "plain") == "on"
    sdk.log()
    outage.stop()
    for number in range(20):
        assert sdk.treatment(f"lost-{number}", "plain") == "control"
        assert sdk.seconds < AT_ONCE
    lines = sdk.log()
    assert len(levels(lines, "ERROR")) == 1, lines
    assert outage.endpoint in levels(lines, "ERROR")[0]
    assert not [text for _, text in lines if "does not exist" in text]
    assert sdk.call("get_treatments", key="ann", flags=["plain", "for_members"]) == {
        "plain": "control",
        "for_members": "control",
    }
    assert sdk.call("get_treatment_with_config", key="ann", flag="plain") == ["control", None]
    assert sdk.call("get_treatments_by_flag_set", key="ann", flag_set="one") == {}
    assert sdk.call("split_names") == sdk.call("splits") == []
    assert sdk.call("split", name="plain") is None
    assert sdk.track("kept-1") is True
    assert sdk.track("kept-2") is True
    assert sdk.seconds < AT_ONCE
    outage.start()
    eventually(lambda: sdk.treatment("back", "plain") == "on", "an answer")
    assert sdk.track("after") is True
    eventually(lambda: records.Left(flags).keys_of_events() == ["kept-1", "kept-2", "after"], "the events")
    sdk.destroy()
    left = records.Left(flags)
    assert left.keys_of_events() == ["kept-1", "kept-2", "after"]
    assert {key for key, _ in left.impressions_of("plain")} == {"ann", "back"}
    assert {key for _, key, _, _ in sdk.heard()} == {"ann", "back"}
    assert {one["method"] for one in left.exceptions} <= records.METHODS


def test_fallbacks_and_the_cache(outage, flags, sdk):
    """What is in the local cache is answered from there, and its impressions wait; else it is the fallback."""
    fallback = {"global": {"treatment": "safe", "config": "{}"}, "byFlag": {"for_members": {"treatment": "flagged"}}}
    sdk.new(**outage.options, redisLocalCacheTTL=60, impressionsMode="DEBUG", fallbackTreatments=fallback)
    assert sdk.treatment("ann", "plain") == "on"
    outage.stop()
    assert sdk.treatment("bob", "plain") == "on"
    assert sdk.seconds < AT_ONCE
    assert sdk.call("get_treatment_with_config", key="bob", flag="counted") == ["safe", "{}"]
    assert sdk.treatment("bob", "for_members") == "flagged"
    outage.start()
    eventually(lambda: records.Left(flags).impressions_of("plain") == [("ann", "on"), ("bob", "on")], "the impressions")


def test_no_answer_between_two_calls(outage, flags, sdk):
    """B30: it hangs; no call waits longer than the bound."""
    timeout = 0.4
    sdk.new(
        **outage.options, redisLocalCacheEnabled=False, redisSocketTimeout=timeout, redisSocketConnectTimeout=timeout
    )
    assert sdk.treatment("ann", "plain") == "on"
    outage.pause()
    longest = 0
    for method, arguments, answer in [
        ("get_treatment", {"key": "bob", "flag": "for_members"}, "control"),
        ("get_treatments", {"key": "bob", "flags": ["plain", "counted"]}, {"plain": "control", "counted": "control"}),
        ("get_treatments_by_flag_set", {"key": "bob", "flag_set": "one"}, {}),
        ("get_treatment", {"key": "bob", "flag": "plain"}, "control"),
    ]:
        assert sdk.call(method, **arguments) == answer
        longest = max(longest, sdk.seconds)
    assert longest < 2 * timeout + 0.2
    assert sdk.call("split_names") == []
    assert sdk.seconds < 2 * timeout + 0.2
    assert sdk.track("bob") is True
    assert sdk.seconds < 2 * timeout + 0.2
    outage.go_on()
    eventually(lambda: sdk.treatment("ann", "for_members") == "on", "an answer")
    # It may have taken what it was sent before: at least once.
    eventually(lambda: set(records.Left(flags).keys_of_events()) == {"bob"}, "the event")


def test_no_answer_and_time_to_connect(outage, flags, sdk):
    """Where an evaluation may take less time than connecting, it is found out too that nobody answers."""
    sdk.new(**outage.options, redisLocalCacheEnabled=False, redisSocketTimeout=0.3, impressionsMode="NONE")
    assert sdk.treatment("ann", "plain") == "on"
    outage.pause()
    waited = []
    for _ in range(20):
        assert sdk.treatment("ann", "plain") == "control"
        waited.append(sdk.seconds)
    assert waited[0] < 2 * 0.3 + 0.2
    # One more may have tried again.
    assert sum(seconds > 0.1 for seconds in waited[1:]) <= 1, waited


def test_slow_answers(flags, sdk, server):
    """Each in time, though only just: nothing is wrong, and nothing is pushed twice."""
    timeout = 1
    with Proxy(server) as proxy:
        sdk.new(**proxy.options, redisLocalCacheEnabled=False, redisSocketTimeout=timeout, impressionsMode="DEBUG")
        assert sdk.treatment("warm", "plain") == "on"
        eventually(lambda: proxy.is_idle, "what the first call left to do")
        proxy.held = 0.85 * timeout
        # Flags of the set, and their definitions: little is left for the impressions.
        assert sdk.call("get_treatments_by_flag_set", key="ann", flag_set="one") == {"plain": "on"}
        assert sdk.seconds < 2 * timeout + 0.2
        eventually(lambda: ("ann", "on") in records.Left(flags).impressions_of() and proxy.is_idle, "the impression")
        assert sdk.track("ann") is True
        proxy.held = 0
        sdk.destroy()
    left = records.Left(flags)
    assert left.impressions_of() == [("warm", "on"), ("ann", "on")]
    assert left.keys_of_events() == ["ann"]
    assert levels(sdk.log(), "ERROR") == []


def test_answers_byte_by_byte(flags, sdk, server):
    """They must not hold a call longer than silence does."""
    with Proxy(server) as proxy:
        sdk.new(**proxy.options, redisLocalCacheEnabled=False, redisSocketTimeout=0.5)
        proxy.dripping = 0.15
        assert sdk.treatment("ann", "plain") == "control"
        assert sdk.seconds < 1.2


@pytest.mark.parametrize("what", ["evaluation", "many", "by set", "track", "names", "construction"])
def test_other_threads_go_on_meanwhile(what, outage, flags, factory_of):
    """B36: while a call waits for Redis, it does not hold the interpreter."""
    waits = 0.5
    config = {"redisSocketTimeout": waits, "redisSocketConnectTimeout": waits, "redisLocalCacheEnabled": False}
    factory = factory_of(outage, **config)
    client, manager = factory.client(), factory.manager()
    assert client.get_treatment("ann", "plain") == "on"

    def construct():
        with pytest.raises(Exception, match=outage.endpoint):
            splitio.get_factory("an-sdk-key", config={**outage.options, **config})

    call = {
        "evaluation": lambda: client.get_treatment("ann", "plain"),
        "many": lambda: client.get_treatments("ann", ["plain", "counted"]),
        "by set": lambda: client.get_treatments_by_flag_set("ann", "one"),
        "track": lambda: client.track("ann", "user", "clicked"),
        "names": manager.split_names,
        "construction": construct,
    }[what]
    outage.pause()
    done = threading.Event()

    def wait():
        try:
            call()
        finally:
            done.set()

    caller = threading.Thread(target=wait)
    began = time.monotonic()
    caller.start()
    turns = 0
    while not done.wait(0.005):
        turns += 1
    waited = time.monotonic() - began
    outage.go_on()
    caller.join()
    assert waited > waits * 0.8
    assert turns > waited / 0.005 / 5


# ---- It answers, but refuses


def test_refused_writes_wait(outage, flags, sdk):
    """No memory left: flags are read, and what cannot be pushed waits."""
    sdk.new(**outage.options, impressionsMode="DEBUG", redisLocalCacheEnabled=False)
    flags.config_set("maxmemory", "1")
    try:
        assert sdk.treatment("ann", "plain") == "on"
        assert sdk.treatment("ann", "for_members") == "on"
        assert sdk.track("ann") is True
        eventually(lambda: levels(sdk.log(), "ERROR"), "an error")
    finally:
        flags.config_set("maxmemory", "0")
    sdk.destroy()
    left = records.Left(flags)
    assert left.keys_of_events() == ["ann"]
    assert left.impressions_of() == [("ann", "on"), ("ann", "on")]


@pytest.mark.parametrize(
    ("denied", "call", "answer", "shown"),
    [
        ("mget", FLAG, "control", []),
        ("sismember", {**FLAG, "flag": "for_members"}, "off", [("ann", "off")]),
        ("smembers", {"method": "get_treatments_by_flag_set", "key": "ann", "flag_set": "one"}, {}, []),
        ("scan", {"method": "split_names"}, [], []),
        ("scan", {"method": "splits"}, [], []),
        ("get", {"method": "split", "name": "plain"}, None, []),
        ("get", {"method": "track", "key": "ann", "traffic_type": "user", "event_type": "e", "value": 1}, True, []),
        ("hincrby", FLAG, "on", [("ann", "on")]),
        ("hset", FLAG, "on", [("ann", "on")]),
        ("expire", FLAG, "on", [("ann", "on")]),
    ],
)
def test_one_command_is_refused(denied, call, answer, shown, server, flags, sdk):
    flags.execute_command("ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", f"-{denied}")
    login = {"redisUsername": "limited", "redisPassword": "pw"}
    sdk.new(**server.options, **login, redisLocalCacheEnabled=False, impressionsMode="DEBUG")
    assert sdk.call(**call) == answer
    sdk.destroy()
    left = records.Left(flags)
    assert left.impressions_of() == shown
    assert left.keys_of_events() == (["ann"] if call["method"] == "track" else [])
    if denied not in ("hincrby", "hset", "expire"):
        assert [text for level, text in sdk.log() if level in ("ERROR", "WARNING")]
    flags.execute_command("ACL", "DELUSER", "limited")


def test_server_that_loads_its_data(flags, server, sdk):
    """LOADING is its answer to all commands, for a while."""
    with Proxy(server) as proxy:
        sdk.new(**proxy.options, redisLocalCacheEnabled=False, impressionsMode="DEBUG")
        assert sdk.treatment("ann", "plain") == "on"
        proxy.refusing = b"LOADING Redis is loading the dataset in memory"
        assert sdk.treatment("bob", "plain") == "control"
        assert sdk.track("kept") is True
        assert sdk.call("split_names") == []
        assert "LOADING" in str(levels(sdk.log(), "ERROR"))
        proxy.refusing = None
        eventually(lambda: sdk.treatment("cid", "plain") == "on", "an answer", 5)
        sdk.destroy()
    left = records.Left(flags)
    assert left.keys_of_events() == ["kept"]
    assert {key for key, _ in left.impressions_of()} == {"ann", "cid"}


def test_a_second_server_is_no_matter(flags, server, sdk):
    """Connections that were closed by the server, as with `timeout`, are replaced without anybody noticing."""
    sdk.new(**server.options, redisLocalCacheEnabled=False, impressionsMode="DEBUG")
    for number in range(5):
        assert sdk.treatment(f"key-{number}", "plain") == "on"
        flags.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert sdk.track(f"key-{number}") is True
        flags.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    sdk.destroy()
    left = records.Left(flags)
    assert [key for key, _ in left.impressions_of("plain")] == [f"key-{number}" for number in range(5)]
    assert left.keys_of_events() == [f"key-{number}" for number in range(5)]
    assert not levels(sdk.log(), "ERROR")
