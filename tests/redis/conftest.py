"""Servers for each file of tests, and an SDK for each test."""

import signal

import pytest

from rig import seeds, subject
from rig.servers import Server, certificates

signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="outages of 30 s instead of 8")
    parser.addoption("--official", action="store_true", help="run what must also hold for Split's own SDK on that")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--official"):
        for item in items:
            if mark := item.get_closest_marker("ours_alone"):
                item.add_marker(pytest.mark.skip(reason=f"Split's SDK: {mark.args[0]}"))


@pytest.fixture(scope="session")
def official_only(request):
    """Whether the tests themselves are tried, with Split's own SDK."""
    return request.config.getoption("--official")


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


@pytest.fixture
def client(server):
    """The tests' connection to the server, which is empty."""
    with server.client() as connection:
        connection.flushall()
        yield connection


@pytest.fixture
def synchronized(client):
    """The same with all that a Synchronizer wrote."""
    seeds.synchronized(client)
    return client


@pytest.fixture
def sdk(official_only):
    with subject.official() if official_only else subject.ours() as running:
        yield running


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A directory with `certificates`."""
    return certificates(tmp_path_factory.mktemp("certificates"))
