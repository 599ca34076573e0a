"""Servers for each file of tests, and an SDK for each test."""

import signal

import pytest

import splitio
from rig import seeds, subject
from rig.servers import Server, certificates
from support.emulated import destroy
from support.secrets import pytest_runtest_makereport as pytest_runtest_makereport

signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
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
def outage(server):
    """The server, whose outages end with the test."""
    yield server
    if server.running:
        server.go_on()
    else:
        server.start()


@pytest.fixture
def flags(client):
    """Three flags: for everybody, for the members of a segment, and one whose impressions are only counted."""
    seeds.put_flags(
        client,
        seeds.flag("plain", sets=["one"]),
        seeds.flag("for_members", segment="members"),
        seeds.flag("counted", impressionsDisabled=True),
    )
    client.sadd("SPLITIO.segment.members", "ann")
    return client


@pytest.fixture
def factory_of():
    """Makes factories in this process, which are destroyed at the end."""
    made = []

    def make(server, **config):
        made.append(splitio.get_factory("an-sdk-key", config={**server.options, **config}))
        return made[-1]

    yield make
    for factory in made:
        destroy(factory)


@pytest.fixture
def sdk(official_only):
    with subject.official() if official_only else subject.ours() as running:
        yield running


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A directory with `certificates`."""
    return certificates(tmp_path_factory.mktemp("certificates"))
