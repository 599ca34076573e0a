"""The guide's blocks about Redis. "localhost:6379" and the sentinels' names are replaced by those of servers started
here; nothing else is."""

from __future__ import annotations

import asyncio
import functools

import pytest
from guide.blocks import block, shown_by
from rig import records, seeds
from rig.servers import HOST, Replicated, Server
from support.emulated import destroy

import splitio

PREFIX = "your prefix that you defined."
USER = "user username on >somePassword ~* &* +@all"


@pytest.fixture(scope="module")
def guarded():
    """The Redis of the guide, with flags under the prefix."""
    with Server(USER, "user default off", user="username", password="somePassword") as server:
        with server.client() as client:
            seeds.synchronized(client, PREFIX)
        yield server


@pytest.fixture(scope="module")
def sentinels():
    """The sentinels of the guide, whose Redis has flags without a prefix."""
    with Replicated(USER, service="SERVICE_MASTER_NAME") as replicated:
        with replicated.master().client() as client:
            seeds.synchronized(client)
        yield replicated


@pytest.fixture(autouse=True)
def here(backend, guarded, monkeypatch):
    """The addresses of the guide are those of the servers here."""

    def moved(config):
        config = dict(config)
        if "redisHost" in config:
            assert (config["redisHost"], config["redisPort"]) == ("localhost", 6379)
            config["redisPort"] = guarded.port
        if "redisSentinels" in config:
            assert [host for host, _ in config["redisSentinels"]] == [f"SENTINEL_HOST_{n}" for n in (1, 2, 3)]
            config["redisSentinels"] = [(HOST, port) for _, port in config["redisSentinels"]]
        return config

    def get_factory(api_key, config):
        return original(api_key, config=moved(config))

    async def get_factory_async(api_key, config):
        return await original_async(api_key, config=moved(config))

    original, original_async = splitio.get_factory, splitio.get_factory_async
    monkeypatch.setattr(splitio, "get_factory", functools.wraps(original)(get_factory))
    monkeypatch.setattr(splitio, "get_factory_async", functools.wraps(original_async)(get_factory_async))


def check(client, before, key):
    left = records.Left(client, before)
    assert key in left.keys_of_events()
    assert (key, "off") in left.impressions_of("checkout_v2")


@block("3. Instantiate the SDK factory client with Redis enabled", 1)
def test_redis(guarded):
    from splitio import get_factory

    config = {
        "redisHost": "localhost",
        "redisPort": 6379,
        "redisDb": 0,
        "redisPassword": "somePassword",
        ## if the user access is not the default 'root' user, inlcude parameter below
        "redisUsername": "username",
        ## if you've set a redis prefix also include that in the config
        "redisPrefix": "your prefix that you defined",
    }

    factory = get_factory("YOUR_SDK_KEY", config=config)
    split = factory.client()

    # "Now you can start asking the SDK to evaluate treatments for your customers."
    assert split.get_treatment("alice", "checkout_v2") == "on"
    assert split.get_treatment("threads", "checkout_v2") == "off"
    assert split.track("threads", "user", "clicked")
    destroy(factory)
    with guarded.client() as client:
        check(client, PREFIX, "threads")


@block("3. Instantiate the SDK factory client with Redis enabled", 2)
def test_redis_asyncio(guarded):
    from splitio import get_factory_async

    async def main():
        config = {
            "redisHost": "localhost",
            "redisPort": 6379,
            "redisDb": 0,
            "redisPassword": "somePassword",
            ## if the user access is not the default 'root' user, inlcude parameter below
            "redisUsername": "username",
            ## if you've set a redis prefix also include that in the config
            "redisPrefix": "your prefix that you defined",
        }

        factory = await get_factory_async("YOUR_SDK_KEY", config=config)
        split = factory.client()

        assert await split.get_treatment("alice", "checkout_v2") == "on"
        assert await split.get_treatment("loop", "checkout_v2") == "off"
        assert await split.track("loop", "user", "clicked")
        assert len(await factory.manager().split_names()) == 16
        await factory.destroy()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    with guarded.client() as client:
        check(client, PREFIX, "loop")


def test_the_loop_goes_on_meanwhile(guarded):
    """An evaluation that waits for Redis is done elsewhere: the loop serves others."""
    from splitio import get_factory_async

    async def main():
        factory = await get_factory_async("YOUR_SDK_KEY", config=config)
        split = factory.client()
        assert await split.get_treatment("alice", "checkout_v2") == "on"
        guarded.pause()
        try:
            waiting = asyncio.ensure_future(split.get_treatment("alice", "checkout_v2"))
            turns = 0
            while not waiting.done():
                await asyncio.sleep(0.01)
                turns += 1
        finally:
            guarded.go_on()
        await factory.destroy()
        return turns, await waiting

    config = {
        "redisHost": "localhost",
        "redisPort": 6379,
        "redisPassword": "somePassword",
        "redisUsername": "username",
        "redisPrefix": "your prefix that you defined",
        "redisLocalCacheEnabled": False,
        "redisSocketTimeout": 0.5,
    }
    turns, answer = asyncio.run(main())
    assert answer == "control"
    assert turns > 20


@block("Redis Sentinel", 1)
def test_sentinel(sentinels):
    from splitio import get_factory

    SENTINEL_PORT_1, SENTINEL_PORT_2, SENTINEL_PORT_3 = (sentinel.port for sentinel in sentinels.sentinels)
    # fmt: off
    config = {
        'redisDb': 0,
        'redisPrefix': '',
        'redisSentinels': [('SENTINEL_HOST_1', SENTINEL_PORT_1), ('SENTINEL_HOST_2', SENTINEL_PORT_2), ('SENTINEL_HOST_3', SENTINEL_PORT_3)],  # noqa: E501
        'redisMasterService': 'SERVICE_MASTER_NAME',
        'redisSocketTimeout': 5
    }
    # fmt: on

    factory = get_factory("SDK_KEY", config=config)
    split = factory.client()

    assert split.get_treatment("alice", "checkout_v2") == "on"
    assert split.get_treatment("threads", "checkout_v2") == "off"
    assert split.track("threads", "user", "clicked")
    destroy(factory)
    with sentinels.master().client() as client:
        check(client, "", "threads")


@block("Redis Sentinel", 2)
def test_sentinel_asyncio(sentinels):
    from splitio import get_factory_async

    SENTINEL_PORT_1, SENTINEL_PORT_2, SENTINEL_PORT_3 = (sentinel.port for sentinel in sentinels.sentinels)

    async def main():
        # fmt: off
        config = {
            'redisDb': 0,
            'redisPrefix': '',
            'redisSentinels': [('SENTINEL_HOST_1', SENTINEL_PORT_1), ('SENTINEL_HOST_2', SENTINEL_PORT_2), ('SENTINEL_HOST_3', SENTINEL_PORT_3)],  # noqa: E501
            'redisMasterService': 'SERVICE_MASTER_NAME',
            'redisSocketTimeout': 5
        }
        # fmt: on

        factory = await get_factory_async("SDK_KEY", config=config)
        split = factory.client()

        assert await split.get_treatment("alice", "checkout_v2") == "on"
        assert await split.get_treatment("loop", "checkout_v2") == "off"
        assert await split.track("loop", "user", "clicked")
        await factory.destroy()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    with sentinels.master().client() as client:
        check(client, "", "loop")


_OTHERS = {"...": "other applications"}
shown_by("3. Instantiate the SDK factory client with Redis enabled", 3, "with_django/test_redis.py", but=_OTHERS)
shown_by("Redis Sentinel", 3, "with_django/test_redis.py", but=_OTHERS)
shown_by("Configuration", 3, "with_django/test_redis.py")
