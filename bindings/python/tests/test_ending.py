"""B08 and its like: factories that nobody destroys, and interpreters that end."""

import gc
import logging
import os
import signal
import threading
import weakref

import pytest
from support import backend as backends
from support import programs
from support.waiting import eventually

import splitio


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def threads():
    return len(os.listdir("/proc/self/task"))


def python_threads():
    """Without the stand-ins for others that have logged something: those stay when their threads have ended."""
    return [thread for thread in threading.enumerate() if not isinstance(thread, threading._DummyThread)]


@pytest.mark.parametrize("mode", ["localhost", "standalone"])
def test_b08_dropped_factories_are_collected(shop_file, backend, mode, caplog):
    # Hundreds of them say thousands of lines.
    caplog.set_level(logging.WARNING, logger="splitio")
    if mode == "localhost":
        key, arguments = "localhost", {"config": {"splitFile": shop_file}}
    else:
        key, arguments = backends.KEY, {"config": backends.QUICK, **backend.arguments}
    splitio.get_factory(key, **arguments).destroy()
    eventually(lambda: not splitio._handle._living)
    eventually(lambda: threads() == len(python_threads()))
    before = descriptors(), threads()
    dropped = []
    for _ in range(200):
        factory = splitio.get_factory(key, **arguments)
        client = factory.client()
        client.get_treatment("ann", "checkout")
        dropped.append(weakref.ref(factory))
    del factory, client
    gc.collect()
    assert [one for one in dropped if one() is not None] == []
    eventually(lambda: not splitio._handle._living, seconds=30)
    eventually(lambda: (descriptors(), threads()) == before, seconds=30)


def test_b08_every_method_of_a_destroyed_factory(shop_file):
    for _ in range(20):
        factory = splitio.get_factory("localhost", config={"splitFile": shop_file})
        client, manager = factory.client(), factory.manager()
        factory.destroy()
        for _ in range(2):
            assert client.get_treatment("ann", "checkout") == "control"
            assert client.get_treatment_with_config("ann", "checkout", {"a": 1}) == ("control", None)
            assert client.get_treatments("ann", ["checkout"]) == {"checkout": "control"}
            assert client.get_treatments_by_flag_set("ann", "shop") in ({}, {"checkout": "control"})
            assert client.track("ann", "user", "paid") is False
            assert (manager.splits(), manager.split_names(), manager.split("checkout")) == ([], [], None)
            assert factory.flush(0.1) is False
            factory.resume()
            client.destroy()
        del factory
    del client, manager
    gc.collect()
    eventually(lambda: not splitio._handle._living)


def test_a_dropped_factory_still_sends_what_it_has(backend):
    config = {**backends.QUICK, "impressionsRefreshRate": 3600, "eventsPushRate": 3600}
    factory = splitio.get_factory(backends.KEY, config=config, **backend.arguments)
    factory.block_until_ready(5)
    factory.client().track("ann", "user", "paid")
    del factory
    gc.collect()
    eventually(lambda: len(backend.events()) == 1)
    eventually(lambda: not splitio._handle._living)


def test_a_client_keeps_its_factory(shop_file):
    client = splitio.get_factory("localhost", config={"splitFile": shop_file}).client()
    gc.collect()
    eventually(lambda: client.ready)
    assert client.get_treatment("ann", "checkout") == "on"
    client.destroy()


def test_collected_in_the_middle_of_anything(shop_file):
    """Cycles, which the collector ends at any allocation of any thread."""
    config = {"splitFile": shop_file}
    stop = threading.Event()

    def collect():
        while not stop.is_set():
            gc.collect()

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for _ in range(50):
            factory = splitio.get_factory("localhost", config=config)
            client = factory.client()
            client.itself = client
            client.get_treatment("ann", "checkout")
            del factory, client
    finally:
        stop.set()
        collector.join()
    gc.collect()
    eventually(lambda: not splitio._handle._living, seconds=30)


ENDS = ["", "sys.exit(0)", "factory.destroy()", "del factory, client", "client.itself = client; del factory, client"]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("listener", ["None", "Listener()"])
def test_the_interpreter_ends_cleanly(shop_file, end, listener):
    output, errors = programs.run(
        f"""
        import sys, splitio
        from splitio.impressions import ImpressionListener

        class Listener(ImpressionListener):
            def log_impression(self, data):
                print(data["impression"].matching_key)

        factory = splitio.get_factory(
            "localhost", config={{"splitFile": sys.argv[1], "impressionListener": {listener}}}
        )
        factory.block_until_ready(5)
        client = factory.client()
        for number in range(500):
            client.get_treatment(str(number), "checkout")
        {end}
        """,
        shop_file,
    )
    assert errors == ""
    # Also at the end the listener gets what was queued.
    if listener != "None" and "del" not in end:
        assert output.split() == [str(number) for number in range(500)]


def test_what_is_queued_is_sent_at_the_end(backend):
    programs.run(
        """
        import json, sys, splitio
        factory = splitio.get_factory("a-key", config=json.loads(sys.argv[1]), **json.loads(sys.argv[2]))
        factory.block_until_ready(5)
        factory.client().track("ann", "user", "paid")
        """,
        *map(splitio._config.json.dumps, ({**backends.QUICK, "eventsPushRate": 3600}, backend.arguments)),
    )
    assert len(backend.events()) == 1


def test_the_end_does_not_wait_for_ever_for_a_back_end_that_hangs(backend):
    backend.post("faults", endpoint="events/bulk", hang=True)
    programs.run(
        """
        import json, sys, splitio
        factory = splitio.get_factory("a-key", config=json.loads(sys.argv[1]), **json.loads(sys.argv[2]))
        factory.block_until_ready(5)
        factory.client().track("ann", "user", "paid")
        """,
        *map(splitio._config.json.dumps, ({**backends.QUICK, "eventsPushRate": 3600}, backend.arguments)),
        seconds=splitio._handle.EXIT_SECONDS + 5,
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_signals_that_end_the_process_end_it(shop_file, how):
    process = programs.start(
        """
        import sys, time, splitio
        factory = splitio.get_factory("localhost", config={"splitFile": sys.argv[1]})
        factory.block_until_ready(5)
        print("waiting")
        time.sleep(60)
        """,
        shop_file,
    )
    with process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(how)
        assert process.wait(5) == -how
