"""What the blocks of the guide find around them: a backend that answers to 'YOUR_SDK_KEY', and names that other
blocks made.

The blocks say `get_factory('YOUR_SDK_KEY')`, which means Split's cloud. Here the five addresses are added to each
such call, and nothing else.
"""

from __future__ import annotations

import asyncio
import functools
import logging

import pytest
from support.emulated import Emulator, destroy, served
from support.flags import condition, everyone, matcher

import splitio

COLOR = '{"color": "red"}'


@pytest.fixture(scope="session")
def _running_emulator():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def backend(_running_emulator, monkeypatch):
    """A backend with the flags that the guide speaks of, to which every factory of a test speaks."""
    emulator = _running_emulator
    emulator.begin()
    with_config = {"configurations": {"on": COLOR}}
    emulator.put(
        served("FEATURE_FLAG_NAME", **with_config),
        served("FEATURE_FLAG_NAME_1", sets=["backend"], **with_config),
        served("FEATURE_FLAG_NAME_2", everyone("v2"), sets=["server_side"]),
        served("FEATURE_FLAG_1", **with_config),
        served("FEATURE_FLAG_2", everyone("v2"), configurations={"v2": '{"copy": "better copy"}'}),
    )
    made = []

    def get_factory(api_key, **arguments):
        made.append(original(api_key, **{**emulator.arguments, **arguments}))
        return made[-1]

    async def get_factory_async(api_key, **arguments):
        factory = await original_async(api_key, **{**emulator.arguments, **arguments})
        made_async.append((asyncio.get_running_loop(), factory))
        return factory

    made_async = []
    original, original_async = splitio.get_factory, splitio.get_factory_async
    monkeypatch.setattr(splitio, "get_factory", functools.wraps(original)(get_factory))
    monkeypatch.setattr(splitio, "get_factory_async", functools.wraps(original_async)(get_factory_async))
    yield emulator
    for factory in made:
        destroy(factory)
    for loop, factory in made_async:
        if not loop.is_closed():
            loop.run_until_complete(factory.destroy())
            loop.close()


@pytest.fixture
def factory(backend):
    """The one that the first block of the guide makes."""
    made = splitio.get_factory("YOUR_SDK_KEY", config={"impressionsMode": "DEBUG"})
    made.block_until_ready(10)
    return made


@pytest.fixture
def split(factory):
    return factory.client()


@pytest.fixture
def client(split):
    """Some blocks call it so."""
    return split


@pytest.fixture
def run(backend):
    """Runs a coroutine function with the client and the factory of a program on asyncio."""

    def run(main):
        async def program():
            factory = await splitio.get_factory_async("YOUR_SDK_KEY", config={"impressionsMode": "DEBUG"})
            await factory.block_until_ready(10)
            try:
                return await main(factory.client(), factory)
            finally:
                await factory.destroy()

        return asyncio.run(program())

    return run


@pytest.fixture
def attributes_count(backend):
    """FEATURE_FLAG_NAME is only "on" with the attributes of the guide."""
    growing = [
        matcher("WHITELIST", "plan_type", whitelistMatcherData={"whitelist": ["growth"]}),
        matcher(
            "GREATER_THAN_OR_EQUAL_TO",
            "registered_date",
            unaryNumericMatcherData={"dataType": "DATETIME", "value": 1_577_836_800_000},
        ),
        matcher("GREATER_THAN_OR_EQUAL_TO", "deal_size", unaryNumericMatcherData={"dataType": "NUMBER", "value": 1000}),
        matcher("EQUAL_TO_BOOLEAN", "paying_customer", booleanMatcherData=True),
    ]
    backend.put(served("FEATURE_FLAG_NAME", condition("on", *growing), everyone("off")))


@pytest.fixture
def plain_logging():
    """To be called where a test begins: `logging` as a program finds it, without what pytest adds. Afterwards it is
    as it was."""
    root, ours = logging.getLogger(), logging.getLogger("splitio")
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in (root, ours)]

    def begin():
        root.handlers = []
        root.setLevel(logging.WARNING)

    yield begin
    for logger, handlers, level, propagate in before:
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
