"""Split's own SDK and ours are used by the same program; what they answer is equal, but for the listed deviations.

Needs an interpreter with splitio_client: SPLITIO_OFFICIAL_PYTHON (scripts/pytests makes one).
"""

import fnmatch
import json
import os
import pathlib
import subprocess
import sys

import pytest
from support import backend as backends
from support import flags

HERE = pathlib.Path(__file__).parent
DEVIATIONS = json.loads((HERE / "deviations.json").read_text())


def started(python, directory):
    """The program, with an emulator of its own."""
    directory.mkdir()
    sys.path.insert(0, str(HERE))
    try:
        from world import definitions
    finally:
        sys.path.remove(str(HERE))
    emulator = backends.running(directory, flags.document(*definitions()))
    url = emulator.__enter__().url
    files = directory / "files"
    files.mkdir()
    log = (directory / "stderr").open("w")
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH" or python == sys.executable
    }
    program = subprocess.Popen(
        [python, str(HERE / "program.py"), url, str(files)],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={**environment, "HOME": str(files)},
    )
    return emulator, program


def answers(emulator, program, directory):
    try:
        output, _ = program.communicate(timeout=240)
    finally:
        program.kill()
        emulator.__exit__(None, None, None)
    assert program.returncode == 0, (directory / "stderr").read_text()[-5000:]
    return json.loads(output)


@pytest.fixture(scope="session")
def both(tmp_path_factory):
    """What the official SDK and ours answer."""
    official = os.environ.get("SPLITIO_OFFICIAL_PYTHON")
    if not official:
        pytest.skip("SPLITIO_OFFICIAL_PYTHON names no interpreter with splitio_client")
    directory = tmp_path_factory.mktemp("api")
    places = [(official, directory / "official"), (sys.executable, directory / "ours")]
    programs = [(*started(python, place), place) for python, place in places]
    return [answers(*program) for program in programs]


def deviation(case):
    return [one for one in DEVIATIONS if any(fnmatch.fnmatchcase(case, pattern) for pattern in one["cases"])]


def subjects(answered):
    return sorted({case.split("/")[0] for case in answered})


SUBJECTS = [
    "async",
    "attributes",
    "config",
    "coroutine",
    "destroyed",
    "exceptions",
    "factory",
    "fallback",
    "fallbacks",
    "fields",
    "flag",
    "import",
    "key",
    "life",
    "list",
    "listener",
    "localhost",
    "manager",
    "matcher",
    "named arguments",
    "not ready",
    "on",
    "options",
    "posted",
    "property",
    "set",
    "sets",
    "signature",
    "track",
]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_equal(both, subject):
    official, ours = ({c: a for c, a in answered.items() if c.split("/")[0] == subject} for answered in both)
    assert official
    wrong = [
        f"{case}: official {official.get(case, 'nothing')!r}, ours {ours.get(case, 'nothing')!r}"
        for case in sorted(official.keys() | ours.keys())
        if official.get(case, "nothing") != ours.get(case, "nothing") and not deviation(case)
    ]
    assert not wrong, f"{len(wrong)} of {len(official)}\n" + "\n".join(wrong)


def test_no_subject_is_missing(both):
    assert subjects(both[0]) == sorted(SUBJECTS) == subjects(both[1])


@pytest.mark.parametrize("listed", DEVIATIONS, ids=lambda one: one["reason"][:50])
def test_each_listed_deviation_is_one(both, listed):
    """A list that says too much hides what comes later."""
    official, ours = both
    for pattern in listed["cases"]:
        assert any(
            official.get(case, "nothing") != ours.get(case, "nothing")
            for case in fnmatch.filter(official.keys() | ours.keys(), pattern)
        ), f"equal: {pattern}"
