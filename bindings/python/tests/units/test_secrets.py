"""The tests' own watch for secrets."""

import os
import pathlib
import subprocess
import sys

import pytest
from support import secrets

PRINTED = "def test_it(): print({!r})"
LOGGED = "import logging\ndef test_it(): logging.getLogger('splitio').debug({!r})"


def test_each_secret_is_found():
    for secret in secrets.SECRETS:
        assert secrets.found_in(f"a line with {secret} in it") == [secret]
    assert secrets.found_in("a line without any") == []


@pytest.mark.parametrize("program", [PRINTED, LOGGED])
@pytest.mark.parametrize(("said", "status"), [("nothing", 0), (secrets.SECRETS[0], 1)])
def test_a_test_that_passes_and_says_one_fails(tmp_path, program, said, status):
    (tmp_path / "pytest.ini").write_text("[pytest]\nlog_level = DEBUG\n")
    (tmp_path / "test_it.py").write_text(program.format(said))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "support.secrets", "-p", "no:cacheprovider", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(secrets.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout
    assert ("secrets are in what was captured" in done.stdout) == bool(status), done.stdout
