"""An emulator for each process, which all its cells begin anew."""

import pytest

import life
from support.emulated import Emulator


@pytest.fixture(scope="session")
def emulator():
    with Emulator() as running:
        yield running


@pytest.fixture
def cell(emulator, request):
    emulator.begin(keepalive_ms=1000)
    with life.prepared(emulator, *request.param) as prepared:
        yield prepared
