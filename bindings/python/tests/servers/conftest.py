import pytest
from servers.harness import CHECKOUT
from support.emulated import Emulator


@pytest.fixture(scope="session")
def _running_emulator():
    with Emulator("--streaming") as emulator:
        yield emulator


@pytest.fixture
def backend(_running_emulator):
    """An emulator that streams, with one flag."""
    _running_emulator.begin(payload="gzip", distinct=True)
    _running_emulator.put(CHECKOUT)
    return _running_emulator
