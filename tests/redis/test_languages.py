"""The other languages on Redis, by the options of their own."""

import os
import pathlib
import subprocess

import pytest

from rig import records, seeds
from rig.servers import Server, free_port

pytestmark = pytest.mark.ours_alone("other languages")
HERE = pathlib.Path(__file__).parent / "languages"
ROOT = HERE.parents[2]
CONFIG = '{"color":"teal","size":7}'


def run(command, directory=None, good=True):
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode == 0) == good, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def libraries():
    """A directory with the library under the names that linkers and loaders look for; the same in each run, for Go's
    cache."""
    return pathlib.Path(os.environ["SPLITIO_LIBRARIES"])


@pytest.fixture(scope="module")
def c_program(libraries):
    program = libraries / "use"
    flags = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    linked = [f"-L{libraries}", "-lsplitio", f"-Wl,-rpath,{libraries}"]
    compiler = os.environ.get("CC", "cc")
    run([compiler, *flags, f"-I{ROOT / 'include'}", str(HERE / "use.c"), "-o", str(program), *linked])
    return [str(program)]


@pytest.fixture(scope="module")
def go_program(libraries):
    program = libraries / "use-go"
    # How it finds the library is in the environment: scripts/redistests.
    run(["go", "build", "-mod=mod", "-tags", "dynamic", "-o", str(program), "."], HERE / "go")
    return [str(program)]


@pytest.fixture(scope="module")
def ruby_program():
    return ["ruby", f"-I{ROOT / 'bindings' / 'ruby' / 'lib'}", str(HERE / "use.rb")]


@pytest.fixture
def prefixed(client):
    seeds.synchronized(client, "my.app.")
    return client


def check(client, language, event):
    left = records.Left(client, "my.app.")
    left.check_lives()
    assert left.impressions_of() == [("alice", "on")]
    (tracked,) = left.events
    assert (tracked["e"]["eventTypeId"], tracked["e"]["value"]) == (event, 42.5)
    assert tracked["m"]["s"].startswith(f"{language}-")
    assert left.counted() == {"checkout_v2": 1}
    assert left.measured() == {"treatment": 1, "treatmentWithConfig": 1, "track": 1}
    (init,) = left.inits
    assert init["identity"] == [tracked["m"][name] for name in "sni"]


def test_c(server, prefixed, c_program):
    said = run([*c_program, str(server.port), "my.app"])
    assert said == ["on", f"on {CONFIG} in segment beta_users", "-1", "0"]
    check(prefixed, "rust", "from.C")


def test_c_without_redis(c_program):
    port = free_port()
    (said,) = run([*c_program, str(port), ""], good=False)
    assert said.startswith("no factory: -10 ")
    assert f"127.0.0.1:{port}" in said


def test_c_and_a_full_buffer(c_program):
    with Server() as own:
        said = run([*c_program, str(own.port), "", "full", str(own._process.pid)])
    assert said == ["0"] * 10 + ["-8"] * 2


def test_go(server, prefixed, go_program):
    assert run([*go_program, str(server.port), "my.app"]) == ["on", f"on {CONFIG}", "<nil>", "16"]
    check(prefixed, "go", "from.Go")


def test_go_without_redis(go_program):
    port = free_port()
    (said,) = run([*go_program, str(port), ""], good=False)
    assert f"127.0.0.1:{port}" in said


def test_ruby(server, prefixed, ruby_program):
    assert run([*ruby_program, str(server.port), "my.app"]) == ["on", f"on {CONFIG}", "true", "16"]
    check(prefixed, "ruby", "from.Ruby")


def test_ruby_without_redis(ruby_program):
    port = free_port()
    (said,) = run([*ruby_program, str(port), ""], good=False)
    assert f"127.0.0.1:{port}" in said


def test_ruby_threads_go_on_meanwhile(ruby_program):
    """B36: while an evaluation waits for Redis, it does not hold Ruby's lock."""
    with Server() as own, own.client() as client:
        seeds.synchronized(client)
        said = run([*ruby_program, str(own.port), "", str(own._process.pid)])
    answer, turns, seconds = said
    assert answer == "control"
    assert 0.4 < float(seconds) < 1.5
    assert int(turns) > 20
