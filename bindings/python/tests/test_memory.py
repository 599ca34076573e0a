"""No leak: resident memory is flat over evaluations and over factories.

SPLITIO_LEAK_EVALUATIONS and SPLITIO_LEAK_FACTORIES make it longer: 5000000 and 1000 is what a release is held to
(scripts/pytests --leaks).
"""

import gc
import logging
import os
import threading

import pytest
from support.waiting import eventually

import splitio
from splitio import EvaluationOptions, Key

EVALUATIONS = int(os.environ.get("SPLITIO_LEAK_EVALUATIONS", "200000"))
FACTORIES = int(os.environ.get("SPLITIO_LEAK_FACTORIES", "60"))
# What allocators and caches may still take once everything is warm.
SLACK_KB = 4096


@pytest.fixture(autouse=True)
def quiet():
    """pytest keeps every line."""
    logging.getLogger("splitio").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("splitio").setLevel(logging.NOTSET)


def resident_kb():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


CALLS = {
    "get_treatment": lambda client, n: client.get_treatment("ann", "checkout"),
    "with distinct keys": lambda client, n: client.get_treatment(f"key-{n}", "checkout"),
    "with attributes": lambda client, n: client.get_treatment("ann", "adults", {"age": n, "s": {"a"}}),
    "with everything": lambda client, n: client.get_treatment_with_config(
        Key("ann", "b"), "checkout", {"age": n}, EvaluationOptions({"page": n})
    ),
    "lists": lambda client, n: client.get_treatments_with_config_by_flag_set("ann", "web") if n % 10 == 0 else None,
    "invalid": lambda client, n: client.get_treatment(None, "checkout") if n % 10 == 0 else None,
    "unknown flags": lambda client, n: client.get_treatment("ann", f"flag-{n}") if n % 10 == 0 else None,
    "track": lambda client, n: client.track("ann", "user", "paid", n, {"n": n}),
    "manager": lambda client, n: client._factory.manager().splits() if n % 100 == 0 else None,
}


@pytest.mark.parametrize("call", CALLS)
def test_evaluations_leave_nothing(localhost, call):
    client, evaluate = localhost().client(), CALLS[call]
    count = EVALUATIONS if call == "get_treatment" else EVALUATIONS // 4
    for number in range(count // 4):
        evaluate(client, number)
    gc.collect()
    before = resident_kb()
    for number in range(count):
        evaluate(client, number)
    gc.collect()
    assert resident_kb() - before < SLACK_KB


@pytest.mark.parametrize("end", ["destroyed", "dropped"])
def test_factories_leave_nothing(shop_file, end):
    def one():
        factory = splitio.get_factory("localhost", config={"splitFile": shop_file})
        factory.block_until_ready(5)
        factory.client().get_treatment("ann", "checkout")
        if end == "destroyed":
            gone = threading.Event()
            factory.destroy(gone)
            assert gone.wait(10)

    def settled():
        gc.collect()
        return eventually(lambda: not splitio._handle._living, seconds=30) and resident_kb()

    for _ in range(20):
        one()
    before = settled()
    for _ in range(FACTORIES):
        one()
    after = settled()
    assert after - before < SLACK_KB, f"{(after - before) / FACTORIES:.0f} KB each"
