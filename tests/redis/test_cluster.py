"""Redis Cluster, in which all keys share the slot of a hash tag."""

import threading
import time

import pytest

import splitio
from rig import records, seeds, subject
from rig.servers import HOST, Cluster, free_port, tls_settings
from rig.subject import Raised
from support.waiting import eventually

pytestmark = pytest.mark.ours_alone("it has no clusters")
TAG = "{SPLITIO}"


def slot(tag):
    """As a cluster has it: CRC16 (XMODEM) of what is in the braces."""
    crc = 0
    for byte in tag.strip("{}").encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc % 16384


@pytest.fixture(scope="module")
def shared():
    """One that stays whole."""
    with Cluster(slot(TAG)) as cluster:
        yield cluster


@pytest.fixture
def whole(shared):
    for master in shared.masters:
        with master.client() as client:
            client.flushall()
    with shared.client() as client:
        yield shared, client


@pytest.fixture
def breaking():
    """A new one, which may be broken."""
    with Cluster(slot(TAG)) as cluster, cluster.client() as client:
        seeds.synchronized(client, f"{TAG}.")
        yield cluster


def exercise(sdk):
    assert len(sdk.call("split_names")) == len(sdk.call("splits")) == 16
    assert sdk.treatment("alice", "checkout_v2") == "on"
    assert sdk.treatment("tim", "adults_only", attributes={"age": 20}) == "on"
    assert set(sdk.call("get_treatments_by_flag_set", key="dora", flag_set="checkout")) == {
        "checkout_v2",
        "adults_only",
    }
    assert sdk.treatment("user-1", "dark_mode") == "off"
    assert sdk.track("alice") is True
    sdk.destroy()


@pytest.mark.parametrize(
    ("options", "before"),
    [
        ({}, "{SPLITIO}."),
        ({"redisPrefix": "myapp"}, "{SPLITIO}myapp."),
        ({"redisPrefix": ""}, "{SPLITIO}."),
    ],
)
def test_tag_and_prefix(options, before, whole, sdk):
    cluster, client = whole
    seeds.synchronized(client, before)
    sdk.new(**cluster.options, **options)
    exercise(sdk)
    left = records.Left(client, before)
    assert left.keys_of_events() == ["alice"]
    assert left.unique() == {"dark_mode": {"user-1"}}
    left.check_lives()
    assert [key for key in client.keys("*") if not key.startswith(f"{before}SPLITIO.")] == []


def test_own_tag(whole, sdk):
    cluster, _ = whole
    tag = "{another}"
    bounds = [0, 5461, 10923, 16384]
    owner = cluster.masters[next(number for number in range(3) if slot(tag) < bounds[number + 1])]
    with owner.client() as client:
        seeds.synchronized(client, f"{tag}.")
        sdk.new(**cluster.options, redisClusterKeyHashTag=tag)
        exercise(sdk)
        assert records.Left(client, f"{tag}.").keys_of_events() == ["alice"]


@pytest.mark.parametrize("tag", ["SPLITIO", "{}", "{a", "a}", "{a}b", "{{a}}", "{a}{b}", "x{a}"])
def test_bad_tag_is_refused(tag, whole, sdk):
    with pytest.raises(Raised, match="redisClusterKeyHashTag"):
        sdk.new(**whole[0].options, redisClusterKeyHashTag=tag)


def test_other_exclusions(whole, sdk):
    with pytest.raises(Raised, match="redisDb"):
        sdk.new(**whole[0].options, redisDb=1)
    with pytest.raises(Raised, match="redisClusterNodes"):
        sdk.new(**whole[0].options, redisSentinels=[(HOST, 1)], redisMasterService="main")


def test_any_node_will_do_to_begin_with(whole):
    cluster, client = whole
    seeds.synchronized(client, f"{TAG}.")
    for node in (*cluster.masters, cluster.replica):
        with subject.ours() as one:
            one.new(redisClusterNodes=[(HOST, free_port()), (HOST, node.port)])
            assert one.treatment("alice", "checkout_v2") == "on"
            assert one.track("alice") is True


def test_password_and_tls(authority, sdk):
    """At each node, whose addresses no certificate names."""
    tls = ["tls-cluster yes", "tls-replication yes", *tls_settings(authority, "named")]
    login = ["user default off", "user app on >hunter2 ~* &* +@all", "masteruser app", "masterauth hunter2"]
    with Cluster(slot(TAG), *tls, *login, tls=authority, user="app", password="hunter2") as cluster:
        with cluster.client() as client:
            seeds.synchronized(client, f"{TAG}.")
            another = next(master for master in cluster.masters if master is not cluster.owner)
            options = {
                "redisClusterNodes": [(HOST, another.port)],
                "redisUsername": "app",
                "redisPassword": "hunter2",
                "redisSsl": True,
                "redisSslCaCerts": str(authority / "ca.pem"),
            }
            with pytest.raises(Raised):
                sdk.new(**options)
            sdk.new(**options, redisSslServerName="redis.test")
            exercise(sdk)
            assert records.Left(client, f"{TAG}.").keys_of_events() == ["alice"]
        assert "hunter2" not in str(sdk.log())


class Evaluations:
    """Threads that evaluate and track through what happens to the cluster."""

    def __init__(self, cluster, **config):
        config = {
            **cluster.options,
            "redisLocalCacheEnabled": False,
            "redisSocketTimeout": 1,
            "redisSocketConnectTimeout": 1,
            "eventsQueueSize": 100_000,
            **config,
        }
        self.factory = splitio.get_factory("an-sdk-key", config=config)
        self.client = self.factory.client()
        self.answers, self.tracked, self.longest = [], [], 0.0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=[number]) for number in range(3)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_raised):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        done = threading.Event()
        self.factory.destroy(done)
        assert done.wait(20)

    def _work(self, thread):
        number = 0
        while not self._stop.is_set():
            began = time.monotonic()
            self.answers.append((began, self.client.get_treatment("alice", "checkout_v2")))
            number += 1
            if self.client.track(f"{thread}-{number}", "user", "clicked"):
                self.tracked.append(f"{thread}-{number}")
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(0.003)

    def more(self, count=60):
        """Waits for so many more answers."""
        wanted = len(self.answers) + count
        eventually(lambda: len(self.answers) > wanted, "more answers", 20)


def test_a_slot_migrates(breaking):
    """MOVED and ASK: the answers stay right, and every event arrives once at who has the slot in the end."""
    with Evaluations(breaking) as evaluations:
        evaluations.more()
        breaking.begin_migration()
        evaluations.more()
        while breaking.migrate_keys(5):
            evaluations.more(15)
        evaluations.more()
        breaking.end_migration()
        evaluations.more()
        ended = time.monotonic()
        evaluations.more()
    assert {answer for began, answer in evaluations.answers if began > ended} == {"on"}
    # A key that is gone while its command is under way: control, or "off" as its segment is not known; seldom.
    assert {answer for _, answer in evaluations.answers} <= {"on", "control", "off"}
    wrong = sum(answer != "on" for _, answer in evaluations.answers)
    assert wrong <= len(evaluations.answers) // 10
    with breaking.client() as client:
        left = records.Left(client, f"{TAG}.")
    assert sorted(left.keys_of_events()) == sorted(evaluations.tracked)
    assert len(evaluations.tracked) > 100


def test_master_fails_over_during_evaluations(breaking):
    with Evaluations(breaking) as evaluations:
        evaluations.more()
        breaking.fail_over()
        eventually(lambda: evaluations.answers[-1][1] == "on", "answers by the new master", 15)
        recovered = time.monotonic()
        evaluations.more()
    assert {answer for began, answer in evaluations.answers if began > recovered} == {"on"}
    # "off" where the flag was read and whether she is in its segment was not.
    assert {"on", "control"} <= {answer for _, answer in evaluations.answers} <= {"on", "control", "off"}
    assert evaluations.longest < 5
    with breaking.client() as client:
        arrived = set(records.Left(client, f"{TAG}.").keys_of_events())
    assert set(evaluations.tracked) - arrived == set()
