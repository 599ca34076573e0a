"""Programs of their own, for what ends an interpreter."""

import os
import subprocess
import sys
import textwrap

from support import secrets


def run(text, *arguments, seconds=60, environment=None):
    """Runs a program to its end, which must be a good one; its output."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert not secrets.found_in(done.stdout + done.stderr)
    return done.stdout, done.stderr


def start(text, *arguments):
    """Starts a program, whose output is read while it runs."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", textwrap.dedent(text), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
