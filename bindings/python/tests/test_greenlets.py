"""gevent: while a call of ours waits, other greenlets run; and they come along in a fork."""

import json

import pytest
from support import backend as backends
from support.programs import run

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import json, sys, threading, time, gevent, splitio
from splitio.exceptions import TimeoutException
from splitio.impressions import ImpressionListener

config, arguments = json.loads(sys.argv[1]), json.loads(sys.argv[2])
turns, longest, last = 0, 0.0, time.monotonic()

def count():
    global turns, longest, last
    while True:
        gevent.sleep(0.002)
        now = time.monotonic()
        turns, longest, last = turns + 1, max(longest, now - last), now

gevent.spawn(count)
gevent.sleep(0.05)
longest = 0.0

class Listener(ImpressionListener):
    keys = []
    def log_impression(self, data):
        gevent.sleep(0)
        self.keys.append(data["impression"].matching_key)

config["impressionListener"] = Listener()
factory = splitio.get_factory("a-key", config=config, **arguments)
client = factory.client()
{body}
assert longest < 0.1, longest
assert turns > 20, turns
"""

BODIES = {
    "ready": """
factory.block_until_ready(5)
assert client.get_treatment("ann", "checkout") == "on"
""",
    "a time-out": """
try:
    factory.block_until_ready(0.3)
except TimeoutException:
    pass
else:
    raise AssertionError("it was ready")
""",
    "flush": """
factory.block_until_ready(5)
client.track("ann", "user", "paid")
assert factory.flush(5)
""",
    "destroy": """
factory.block_until_ready(5)
client.track("ann", "user", "paid")
for number in range(100):
    client.get_treatment(str(number), "checkout")
gone = threading.Event()
factory.destroy(gone)
assert gone.wait(5)
assert len(Listener.keys) == 100
""",
}


@pytest.mark.parametrize("call", BODIES)
def test_other_greenlets_run_while_one_waits(backend, call):
    if call == "a time-out":
        backend.post("faults", endpoint="splitChanges", hang=True)
    else:
        backend.post("faults", endpoint="splitChanges", delay_ms=300, times=1)
    backend.post("faults", endpoint="events/bulk", delay_ms=300, times=1)
    _, errors = run(
        PROGRAM.format(body=BODIES[call]),
        json.dumps({**backends.QUICK, "eventsPushRate": 3600}),
        json.dumps(backend.arguments),
    )
    assert "Traceback" not in errors, errors


FORKS = """
from gevent import monkey
monkey.patch_all()
import json, os, sys, gevent, splitio
from splitio import _handle

config, arguments = json.loads(sys.argv[1]), json.loads(sys.argv[2])
factory = splitio.get_factory("a-key", config=config, **arguments)
factory.block_until_ready(5)
client = factory.client()
assert client.get_treatment("ann", "checkout") == "on"
gevent.sleep(0.05)  # the greenlet that delivers waits

def in_child(body):
    child = os.fork()
    if child == 0:
        try:
            body()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

def idle():
    gevent.sleep(0.3)
    assert factory.status.name == "WAITING_FORK", factory.status

def at_work():
    assert client.get_treatment("ann", "checkout") == "on"
    factory.destroy()
    gevent.sleep(0.3)
    assert _handle._living, "it was freed while it is in use"
    assert client.get_treatment("ann", "checkout") == "control"

in_child(idle)
in_child(at_work)
assert factory.flush(5)
factory.destroy()
"""


def test_a_greenlet_that_comes_along_in_a_fork_leaves_the_child_alone(backend):
    _, errors = run(FORKS, json.dumps({**backends.QUICK, "impressionsMode": "DEBUG"}), json.dumps(backend.arguments))
    assert "Traceback" not in errors, errors
