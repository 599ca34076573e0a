"""Users and passwords, databases, sockets, prefixes."""

import json

import pytest

from rig import records, seeds
from rig.monitor import Monitor
from rig.servers import Server
from rig.subject import Raised
from support import secrets

# All that an SDK needs: the list of redis-consumer.md, 6.1.
COMMANDS = [
    "ping",
    "auth",
    "select",
    "get",
    "mget",
    "smembers",
    "sismember",
    "scan",
    "rpush",
    "expire",
    "hset",
    "hincrby",
    "hlen",
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server whose user "app" may do no more than it must, on keys of the SDK only, and that has a Unix socket."""
    directory = tmp_path_factory.mktemp("socket")
    commands = " ".join(f"+{name}" for name in COMMANDS)
    with Server(
        "user default off",
        f"user app on >hunter2 resetchannels ~my.app.SPLITIO.* ~SPLITIO.* -@all {commands}",
        "user admin on >sesame ~* &* +@all",
        f"unixsocket {directory / 'redis.sock'}",
        user="admin",
        password="sesame",
    ) as server:
        server.socket = str(directory / "redis.sock")
        yield server


@pytest.fixture
def app(guarded):
    with guarded.client() as connection:
        connection.flushall()
        seeds.synchronized(connection)
        yield connection


def secrets_in(sdk, *more):
    return [text for text in [*(text for _, text in sdk.log()), *more] if secrets.found_in(text)]


def use(sdk):
    """Everything once; what must not need more than COMMANDS."""
    assert sdk.treatment("alice", "checkout_v2") == "on"
    assert sdk.treatment("tim", "adults_only", attributes={"age": 20}) == "on"
    assert set(sdk.call("get_treatments_by_flag_set", key="dora", flag_set="checkout")) == {
        "checkout_v2",
        "adults_only",
    }
    assert sdk.treatment("user-1", "dark_mode") == "off"
    assert sdk.track("alice", properties={"a": 1}) is True
    sdk.destroy()


def check(left):
    assert left.impressions_of("checkout_v2")[0] == ("alice", "on")
    assert left.keys_of_events() == ["alice"]
    assert left.unique() == {"dark_mode": {"user-1"}}
    left.check_lives()


@pytest.mark.ours_alone("MULTI, EXEC and KEYS")
def test_user_who_may_do_no_more_than_needed(guarded, app, sdk):
    app.execute_command("ACL", "LOG", "RESET")
    sdk.new(**guarded.options, redisUsername="app", redisPassword="hunter2")
    assert len(sdk.call("split_names")) == len(sdk.call("splits")) == 16
    assert sdk.call("split", name="checkout_v2")["change_number"] == 1760000000010
    use(sdk)
    assert secrets_in(sdk) == []
    check(records.Left(app))
    assert app.execute_command("ACL", "LOG") == []


@pytest.mark.parametrize(
    "login",
    [
        {"redisUsername": "app", "redisPassword": "wrong-one"},
        {"redisPassword": "hunter2"},
        {"redisUsername": "app"},
        {},
    ],
)
def test_wrong_login(login, guarded, app, sdk, official_only):
    with pytest.raises(Raised) as raised:
        sdk.new(**guarded.options, **login)
    assert official_only or guarded.endpoint in raised.value.text
    assert secrets_in(sdk, raised.value.text) == []


def test_password_changed_while_it_runs(guarded, app, sdk):
    sdk.new(**guarded.options, redisUsername="app", redisPassword="hunter2", redisLocalCacheEnabled=False)
    assert sdk.treatment("alice", "checkout_v2") == "on"
    app.execute_command("ACL", "SETUSER", "app", "resetpass", ">another")
    app.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    try:
        assert sdk.treatment("alice", "checkout_v2") == "control"
        assert secrets_in(sdk) == []
    finally:
        app.execute_command("ACL", "SETUSER", "app", "resetpass", ">hunter2")


def test_password_alone(sdk):
    """As servers before 6 have it: of the user "default"."""
    with Server("requirepass sesame", password="sesame") as server, server.client() as client:
        seeds.synchronized(client)
        sdk.new(**server.options, redisPassword="sesame")
        assert sdk.treatment("alice", "checkout_v2") == "on"
        sdk.destroy()
        assert secrets_in(sdk) == []


@pytest.mark.ours_alone("redis-py sends the name")
def test_user_without_password_is_ignored(server, synchronized, sdk):
    sdk.new(**server.options, redisUsername="app")
    assert sdk.treatment("alice", "checkout_v2") == "on"
    assert [text for level, text in sdk.log() if level == "WARNING" and "redisUsername" in text]


@pytest.mark.ours_alone("MULTI and EXEC, which the user may not")
def test_unix_socket(guarded, app, sdk):
    # It wins over host and port.
    sdk.new(redisUnixSocketPath=guarded.socket, redisHost="nowhere.invalid", redisPort=1, redisUsername="app",
            redisPassword="hunter2")  # fmt: skip
    use(sdk)
    assert json.loads(app.lindex("SPLITIO.events", 0))["e"]["key"] == "alice"


def test_database(server, client, sdk):
    seeds.synchronized(client)
    with server.client(db=3) as third:
        third.set("SPLITIO.split.only_here", json.dumps(seeds.flag("only_here", "three")))
        sdk.new(**server.options, redisDb=3)
        assert sdk.treatment("alice", "only_here") == "three"
        assert sdk.treatment("alice", "checkout_v2") == "control"
        assert sdk.call("split_names") == ["only_here"]
        assert sdk.track("alice") is True
        sdk.destroy()
        assert third.llen("SPLITIO.events") == third.llen("SPLITIO.impressions") == 1
    assert client.llen("SPLITIO.events") == client.llen("SPLITIO.impressions") == 0


@pytest.mark.parametrize("prefix", ["", "my.app", "x", "a*b?[c]\\d", "ünï"])
def test_prefix(prefix, server, client, sdk, official_only):
    if official_only and "*" in prefix:
        pytest.skip("it does not escape what KEYS takes for a pattern")
    before = f"{prefix}." if prefix else ""
    seeds.synchronized(client, before)
    seeds.put_flags(client, seeds.flag("another"), before="axbyc\\d.")
    sdk.new(**server.options, redisPrefix=prefix, redisLocalCacheEnabled=False)
    assert len(sdk.call("split_names")) == len(sdk.call("splits")) == 16
    assert sdk.treatment("another", "another") == "control"
    use(sdk)
    assert {key for key in client.keys("*") if not key.startswith((before + "SPLITIO.", "axbyc"))} == set()
    if not official_only:
        check(records.Left(client, before))


@pytest.mark.ours_alone("it cuts SPLITIO.split. out of names")
def test_names_as_they_are(server, client, sdk):
    """Names with dots, spaces and colours of their own; with and without a prefix."""
    names = ["a.b.c", "ends.till", "SPLITIO.split.x", "spaced name", "日本語", "split.", "with:colon"]
    seeds.put_flags(client, *(seeds.flag(name, segment=f"seg.{name}", sets=["one"]) for name in names))
    for name in names:
        client.sadd(f"SPLITIO.segment.seg.{name}", "ann")
    sdk.new(**server.options)
    assert sdk.call("get_treatments", key="ann", flags=names) == dict.fromkeys(names, "on")
    assert sdk.call("split_names") == sorted(names)
    assert [view["name"] for view in sdk.call("splits")] == sorted(names)
    assert sdk.call("get_treatments_by_flag_set", key="bob", flag_set="one") == dict.fromkeys(names, "off")
    sdk.destroy()


def test_machine_is_not_named(server, synchronized, sdk, official_only):
    sdk.new(**server.options, IPAddressesEnabled=False, machineName="box-7", machineIp="10.1.2.3")
    assert sdk.treatment("alice", "checkout_v2") == "on"
    assert sdk.track("alice") is True
    sdk.destroy()
    if official_only:
        return
    left = records.Left(synchronized)
    for one in (*left.impressions, *left.events):
        assert (one["m"]["n"], one["m"]["i"]) == ("NA", "NA")
    for one in (*left.latencies, *left.inits):
        assert one["identity"][1:] == ["NA", "NA"]
    assert left.latencies
    assert left.inits


@pytest.mark.ours_alone("R4")
def test_machine_with_slashes(server, synchronized, sdk):
    sdk.new(**server.options, machineName="rack/7/box", machineIp="10/1")
    assert sdk.treatment("alice", "checkout_v2") == "on"
    sdk.destroy()
    left = records.Left(synchronized)
    (impression,) = left.impressions
    identity = [impression["m"][name] for name in "sni"]
    assert identity[1:] == ["rack-7-box", "10-1"]
    assert [one["identity"] for one in (*left.latencies, *left.inits)] == [identity, identity]


@pytest.mark.ours_alone("R10 is not its way")
def test_what_calls_cost(server, synchronized, sdk):
    """One connection for calls one after the other, and nothing is asked beside what a call needs."""
    before = len(synchronized.client_list())
    with Monitor(server) as monitor:
        sdk.new(**server.options, redisLocalCacheEnabled=False, impressionsMode="NONE")
        monitor.since()
        for _ in range(20):
            assert sdk.treatment("alice", "checkout_v2") == "on"
        asked = [command for command in monitor.since() if command[0] not in ("HINCRBY", "HLEN", "EXPIRE")]
        assert (
            asked == [["MGET", "SPLITIO.split.checkout_v2"], ["SISMEMBER", "SPLITIO.segment.beta_users", "alice"]] * 20
        )
        # Those of MONITOR and of its reader are here as well; one more may belong to the background.
        assert len(synchronized.client_list()) - before <= 2 + 2
