"""Options that say how Redis is spoken to, or how much is recorded."""

import socket
import threading

import pytest

import splitio
from rig import records, seeds
from rig.servers import HOST, Server
from support.emulated import destroy
from support.waiting import eventually

THREADS = 24


@pytest.fixture
def names(client):
    names = [f"flag_{number}" for number in range(20)]
    seeds.put_flags(client, *(seeds.flag(name, name) for name in names))
    return names


@pytest.mark.ours_alone("redis-py's pool raises")
@pytest.mark.parametrize("most", [1, 3])
def test_connections_at_most(most, server, client, names):
    """More threads than connections: they wait for one another, and each gets its own answer."""
    before = len(client.client_list())
    options = {**server.options, "redisMaxConnections": most, "redisLocalCacheEnabled": False}
    factory = splitio.get_factory("an-sdk-key", config={**options, "impressionsMode": "NONE"})
    split, wrong, seen = factory.client(), [], []

    def ask(thread):
        for number in range(100):
            name = names[(thread + number) % len(names)]
            if (answer := split.get_treatment("ann", name)) != name:
                wrong.append((name, answer))

    threads = [threading.Thread(target=ask, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen.append(len(client.client_list()) - before)
    destroy(factory)
    assert wrong == []
    assert 1 <= max(seen) <= most


@pytest.mark.ours_alone("redis-py's pool keeps what was once used")
def test_connections_by_default(server, client, names):
    """16 at most, and none before it is needed."""
    before = len(client.client_list())
    factory = splitio.get_factory("an-sdk-key", config={**server.options, "redisLocalCacheEnabled": False})
    split = factory.client()
    assert split.get_treatment("ann", "flag_0") == "flag_0"
    assert 1 <= len(client.client_list()) - before <= 2
    together = threading.Barrier(THREADS)

    def ask():
        together.wait()
        for _ in range(50):
            assert split.get_treatment("ann", "flag_1") == "flag_1"

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client.client_list()) - before <= 16
    destroy(factory)
    eventually(lambda: len(client.client_list()) == before, "connections that are closed")


@pytest.mark.ours_alone("a time-out of each read")
@pytest.mark.parametrize("retry", [False, True])
def test_a_read_that_times_out_is_repeated_if_wanted(retry, server, client, names, sdk):
    options = {**server.options, "redisSocketTimeout": 0.5, "redisLocalCacheEnabled": False}
    sdk.new(**options, redisRetryOnTimeout=retry, impressionsMode="NONE")
    assert sdk.treatment("ann", "flag_0") == "flag_0"
    server.pause()
    goes_on = threading.Timer(0.75, server.go_on)
    goes_on.start()
    assert sdk.treatment("ann", "flag_0") == ("flag_0" if retry else "control")
    assert sdk.seconds < 1.2
    goes_on.join()


@pytest.mark.ours_alone("numbers of the C library for names")
def test_keepalive(server, client, names, sdk):
    options = {"idle": 30, "interval": 5, "count": 3}
    sdk.new(**server.options, redisSocketKeepalive=True, redisSocketKeepaliveOptions=options)
    assert sdk.treatment("ann", "flag_0") == "flag_0"
    assert [text for level, text in sdk.log() if level in ("WARNING", "ERROR") and "redis" in text] == []


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_other_addresses(host, sdk):
    """ "localhost" may be ::1 first, where nobody listens."""
    if host == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with Server(addresses=f"{HOST} ::1" if host == "::1" else HOST) as server, server.client() as client:
        seeds.put_flags(client, seeds.flag("plain"))
        sdk.new(redisHost=host, redisPort=server.port)
        assert sdk.treatment("ann", "plain") == "on"


def test_share_of_calls_that_record(server, client, names, sdk):
    """With dataSampling all of a call is recorded, or nothing; events always are."""
    number = 1000
    sdk.new(**server.options, dataSampling=0.3, impressionsMode="DEBUG")
    calls = [{"method": "get_treatments", "key": f"key-{each}", "flags": names[:2]} for each in range(number)]
    assert sdk.calls(calls) == [{name: name for name in names[:2]}] * number
    for each in range(20):
        assert sdk.track(f"key-{each}") is True
    sdk.destroy()
    shown = [key.split('"k":')[1].split(",")[0] for key in client.lrange("SPLITIO.impressions", 0, -1)]
    assert 0.2 * number < len(shown) / 2 < 0.4 * number
    assert len(shown) == 2 * len(set(shown))
    assert client.llen("SPLITIO.events") == 20


@pytest.mark.ours_alone("R10")
def test_latencies_of_calls_that_record(server, client, names, sdk):
    sdk.new(**server.options, dataSampling=0.3, impressionsMode="DEBUG")
    sdk.calls([{"method": "get_treatment", "key": f"key-{each}", "flag": names[0]} for each in range(500)])
    sdk.destroy()
    left = records.Left(client)
    assert left.measured() == {"treatment": len(left.impressions)}
    assert 100 < len(left.impressions) < 200
