"""What a slow back end takes in is sent once, and waited for."""

import json

import pytest
from support.programs import run

# It tracks and evaluates, and ends in one of several ways.
PROGRAM = """
import json, sys
{patch}
from splitio import get_factory
factory = get_factory("a-key", config={{"streamingEnabled": False}}, **json.loads(sys.argv[1]))
factory.block_until_ready(10)
factory.client().track("ann", "user", "paid")
factory.client().get_treatment("ann", "checkout")
{end}
"""


@pytest.mark.parametrize("patch", ["", "from gevent import monkey; monkey.patch_all()"], ids=["threads", "gevent"])
@pytest.mark.parametrize(
    "end", ["", "assert factory.flush(10)", "assert factory.flush()"], ids=["exit", "flush", "flush without a limit"]
)
def test_a_slow_backend(backend, patch, end):
    for endpoint in ("events/bulk", "testImpressions/bulk"):
        backend.post("faults", endpoint=endpoint, delay_ms=500, after=True)
    run(PROGRAM.format(patch=patch, end=end), json.dumps(backend.arguments))
    assert [event["key"] for event in backend.events()] == ["ann"]
    assert [impression["k"] for _, impression in backend.impressions()] == ["ann"]
