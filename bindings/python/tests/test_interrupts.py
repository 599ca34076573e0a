"""B07: Ctrl-C ends each call that waits, within half a second. B36: while one waits, other threads go on."""

import json
import signal
import textwrap
import threading
import time

import pytest
from support import backend as backends
from support import programs

import splitio
from splitio.exceptions import TimeoutException

START = """
import json, sys, threading, time, asyncio, splitio
from splitio import get_factory, get_factory_async

config, arguments = json.loads(sys.argv[1]), json.loads(sys.argv[2])

def began():
    print("waiting", flush=True)

try:
{body}
except KeyboardInterrupt:
    print("interrupted", flush=True)
    import os
    os._exit(3)
print("it was not interrupted")
"""

WAITING = {
    "block_until_ready for ever": """
        factory = get_factory('k', config=config, **arguments)
        began()
        factory.block_until_ready()""",
    "get_factory before a fork": """
        began()
        get_factory('k', config={**config, "preforkedInitialization": True}, **arguments)""",
    "block_until_ready": """
        factory = get_factory('k', config=config, **arguments)
        began()
        factory.block_until_ready(30)""",
    "flush": """
        factory = get_factory('k', config=config, **arguments)
        factory.client().track('ann', 'user', 'paid')
        began()
        factory.flush(30)""",
    "destroy with an event": """
        factory = get_factory('k', config=config, **arguments)
        factory.client().track('ann', 'user', 'paid')
        event = threading.Event()
        began()
        factory.destroy(event)
        event.wait()""",
    "the end of the program": """
        factory = get_factory('k', config=config, **arguments)
        factory.client().track('ann', 'user', 'paid')
        began()
        import atexit
        splitio._handle._at_exit()""",
    "block_until_ready in asyncio": """
        async def main():
            factory = await get_factory_async('k', config=config, **arguments)
            began()
            await factory.block_until_ready(30)
        asyncio.run(main())""",
    "destroy in asyncio": """
        async def main():
            factory = await get_factory_async('k', config=config, **arguments)
            await factory.client().track('ann', 'user', 'paid')
            began()
            await factory.destroy()
        asyncio.run(main())""",
}


@pytest.mark.parametrize("call", WAITING)
def test_b07_ctrl_c_is_answered_within_half_a_second(backend, call):
    for endpoint in ("splitChanges", "events/bulk"):
        backend.post("faults", endpoint=endpoint, hang=True)
    body = textwrap.indent(textwrap.dedent(WAITING[call]).strip(), "    ")
    process = programs.start(
        START.format(body=body), json.dumps({**backends.QUICK, "eventsPushRate": 3600}), json.dumps(backend.arguments)
    )
    with process:
        assert process.stdout.readline() == "waiting\n", process.stderr.read()
        time.sleep(0.3)  # so that it is in the middle of its wait
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.stdout.readline()
        took = time.monotonic() - sent
        process.wait(10)
    assert said == "interrupted\n", process.returncode
    assert took < 0.5


@pytest.mark.parametrize("call", ["get_factory before a fork", "block_until_ready", "flush", "destroy", "poll"])
def test_b36_other_threads_go_on_while_one_waits(backend, call):
    backend.post("faults", endpoint="splitChanges", hang=True)
    backend.post("faults", endpoint="events/bulk", delay_ms=600)
    factory = splitio.get_factory(backends.KEY, config={**backends.QUICK, "eventsPushRate": 3600}, **backend.arguments)
    factory.client().track("ann", "user", "paid")

    def wait():
        if call == "get_factory before a fork":
            config = {**backends.QUICK, "preforkedInitialization": True, "connectionTimeout": 500, "readTimeout": 500}
            splitio.get_factory(backends.KEY, config=config, **backend.arguments).destroy()
        elif call == "block_until_ready":
            with pytest.raises(TimeoutException):
                factory.block_until_ready(0.5)
        elif call == "flush":
            factory.flush(0.5)
        elif call == "destroy":
            splitio._native.destroy(factory._handle.pointer, 500)
        else:
            time.sleep(0.5)  # the thread that delivers waits, all the time

    waiting = threading.Thread(target=wait)
    waiting.start()
    longest = turns = 0
    last = time.monotonic()
    while waiting.is_alive():
        time.sleep(0.001)
        now = time.monotonic()
        longest, last, turns = max(longest, now - last), now, turns + 1
    assert turns > 50
    assert longest < 0.2
    factory.destroy()
