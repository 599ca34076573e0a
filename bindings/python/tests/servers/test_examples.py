"""The programs of ../../examples, on their own file of flags."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from servers.harness import Server, free_port, program
from support.waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_script():
    for user, said in [("ann", 'ann: on {"color": "teal"}\n'), ("zoe", "zoe: off None\n")]:
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / "script.py"), user],
            stdout=subprocess.PIPE,
            text=True,
            timeout=20,
            check=True,
        )
        assert done.stdout == said


def test_flask(tmp_path):
    port = free_port()
    command = [program("gunicorn"), "--preload", "--workers=2", f"--bind=127.0.0.1:{port}", "flask_app:app"]
    with Server(command, port, tmp_path, {}, EXAMPLES, "/checkout/ann") as server:
        workers = set()

        def ask():
            for user, treatment in [("ann", "on"), ("zoe", "off")]:
                answer = server.get(f"/checkout/{user}")
                assert answer["treatment"] == treatment
                workers.add(answer["worker"])
            return len(workers) == 2

        eventually(ask, "both workers")
        server.stop()


def test_aiohttp(tmp_path):
    port = free_port()
    command = [sys.executable, "aiohttp_service.py", str(port)]
    with Server(command, port, tmp_path, {}, EXAMPLES, "/checkout/ann") as server:
        assert server.get("/checkout/zoe") == {"user": "zoe", "treatment": "off"}
        server.stop()
        assert "ann new_checkout on\nzoe new_checkout off\n" in server.log()
