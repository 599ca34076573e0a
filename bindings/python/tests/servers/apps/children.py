"""A program with children of multiprocessing: what each of them was asked, and whether it saw a streamed change.

Arguments: how to start them (fork, spawn, forkserver), how many, the URL of the emulator. Prints what was recorded as
JSON.
"""

import json
import multiprocessing
import os
import sys

from support.backend import Backend
from support.waiting import eventually

from splitio import get_factory

OPTIONS = {"featuresRefreshRate": 3600, "impressionsMode": "DEBUG"}
SPLIT = None


def client(backend):
    """Of the factory of this process: inherited, or its own."""
    global SPLIT
    if SPLIT is None:
        SPLIT = get_factory("a-key", config=OPTIONS, **backend.arguments)
        SPLIT.block_until_ready(10)
    return SPLIT.client()


def see_a_change(backend, name, all_asked):
    """Records what it is asked before and after, and what is said of it."""
    asked = []

    def treatment():
        asked.append(f"{name}-{len(asked)}")
        return split.get_treatment(asked[-1], "checkout")

    split = client(backend)
    assert treatment() == "on"
    split.track(f"{name}-0", "user", "asked")
    all_asked()
    eventually(lambda: treatment() == "off", "the change")
    return asked


def child(backend, barrier, answers):
    answers.put(see_a_change(backend, f"child-{os.getpid()}", lambda: barrier.wait(30)))


def main(method, count, url):
    backend = Backend(url)
    client(backend)
    eventually(lambda: len(backend.call("GET", "streams")) == 1, "the stream of the parent")
    (stream,) = backend.call("GET", "streams")

    context = multiprocessing.get_context(method)
    barrier, answers = context.Barrier(count + 1), context.SimpleQueue()
    children = [context.Process(target=child, args=(backend, barrier, answers)) for _ in range(count)]
    for each in children:
        each.start()

    def change():
        """When all have been asked once, and have streams. The helpers of forkserver and spawn have none."""
        barrier.wait(30)
        eventually(lambda: len(backend.call("GET", "streams")) == count + 1, "a stream for each")
        backend.post("flags/kill", name="checkout", treatment="off")

    asked = [see_a_change(backend, "parent", change)]
    asked += [answers.get() for _ in children]
    for each in children:
        each.join(20)
        assert each.exitcode == 0, each
    # Nothing that the children did was noticed here.
    assert [one["stream"] for one in backend.call("GET", "streams")] == [stream["stream"]]
    print(json.dumps(asked))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
