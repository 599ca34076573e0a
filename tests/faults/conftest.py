"""An emulator for each process, which all its cells begin anew."""

import pytest

import life
from support.emulated import Emulator
from support.secrets import pytest_runtest_makereport as pytest_runtest_makereport


def pytest_collection_modifyitems(items):
    """What takes longest begins. A process begins with two cells: so each of the longest has one of the shortest."""

    def of(test):
        return [item for item in items if item.originalname == test]

    first = [item for pair in zip(of("test_silence"), of("test_last"), strict=False) for item in pair]
    first += of("test_stream") + of("test_token")
    items[:] = first + [item for item in items if item not in first]


@pytest.fixture(scope="session")
def emulator():
    with Emulator() as running:
        yield running


@pytest.fixture
def cell(emulator, request):
    emulator.begin(keepalive_ms=1000)
    with life.prepared(emulator, *request.param) as prepared:
        yield prepared
