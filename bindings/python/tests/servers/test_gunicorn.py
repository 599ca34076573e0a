"""gunicorn with --preload: the factory is made before the workers are forked."""

from __future__ import annotations

import pytest
from harness import free_port, program, serve, show

WORKERS = 2


def gunicorn(port, kind, *arguments):
    return [
        program("gunicorn"),
        "--preload",
        f"--workers={WORKERS}",
        f"--worker-class={kind}",
        f"--bind=127.0.0.1:{port}",
        "--worker-tmp-dir=/dev/shm",
        *arguments,
        "wsgi_app:application",
    ]


@pytest.mark.parametrize("kind", ["sync", "gevent", "gthread"])
@pytest.mark.parametrize("hook", [[], ["--config=gunicorn_resume.py"]], ids=["no-hook", "resume"])
def test_workers_are_whole(backend, tmp_path, kind, hook):
    port = free_port()
    with serve(backend, gunicorn(port, kind, *hook), port, tmp_path) as server:
        show(backend, server, WORKERS, tmp_path, parents=1)


@pytest.mark.parametrize("kind", ["sync", "gevent"])
@pytest.mark.parametrize("hook", [[], ["--config=gunicorn_resume.py"]], ids=["no-hook", "resume"])
def test_preforked_initialization(backend, tmp_path, kind, hook):
    port = free_port()
    with serve(
        backend, gunicorn(port, kind, *hook), port, tmp_path, preforkedInitialization=True
    ) as server:
        show(backend, server, WORKERS, tmp_path)
