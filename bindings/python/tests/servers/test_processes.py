"""Programs that start processes by themselves. B02, the child that never uses what it inherits, is in
../test_fork.py."""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys

import pytest
from servers.harness import APPS
from support.programs import run

TESTS = str(APPS.parent.parent)
CHILDREN = 3


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_B01_children_of_multiprocessing(backend, method):
    """B01: they follow the changes, each by a stream of its own; what they record arrives once, without a `destroy`."""
    done = subprocess.run(
        [sys.executable, str(APPS / "children.py"), method, str(CHILDREN), backend.url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": TESTS},
        timeout=60,
        check=True,
    )
    asked = json.loads(done.stdout)
    assert len(asked) == CHILDREN + 1
    assert backend.impression_keys() == collections.Counter(key for keys in asked for key in keys)
    assert backend.event_keys() == collections.Counter(keys[0] for keys in asked)


# Each starts `command` once and waits for its end.
STORMS = {
    "subprocess": "subprocess.run(command, check=True)",
    "posix_spawn": "os.waitpid(os.posix_spawn(command[0], command, os.environ), 0)",
    "fork and exec": "subprocess.run(command, check=True, close_fds=False, preexec_fn=os.getpid)",
    "system": "os.system(' '.join(command))",
    "asyncio": "asyncio.run(once())",
    "uvloop": "uvloop.run(once())",
}
STORM = """
    import asyncio, json, os, subprocess, sys, uvloop
    from support.backend import Backend
    from support.waiting import eventually
    from splitio import get_factory

    async def once():
        process = await asyncio.create_subprocess_exec(*command)
        assert await process.wait() == 0

    backend = Backend(sys.argv[1])
    factory = get_factory("a-key", config={{"featuresRefreshRate": 3600}}, **backend.arguments)
    factory.block_until_ready(10)
    client = factory.client()
    client.get_treatment("before", "checkout")
    eventually(lambda: len(backend.call("GET", "streams")) == 1)
    (stream,) = backend.call("GET", "streams")
    requests = len(backend.call("GET", "requests"))
    command = ["/bin/true"]
    for number in range(100):
        {start}
        if number % 20 == 10:
            treatment = f"v{{number}}"
            backend.post("flags/kill", name="checkout", treatment=treatment)
            eventually(lambda: client.get_treatment("during", "checkout") == treatment, treatment)
    # Its stream is the same, and nobody has asked for anything but the five changes.
    (same,) = backend.call("GET", "streams")
    assert same["stream"] == stream["stream"], (stream, same)
    asked = [one["path"] for one in backend.call("GET", "requests")[requests:]]
    assert all("splitChanges" in path or "metrics" in path for path in asked), asked
"""


@pytest.mark.parametrize("kind", list(STORMS))
def test_B03_a_storm_of_subprocesses(backend, kind):
    """B03: a parent that starts 100 subprocesses gets its updates, and those send nothing."""
    backend.post("options", payload="none")
    run(STORM.format(start=STORMS[kind]), backend.url, environment={"PYTHONPATH": TESTS})


DESCRIPTORS = """
    import json, os, subprocess, sys
    from support.backend import Backend
    from support.waiting import eventually
    from splitio import get_factory

    backend = Backend(sys.argv[1])
    show = [sys.executable, "-c", "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"]
    before = subprocess.run(show, stdout=subprocess.PIPE, close_fds=False, check=True).stdout
    options = {"impressionsRefreshRate": 1, "impressionsMode": "DEBUG"}
    factory = get_factory("a-key", config=options, **backend.arguments)
    factory.block_until_ready(10)
    factory.client().get_treatment("ann", "checkout")
    eventually(lambda: len(backend.call("GET", "streams")) == 1 and backend.impressions())
    ours = len(os.listdir("/proc/self/fd"))
    assert ours > 6, ours
    assert subprocess.run(show, stdout=subprocess.PIPE, close_fds=False, check=True).stdout == before
"""


def test_B03_no_descriptor_is_inherited(backend):
    """B03: each of our descriptors is closed by exec, also where the program does not close them."""
    run(DESCRIPTORS, backend.url, environment={"PYTHONPATH": TESTS})
