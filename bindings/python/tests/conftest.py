"""Factories on files and on the emulator, for every test."""

import signal
import threading

import pytest
from support import backend as backends
from support import flags
from support.secrets import pytest_runtest_makereport as pytest_runtest_makereport

import splitio

# Who starts the tests in the background may have told them to ignore Ctrl-C, which their programs would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shop_file(tmp_path_factory):
    """A localhost file."""
    file = tmp_path_factory.mktemp("shop") / "flags.json"
    file.write_text(flags.shop())
    return str(file)


@pytest.fixture
def localhost(shop_file, tmp_path):
    """Makes factories on the file, which are destroyed at the end."""
    made = []

    def make(**config):
        factory = splitio.get_factory(
            "localhost", config={"splitFile": shop_file, "segmentDirectory": str(tmp_path), **config}
        )
        made.append(factory)
        factory.block_until_ready(5)
        return factory

    yield make
    destroy(made)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    with backends.running(tmp_path_factory.mktemp("emulator"), flags.shop()) as running:
        yield running


@pytest.fixture
def backend(emulator):
    """The emulator as it was at its start."""
    emulator.reset()
    return emulator


@pytest.fixture
def standalone(backend):
    """Makes factories on the emulator, which are destroyed at the end."""
    made = []

    def make(key=backends.KEY, **config):
        factory = splitio.get_factory(key, config={**backends.QUICK, **config}, **backend.arguments)
        made.append(factory)
        factory.block_until_ready(10)
        return factory

    yield make
    destroy(made)


def destroy(factories):
    for factory in factories:
        gone = threading.Event()
        factory.destroy(gone)
        assert gone.wait(15)
