"""asyncio: the same API in coroutines, and nothing that stops the loop."""

import asyncio
import gc
import threading
import time

import pytest
from support import backend as backends
from support.programs import run
from support.waiting import eventually

import splitio
from splitio import EvaluationOptions, Key
from splitio.exceptions import TimeoutException
from splitio.impressions import ImpressionListener
from splitio.models.events import SdkEvent


class Listener(ImpressionListener):
    def __init__(self):
        self.data = []

    async def log_impression(self, data):
        await asyncio.sleep(0)
        self.data.append(data)


async def until(question, seconds=10):
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "never"
        await asyncio.sleep(0.01)


async def made(file, **config):
    factory = await splitio.get_factory_async("localhost", config={"splitFile": file, **config})
    await factory.block_until_ready(5)
    return factory


def test_evaluations(shop_file):
    async def main():
        factory = await made(shop_file)
        client, manager = factory.client(), factory.manager()
        assert (factory.ready, client.ready, client.destroyed) == (True, True, False)
        assert await client.get_treatment("ann", "checkout") == "on"
        assert await client.get_treatment(Key("zoe", "b"), "adults", {"age": 30}, EvaluationOptions({"a": 1})) == "yes"
        assert await client.get_treatment(None, "checkout") == "control"
        with_config = ("on", '{"color":"red"}')
        assert await client.get_treatment_with_config("ann", "checkout") == with_config
        assert await client.get_treatments("ann", ["checkout"]) == {"checkout": "on"}
        assert await client.get_treatments_with_config("ann", ["checkout"]) == {"checkout": with_config}
        assert await client.get_treatments_by_flag_set("ann", "shop") == {"checkout": "on"}
        assert await client.get_treatments_by_flag_sets("ann", ["shop"]) == {"checkout": "on"}
        assert await client.get_treatments_with_config_by_flag_set("ann", "shop") == {"checkout": with_config}
        assert await client.get_treatments_with_config_by_flag_sets("ann", ["shop"]) == {"checkout": with_config}
        assert await client.track("ann", "user", "paid", 5, {"a": 1}) is True
        assert await client.track("ann", "user", "not valid") is False
        assert "checkout" in await manager.split_names()
        assert (await manager.split("checkout")).sets == ["shop", "web"]
        assert len(await manager.splits()) == 7
        await client.destroy()
        assert client.destroyed
        assert await client.get_treatment("ann", "checkout") == "control"
        assert await manager.split_names() == []
        await factory.destroy()

    asyncio.run(main())


def test_an_evaluation_in_memory_never_suspends(shop_file):
    async def main():
        factory = await made(shop_file)
        coroutine = factory.client().get_treatment("ann", "checkout")
        with pytest.raises(StopIteration) as done:
            coroutine.send(None)
        assert done.value.value == "on"
        await factory.destroy()

    asyncio.run(main())


def test_the_listener_gets_everything_in_order_before_destroy_is_done(shop_file):
    listener = Listener()

    async def main():
        factory = await made(shop_file, impressionListener=listener)
        client = factory.client()
        for number in range(1000):
            await client.get_treatment(f"key-{number}", "checkout", {"n": number})
        await factory.destroy()

    asyncio.run(main())
    assert [data["impression"].matching_key for data in listener.data] == [f"key-{n}" for n in range(1000)]
    assert listener.data[7]["attributes"] == {"n": 7}


def test_a_loop_over_many_keys_loses_nothing(shop_file):
    listener = Listener()

    async def main():
        factory = await made(shop_file, impressionListener=listener)
        for number in range(25_000):
            await factory.client().get_treatment(f"key-{number}", "checkout")
        await factory.destroy()

    asyncio.run(main())
    assert len(listener.data) == 25_000


def test_a_listener_that_is_no_coroutine_or_fails(shop_file):
    got = []

    class Plain(ImpressionListener):
        def log_impression(self, data):
            got.append(data)
            if len(got) == 1:
                raise RuntimeError("out of order")

    async def main():
        factory = await made(shop_file, impressionListener=Plain())
        await factory.client().get_treatments("ann", ["checkout", "banner"])
        await until(lambda: len(got) == 2)
        await factory.destroy()

    asyncio.run(main())


def test_a_listener_may_use_the_client_and_destroy_the_factory(shop_file):
    answers = []

    class Ending(ImpressionListener):
        async def log_impression(self, data):
            if not answers:
                answers.append(await factory.client().get_treatment("ann", "banner"))
                await factory.destroy()
                answers.append("gone")

    factory = None

    async def main():
        nonlocal factory
        factory = await made(shop_file, impressionListener=Ending())
        await factory.client().get_treatment("ann", "checkout")
        await until(lambda: answers == ["red", "gone"])

    asyncio.run(main())


def test_events_of_the_factory(shop_file):
    async def main():
        told = []

        async def handler(metadata):
            told.append(metadata)

        factory = await made(shop_file)
        await factory.client().on(SdkEvent.SDK_READY, handler)
        await until(lambda: told == [None])
        await factory.destroy()

    asyncio.run(main())


def test_the_loop_goes_on_while_it_waits(backend):
    async def main():
        backend.post("faults", endpoint="splitChanges", hang=True)
        factory = await splitio.get_factory_async(backends.KEY, config=backends.QUICK, **backend.arguments)
        turns = 0

        async def count():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.01)

        counting = asyncio.ensure_future(count())
        began = time.monotonic()
        with pytest.raises(TimeoutException):
            await factory.block_until_ready(0.5)
        assert 0.45 < time.monotonic() - began < 1.5
        assert turns > 20
        await factory.destroy()
        counting.cancel()
        with pytest.raises(TimeoutException):
            await factory.block_until_ready(0.5)

    asyncio.run(main())


def test_readiness_wakes_who_waits(backend):
    async def main():
        backend.post("faults", endpoint="splitChanges", delay_ms=200, times=1)
        factory = await splitio.get_factory_async(backends.KEY, config=backends.QUICK, **backend.arguments)
        await asyncio.gather(*(factory.block_until_ready(5) for _ in range(5)), factory.block_until_ready())
        assert factory.ready
        await factory.destroy()

    asyncio.run(main())


def test_what_is_queued_is_sent_by_destroy(backend):
    async def main():
        config = {**backends.QUICK, "impressionsRefreshRate": 3600, "eventsPushRate": 3600}
        factory = await splitio.get_factory_async(backends.KEY, config=config, **backend.arguments)
        await factory.block_until_ready(5)
        await factory.client().get_treatment("ann", "checkout")
        await factory.client().track("ann", "user", "paid")
        event = threading.Event()
        await factory.destroy(event)
        assert event.is_set()

    asyncio.run(main())
    assert (len(backend.impressions()), len(backend.events())) == (1, 1)


def test_no_key_no_factory():
    assert asyncio.run(splitio.get_factory_async("")) is None


def test_several_loops_in_turn(shop_file):
    listener = Listener()

    async def first():
        return await made(shop_file, impressionListener=listener)

    factory = asyncio.run(first())

    async def second():
        await factory.block_until_ready(1)
        await factory.client().get_treatment("ann", "checkout")
        await until(lambda: listener.data)

    asyncio.run(second())

    async def third():
        await factory.client().get_treatment("bob", "checkout")
        await factory.destroy()

    asyncio.run(third())
    assert [data["impression"].matching_key for data in listener.data] == ["ann", "bob"]


def test_a_loop_that_only_evaluates_hears_of_it(shop_file):
    listener = Listener()

    async def first():
        factory = await made(shop_file, impressionListener=listener)
        await factory.block_until_ready(5)
        return factory

    factory = asyncio.run(first())

    async def second():
        await factory.client().get_treatment("ann", "checkout")
        await until(lambda: listener.data)

    asyncio.run(second())


def test_b08_dropped_factories_are_collected(shop_file):
    async def main():
        for _ in range(20):
            factory = await made(shop_file, impressionListener=Listener())
            await factory.client().get_treatment("ann", "checkout")
        del factory
        gc.collect()
        await until(lambda: not splitio._handle._living)

    asyncio.run(main())


def test_a_factory_outlives_its_loop(shop_file):
    async def main():
        return await made(shop_file)

    factory = asyncio.run(main())
    del factory
    gc.collect()
    eventually(lambda: not splitio._handle._living)


@pytest.mark.parametrize("end", ["", "await factory.destroy()", "sys.exit(0)", "del factory"])
def test_the_interpreter_ends_cleanly(shop_file, end):
    _, errors = run(
        f"""
        import asyncio, sys, splitio
        from splitio.impressions import ImpressionListener

        class Listener(ImpressionListener):
            async def log_impression(self, data):
                pass

        async def main():
            factory = await splitio.get_factory_async(
                "localhost", config={{"splitFile": sys.argv[1], "impressionListener": Listener()}}
            )
            await factory.block_until_ready(5)
            for _ in range(1000):
                await factory.client().get_treatment("ann", "checkout")
            {end}

        asyncio.run(main())
        """,
        shop_file,
    )
    assert errors == ""
