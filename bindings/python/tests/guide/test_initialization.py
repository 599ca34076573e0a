"""The guide's blocks about making and ending factories."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest
from guide.blocks import block, shown_by
from support.emulated import served


@block("2. Instantiate the SDK and create a new SDK factory client", 1)
def test_instantiate():
    from splitio import get_factory
    from splitio.exceptions import TimeoutException

    factory = get_factory("YOUR_SDK_KEY")
    try:
        factory.block_until_ready(5)
    except TimeoutException:
        pass
    split = factory.client()

    assert factory.ready
    assert split.get_treatment("key", "FEATURE_FLAG_NAME") == "on"


def test_instantiate_in_time(backend):
    """The other way that the block tells of: to go on without a ready client, which becomes ready at some point."""
    from splitio import get_factory
    from splitio.exceptions import TimeoutException

    backend.post("faults", endpoint="splitChanges", delay_ms=700, times=1)
    factory = get_factory("YOUR_SDK_KEY")
    with pytest.raises(TimeoutException):
        factory.block_until_ready(0.1)
    split = factory.client()
    assert split.get_treatment("key", "FEATURE_FLAG_NAME") == "control"
    factory.block_until_ready(10)
    assert split.get_treatment("key", "FEATURE_FLAG_NAME") == "on"


@block("2. Instantiate the SDK and create a new SDK factory client", 2)
def test_instantiate_asyncio():
    from splitio import get_factory_async
    from splitio.exceptions import TimeoutException

    async def main():
        factory = await get_factory_async("YOUR_SDK_KEY")
        try:
            await factory.block_until_ready(5)
        except TimeoutException:
            pass
        split = factory.client()

        assert factory.ready
        assert await split.get_treatment("key", "FEATURE_FLAG_NAME") == "on"

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())


def test_instantiate_asyncio_in_time(backend):
    from splitio import get_factory_async
    from splitio.exceptions import TimeoutException

    async def main():
        factory = await get_factory_async("YOUR_SDK_KEY")
        with pytest.raises(TimeoutException):
            await factory.block_until_ready(0.1)
        split = factory.client()
        assert await split.get_treatment("key", "FEATURE_FLAG_NAME") == "control"
        await factory.block_until_ready(10)
        assert await split.get_treatment("key", "FEATURE_FLAG_NAME") == "on"
        await factory.destroy()

    backend.post("faults", endpoint="splitChanges", delay_ms=700, times=1)
    asyncio.run(main())


# How the next three are started stands in tests/servers/test_uwsgi.py, which runs them.
shown_by("Adding postfork handler", 1, "servers/test_uwsgi.py", describes=True)
shown_by(
    "Adding postfork handler",
    2,
    "servers/apps/uwsgi_guide.py",
)
shown_by(
    "Adding postfork handler",
    3,
    "servers/apps/django_site/settings_preforked.py",
    "servers/apps/django_site/settings.py",
    "servers/apps/django_splitio_testapp/split_wrapper.py",
    "servers/apps/uwsgi_django_guide.py",
    but={"...": "other applications", "}": "more options follow"},
)


@block("Shutdown", 1)
def test_shutdown(backend, factory, split):
    split.get_treatment("key", "FEATURE_FLAG_NAME")
    split.track("key", "user", "last")
    manager = factory.manager()

    with pytest.raises(SystemExit) as ended:
        stop_event = threading.Event()
        factory.destroy(stop_event)
        stop_event.wait()
        sys.exit(0)

    assert ended.value.code == 0
    assert backend.impression_keys() == {"key": 1}
    assert backend.event_keys() == {"key": 1}
    assert split.get_treatment("key", "FEATURE_FLAG_NAME") == "control"
    assert manager.splits() == []
    assert manager.split_names() == []


@block("Shutdown", 2)
def test_shutdown_asyncio(backend, run):
    async def main(split, factory):
        await split.get_treatment("key", "FEATURE_FLAG_NAME")
        await split.track("key", "user", "last")

        with pytest.raises(SystemExit) as ended:
            await factory.destroy()
            sys.exit(0)

        assert ended.value.code == 0
        assert await split.get_treatment("key", "FEATURE_FLAG_NAME") == "control"
        assert await factory.manager().splits() == []
        assert await factory.manager().split_names() == []

    run(main)
    assert backend.impression_keys() == {"key": 1}
    assert backend.event_keys() == {"key": 1}


@block("Configuration", 1)
def test_configuration(backend):
    from splitio import get_factory

    configuration = {
        "metricsRefreshRate": 60,
        "impressionsRefreshRate": 60,
        "ready": 0,
        "connectionTimeout": 1500,
        "readTimeout": 1500,
        "labelsEnabled": True,
    }

    factory = get_factory("YOUR_SDK_KEY", config=configuration)
    split = factory.client()

    factory.block_until_ready(10)
    assert split.get_treatment("key", "FEATURE_FLAG_NAME") == "on"
    told = _told(backend, factory)
    # In the back end's words: rates of telemetry and of impressions.
    assert (told["rR"]["te"], told["rR"]["im"]) == (60, 60)


def _told(backend, factory):
    """What the SDK says of its configuration."""
    from support.waiting import eventually

    return eventually(lambda: backend.requests("metrics/config"), "the configuration at the backend")[0]["body"]


@block("Configuration", 2)
def test_configuration_asyncio(backend):
    from splitio import get_factory_async

    async def main():
        configuration = {
            "metricsRefreshRate": 60,
            "impressionsRefreshRate": 60,
            "ready": 0,
            "connectionTimeout": 1500,
            "readTimeout": 1500,
            "labelsEnabled": True,
        }

        factory = await get_factory_async("YOUR_SDK_KEY", config=configuration)
        split = factory.client()

        await factory.block_until_ready(10)
        assert await split.get_treatment("key", "FEATURE_FLAG_NAME") == "on"

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())


@pytest.mark.parametrize(
    ("option", "value", "names"),
    [
        ("flagSetsFilter", ["backend"], ["FEATURE_FLAG_NAME_1"]),
        ("flagSetsFilter", ["server_side", "backend"], ["FEATURE_FLAG_NAME_1", "FEATURE_FLAG_NAME_2"]),
    ],
)
def test_flag_sets_filter(backend, option, value, names):
    """The table of the chapter Configuration: only these flags are synchronized."""
    from splitio import get_factory

    backend.put(served("WITHOUT_A_SET"))
    factory = get_factory("YOUR_SDK_KEY", config={option: value})
    factory.block_until_ready(10)
    assert sorted(factory.manager().split_names()) == names
