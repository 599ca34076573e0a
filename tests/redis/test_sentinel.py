"""Sentinels: who the master is, and that one is followed."""

import json
import threading
import time

import pytest

import splitio
from rig import records, seeds
from rig.servers import HOST, Replicated, free_port, tls_settings
from rig.subject import Raised
from support import secrets
from support.waiting import eventually


@pytest.fixture
def replicated():
    """A new set for each test, which may break it."""
    with Replicated() as running:
        with running.master().client() as client:
            seeds.synchronized(client)
        yield running


@pytest.fixture(scope="module")
def shared():
    """One that stays whole."""
    with Replicated() as running:
        with running.master().client() as client:
            seeds.synchronized(client)
        yield running


def quick(replicated, **more):
    return {**replicated.options, "redisSocketTimeout": 1, "redisSocketConnectTimeout": 1, **more}


def test_reads_and_writes_go_to_the_master(shared, sdk):
    sdk.new(**quick(shared))
    assert sdk.treatment("alice", "checkout_v2") == "on"
    assert sdk.track("alice") is True
    sdk.destroy()
    with shared.nodes[1].client() as replica:
        eventually(lambda: replica.llen("SPLITIO.events"), "the event at the replica")
        # Nobody but its master talked to it: reads of an SDK would be among these.
        assert "cmdstat_mget" not in replica.info("commandstats")


def test_first_sentinels_are_dead(shared, sdk):
    options = quick(shared)
    dead = [(HOST, free_port()), ("nowhere.invalid", 26379)]
    options["redisSentinels"] = [*dead, options["redisSentinels"][0]]
    sdk.new(**options)
    assert sdk.treatment("alice", "checkout_v2") == "on"


@pytest.mark.parametrize(
    "change",
    [
        {"redisSentinels": [(HOST, 1), (HOST, 2)]},
        {"redisMasterService": "unknown"},
        {"redisMasterService": None},
        {"redisMasterService": ""},
        {"redisSentinels": []},
        {"redisSentinels": ["no pair"]},
    ],
)
def test_what_cannot_work(change, shared, sdk, official_only):
    with pytest.raises(Raised) as raised:
        sdk.new(**quick(shared, **change))
    if not official_only and change.get("redisMasterService") == "unknown":
        assert "unknown" in raised.value.text


@pytest.mark.ours_alone("it forgets the answers")
def test_master_is_killed_during_evaluations(replicated):
    """Evaluations give what is right or control, never hang, and go on by themselves; no accepted event is lost."""
    timeout = 1
    factory = splitio.get_factory(
        "an-sdk-key",
        config=quick(replicated, redisLocalCacheEnabled=False, redisSocketTimeout=timeout, eventsQueueSize=100_000),
    )
    client, stop = factory.client(), threading.Event()
    answers, tracked, longest = [], [], [0.0]

    def work(thread):
        for number in range(1_000_000):
            if stop.is_set():
                return
            began = time.monotonic()
            answers.append((began, client.get_treatment("alice", "checkout_v2")))
            if client.track(f"{thread}-{number}", "user", "clicked"):
                tracked.append(f"{thread}-{number}")
            longest[0] = max(longest[0], time.monotonic() - began)
            time.sleep(0.01)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(tracked) > 50, "events before")
    master = replicated.master()
    replica = next(node for node in replicated.nodes if node is not master)
    # The replica has what was pushed up to here; what goes on to the master alone would be lost by Redis itself.
    master.pause()
    replica.catch_up()
    master.kill()
    replicated.wait_for_another_than(master)
    eventually(lambda: answers[-1][1] == "on", "answers by the new master", 15)
    recovered, before = time.monotonic(), len(answers)
    eventually(lambda: len(answers) > before + 100, "more answers")
    stop.set()
    for thread in threads:
        thread.join()
    done = threading.Event()
    factory.destroy(done)
    assert done.wait(20)
    # "off" where the flag was read and whether she is in its segment was not.
    assert {"on", "control"} <= {answer for _, answer in answers} <= {"on", "control", "off"}
    assert {answer for began, answer in answers if began > recovered} == {"on"}
    assert longest[0] < 2 * (2 * timeout) + 1
    with replicated.master().client() as connection:
        arrived = records.Left(connection).keys_of_events()
    assert set(tracked) - set(arrived) == set()
    assert len(tracked) > 50


@pytest.mark.ours_alone("it would go on writing to the old one")
def test_old_master_lives_on(replicated, sdk):
    """B29: connections to the old master stay open, and only its answer READONLY tells."""
    sdk.new(**quick(replicated, redisLocalCacheEnabled=False))
    assert sdk.treatment("alice", "checkout_v2") == "on"
    assert sdk.track("before") is True
    replicated.fail_over()
    asked = sentinel_calls(replicated)
    assert sdk.track("at the new one") is True
    assert sdk.treatment("bob", "checkout_v2") == "on"
    assert sdk.track("after") is True
    sdk.destroy()
    with replicated.master().client() as client:
        left = records.Left(client)
    assert left.keys_of_events() == ["before", "at the new one", "after"]
    assert left.impressions_of() == [("alice", "on"), ("bob", "on")]
    assert sentinel_calls(replicated) - asked < 20


def sentinel_calls(replicated):
    """How often the sentinels were asked where the master is, by anybody."""
    calls = 0
    for sentinel in replicated.sentinels:
        with sentinel.client() as client:
            stats = client.info("commandstats")
        calls += sum(
            stats.get(f"cmdstat_sentinel|{name}", {"calls": 0})["calls"]
            for name in ("get-master-addr-by-name", "masters")
        )
    return calls


PASSWORD = ["user default off", "user app on >hunter2 ~* &* +@all"]


@pytest.mark.parametrize("sentinels", ["open", "guarded"])
@pytest.mark.ours_alone("sentinels with a password it does not know")
def test_passwords_and_database(sentinels, sdk):
    """B31: the data nodes' login and database are theirs, the sentinels' their own; also after a failover."""
    guarded = ["requirepass sesame"] if sentinels == "guarded" else []
    login = {"user": "app", "password": "hunter2"}
    with Replicated(
        *PASSWORD, "masteruser app", "masterauth hunter2", sentinel_settings=guarded, **login
    ) as replicated:
        with replicated.master().client(db=3) as client:
            client.set("SPLITIO.split.only_here", json.dumps(seeds.flag("only_here", "three")))
        options = quick(
            replicated, redisUsername="app", redisPassword="hunter2", redisDb=3, redisLocalCacheEnabled=False
        )
        if guarded:
            with pytest.raises(Raised):
                sdk.new(**options, redisSentinelPassword="wrong-one")
            options["redisSentinelPassword"] = "sesame"
        sdk.new(**options)
        assert sdk.treatment("ann", "only_here") == "three"
        assert sdk.track("before") is True
        replicated.fail_over()
        eventually(lambda: sdk.treatment("bob", "only_here") == "three", "an answer of the new master")
        assert sdk.track("after") is True
        sdk.destroy()
        with replicated.master().client(db=3) as client:
            assert records.Left(client).keys_of_events() == ["before", "after"]
        told = str(sdk.log())
        assert not secrets.found_in(told)


@pytest.mark.ours_alone("R13: it refuses")
def test_sentinels_with_tls(authority, sdk):
    tls = tls_settings(authority)
    with Replicated(*tls, sentinel_settings=tls, tls=authority) as replicated:
        with replicated.master().client() as client:
            seeds.synchronized(client)
        trusted = {"redisSsl": True, "redisSslCaCerts": str(authority / "ca.pem")}
        with pytest.raises(Raised):
            sdk.new(**quick(replicated, redisSsl=True))
        sdk.new(**quick(replicated, **trusted, redisSslServerName="redis.test"))
        assert sdk.treatment("alice", "checkout_v2") == "on"
        sdk.destroy()
