"""Forked children: whole at their first use, and nothing sent twice. B02: those that never use it end at once."""

import json
import os
import signal
import threading
import time

import pytest
from support import backend as backends
from support import flags, programs
from support.waiting import eventually

import splitio
from splitio.impressions import ImpressionListener


def in_child(work, seconds=20):
    """Runs something in a forked child, which must end by itself; what it returned."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            os.write(writer, json.dumps(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    deadline = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise AssertionError("the child hangs")
        time.sleep(0.005)
    with os.fdopen(reader) as answer:
        said = answer.read()
    assert status == 0, said
    return json.loads(said)


class Listener(ImpressionListener):
    def __init__(self):
        self.keys = []

    def log_impression(self, data):
        self.keys.append(data["impression"].matching_key)


def destroyed(factory):
    gone = threading.Event()
    factory.destroy(gone)
    return gone.wait(15)


def test_a_child_is_whole_at_its_first_use(standalone, backend):
    listener = Listener()
    factory = standalone(impressionListener=listener)
    client = factory.client()
    client.get_treatment("parent", "checkout")
    eventually(lambda: listener.keys == ["parent"])

    def work():
        answer = client.get_treatment("child", "checkout")
        tracked = client.track("child", "user", "paid")
        eventually(lambda: "child" in listener.keys)
        return answer, tracked, destroyed(factory), client.get_treatment("child", "checkout")

    assert in_child(work) == ["off", True, True, "control"]
    # The parent noticed nothing.
    assert client.get_treatment("parent", "checkout") == "off"
    eventually(lambda: listener.keys == ["parent", "parent"])
    assert factory.flush(10)
    sent = [impression["k"] for _, impression in backend.impressions()]
    assert sorted(sent) == ["child", "parent", "parent"]
    assert [event["key"] for event in backend.events()] == ["child"]


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_child_sees_later_changes(standalone, backend, by_hand):
    factory = standalone()
    client = factory.client()

    def work():
        if by_hand:
            factory.resume()
            factory.block_until_ready(5)
        before = client.get_treatment("ann", "banner")
        number = backend.post("flags", flag=flags.flag("banner", flags.everyone("blue")))["change_number"]
        eventually(lambda: client.get_treatment("ann", "banner") == "blue")
        return before, number > 0, destroyed(factory)

    assert in_child(work) == ["red", True, True]
    eventually(lambda: client.get_treatment("ann", "banner") == "blue")


def test_events_of_the_factory_and_logs_come_in_the_child(standalone, caplog):
    factory = standalone()

    def work():
        factory.client().get_treatment(None, "checkout")
        eventually(lambda: "key is null" in caplog.text)
        return True

    assert in_child(work)


def test_a_child_of_a_destroyed_factory(standalone):
    factory = standalone()
    client = factory.client()
    assert destroyed(factory)
    assert in_child(lambda: [client.get_treatment("ann", "checkout"), destroyed(factory)]) == ["control", True]


def test_a_child_while_threads_evaluate(localhost):
    client = localhost(impressionListener=Listener()).client()
    stop = threading.Event()

    def evaluate():
        while not stop.is_set():
            client.get_treatment("ann", "checkout", {"age": 3})

    evaluating = [threading.Thread(target=evaluate) for _ in range(3)]
    for thread in evaluating:
        thread.start()
    try:
        for _ in range(30):
            assert in_child(lambda: client.get_treatment("ann", "checkout")) == "on"
    finally:
        stop.set()
        for thread in evaluating:
            thread.join()


@pytest.mark.parametrize(
    "end",
    [
        "sys.exit(0)",
        "del factory, client; gc.collect()",
        "pass",
        "factory = None",
        "atexit.register(factory.destroy)",
        "os._exit(0)",
    ],
)
@pytest.mark.parametrize("listener", ["None", "Listener()"])
def test_b02_a_child_that_never_uses_it_ends_at_once(backend, end, listener):
    backend.post("options", distinct=True)
    output, errors = programs.run(
        f"""
        import atexit, gc, json, os, sys, time, splitio
        from splitio.impressions import ImpressionListener

        class Listener(ImpressionListener):
            def log_impression(self, data):
                pass

        config = dict(json.loads(sys.argv[1]), impressionListener={listener})
        factory = splitio.get_factory("a-key", config=config, **json.loads(sys.argv[2]))
        factory.block_until_ready(5)
        client = factory.client()
        client.track("ann", "user", "paid")
        if os.fork() == 0:
            {end}
        else:
            began = time.monotonic()
            assert os.wait()[1] == 0
            print(time.monotonic() - began)
        """,
        json.dumps({**backends.QUICK, "eventsPushRate": 3600}),
        json.dumps(backend.arguments),
    )
    assert "Traceback" not in errors, errors
    assert float(output) < 2
    assert len(backend.events()) == 1


def test_preforked(backend):
    factory = splitio.get_factory(
        backends.KEY, config={**backends.QUICK, "preforkedInitialization": True}, **backend.arguments
    )
    assert factory.ready is False
    factory.block_until_ready(1)
    client = factory.client()

    def work(by_hand):
        if by_hand:
            factory.resume()
        factory.block_until_ready(5)
        answer = client.get_treatment("child", "checkout")
        return answer, destroyed(factory)

    assert in_child(lambda: work(True)) == ["off", True]
    assert in_child(lambda: work(False)) == ["off", True]
    assert [impression["k"] for _, impression in backend.impressions()] == ["child", "child"]
    assert destroyed(factory)


def test_asyncio_in_a_child(shop_file):
    _, errors = programs.run(
        """
        import asyncio, os, sys, splitio
        from splitio.impressions import ImpressionListener

        got = []

        class Listener(ImpressionListener):
            async def log_impression(self, data):
                got.append(data["impression"].matching_key)

        async def made():
            factory = await splitio.get_factory_async(
                "localhost", config={"splitFile": sys.argv[1], "impressionListener": Listener()}
            )
            await factory.block_until_ready(5)
            return factory

        async def used(factory, key):
            assert await factory.client().get_treatment(key, "checkout") == "on"
            await factory.block_until_ready(5)
            await factory.destroy()
            assert got == [key], got

        factory = asyncio.run(made())
        child = os.fork()
        asyncio.run(used(factory, "bob" if child == 0 else "ann"))
        if child:
            assert os.wait()[1] == 0
        """,
        shop_file,
    )
    assert "Error" not in errors, errors
