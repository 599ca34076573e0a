"""An emulator for each process, which all its cells begin anew."""

import pytest

from support.emulated import Emulator


@pytest.fixture(scope="session")
def emulator():
    with Emulator() as running:
        yield running


@pytest.fixture
def backend(emulator):
    emulator.begin(keepalive_ms=1000)
    return emulator
