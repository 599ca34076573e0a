"""Split's guide, its blocks for Django on Redis: settings, and modules that use the factory. "localhost:6379" and the
sentinels' names are replaced by those of servers started here; nothing else is."""

from __future__ import annotations

import threading

import pytest
from django.test import override_settings
from rig import records, seeds
from rig.servers import HOST, Replicated, Server

PREFIX = "your prefix that you defined"
USER = "user username on >somePassword ~* &* +@all"

INSTALLED_APPS = (
    "django_splitio",
)  # fmt: skip


@pytest.fixture(scope="module")
def server():
    with Server(USER, "user default off", user="username", password="somePassword") as running:
        with running.client() as client:
            seeds.synchronized(client, f"{PREFIX}.")
            for record in seeds.fixture("keys.json"):
                seeds.put(client, record)
        yield running


def use(key):
    """What a module does."""
    from django_splitio import get_factory

    factory = get_factory()
    client = factory.client()

    assert client.get_treatment("alice", "checkout_v2") == "on"
    assert client.get_treatment(key, "checkout_v2") == "off"
    assert client.track(key, "user", "clicked")
    done = threading.Event()
    factory.destroy(done)
    assert done.wait(15)


def check(client, before, key):
    left = records.Left(client, before)
    assert key in left.keys_of_events()
    assert (key, "off") in left.impressions_of("checkout_v2")


def test_redis(server):
    SPLITIO = {
        "apiKey": "YOUR_SDK_KEY",
        "labelsEnabled": True,
        "redisHost": "localhost",
        "redisPort": 6379,
        "redisDb": 0,
        "redisPassword": "somePassword",
        ## if the user access is not the default 'root' user, inlcude parameter below
        "redisUsername": "username",
        ## if you've set a redis prefix also include that in the config
        "redisPrefix": "your prefix that you defined",
    }

    with override_settings(INSTALLED_APPS=INSTALLED_APPS, SPLITIO={**SPLITIO, "redisPort": server.port}):
        use("django")
    with server.client() as client:
        check(client, f"{PREFIX}.", "django")


def test_all_options(server):
    SPLITIO = {
        "apiKey": "YOUR_SDK_KEY",
        "labelsEnabled": True,
        "redisHost": "localhost",
        "redisPort": 6379,
        "redisDb": 0,
        "redisPassword": "somePassword",
        ## if the user access is not the default 'root' user, inlcude parameter below
        "redisUsername": "username",
        "featuresRefreshRate": 5,
        "segmentsRefreshRate": 60,
        "metricsRefreshRate": 60,
        "impressionsRefreshRate": 60,
    }

    with override_settings(SPLITIO={**SPLITIO, "redisPort": server.port}):
        use("all options")
    with server.client() as client:
        check(client, "", "all options")


def test_sentinel():
    with Replicated(
        USER, "user default off", "masteruser username", "masterauth somePassword", service="SERVICE_MASTER_NAME",
        user="username", password="somePassword",
    ) as replicated:  # fmt: skip
        SENTINEL_PORT_1, SENTINEL_PORT_2, SENTINEL_PORT_3 = (sentinel.port for sentinel in replicated.sentinels)
        # fmt: off
        SPLITIO = {
            'apiKey': 'YOUR_SDK_KEY',
            'labelsEnabled': True,
            'redisSentinels': [('SENTINEL_HOST_1', SENTINEL_PORT_1),   ('SENTINEL_HOST_2', SENTINEL_PORT_2), ('SENTINEL_HOST_3', SENTINEL_PORT_3)],  # noqa: E501
            'redisMasterService': 'SERVICE_MASTER_NAME',
            'redisDb': 0,
            'redisPassword': 'somePassword',
            'redisSocketTimeout': 5,
            ## if the user access is not the default 'root' user, inlcude parameter below
            'redisUsername' : 'username'
        }
        # fmt: on
        with replicated.master().client() as client:
            seeds.synchronized(client)
            there = [(HOST, port) for _, port in SPLITIO["redisSentinels"]]
            with override_settings(SPLITIO={**SPLITIO, "redisSentinels": there}):
                use("sentinel")
            check(client, "", "sentinel")
