"""Services on asyncio. A factory belongs to its event loop, so there is nothing to inherit: each worker makes one."""

from __future__ import annotations

import signal

import pytest
from servers.harness import free_port, program, serve, show


@pytest.mark.parametrize("workers", [1, 2])
def test_starlette_under_uvicorn(backend, tmp_path, workers):
    port = free_port()
    command = [program("uvicorn"), f"--port={port}", f"--workers={workers}", "starlette_app:app"]
    with serve(backend, command, port, tmp_path) as server:
        # uvicorn ends itself by the signal that it was sent, once it has shut down.
        show(backend, server, workers, tmp_path, status=0 if workers > 1 else -signal.SIGTERM)


def test_starlette_under_gunicorn(backend, tmp_path):
    port = free_port()
    kind = "--worker-class=uvicorn_worker.UvicornWorker"
    command = [program("gunicorn"), "--preload", "--workers=2", f"--bind=127.0.0.1:{port}", kind, "starlette_app:app"]
    with serve(backend, command, port, tmp_path) as server:
        show(backend, server, 2, tmp_path)


def test_aiohttp(backend, tmp_path):
    port = free_port()
    command = [program("python"), "-m", "aiohttp.web", "-H127.0.0.1", f"-P{port}", "aiohttp_app:application"]
    with serve(backend, command, port, tmp_path) as server:
        show(backend, server, 1, tmp_path)
