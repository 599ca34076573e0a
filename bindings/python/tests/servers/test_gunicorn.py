"""gunicorn with --preload: the application is imported before the workers are forked."""

from __future__ import annotations

import pytest
from servers.harness import free_port, program, serve, show

WORKERS = 2


def gunicorn(port, application, *arguments):
    return [
        program("gunicorn"),
        "--preload",
        f"--workers={WORKERS}",
        f"--bind=127.0.0.1:{port}",
        "--worker-tmp-dir=/dev/shm",
        *arguments,
        application,
    ]


@pytest.mark.parametrize("kind", ["sync", "gevent", "gthread"])
@pytest.mark.parametrize("hook", [[], ["--config=gunicorn_resume.py"]], ids=["no-hook", "resume"])
def test_inherited(backend, tmp_path, kind, hook):
    """A factory of the master, which goes on in it."""
    port = free_port()
    command = gunicorn(port, "wsgi_app:application", f"--worker-class={kind}", *hook)
    with serve(backend, command, port, tmp_path) as server:
        show(backend, server, WORKERS, tmp_path, parents=1)


@pytest.mark.parametrize("kind", ["sync", "gevent"])
@pytest.mark.parametrize("hook", [[], ["--config=gunicorn_resume.py"]], ids=["no-hook", "resume"])
def test_preforked_initialization(backend, tmp_path, kind, hook):
    """A factory that does nothing in the master but fetch the definitions."""
    port = free_port()
    command = gunicorn(port, "wsgi_app:application", f"--worker-class={kind}", *hook)
    with serve(backend, command, port, tmp_path, preforkedInitialization=True) as server:
        show(backend, server, WORKERS, tmp_path)


def test_django(backend, tmp_path):
    """Django as it is: each worker makes a factory when it is first asked."""
    port = free_port()
    with serve(backend, gunicorn(port, "django_site.wsgi:application"), port, tmp_path) as server:
        show(backend, server, WORKERS, tmp_path)


@pytest.mark.parametrize("hook", [[], ["--config=gunicorn_django_resume.py"]], ids=["no-hook", "resume"])
def test_django_inherited(backend, tmp_path, hook):
    """Django with a factory of the master."""
    port = free_port()
    command = gunicorn(port, "django_site.wsgi_preloaded:application", *hook)
    with serve(backend, command, port, tmp_path) as server:
        show(backend, server, WORKERS, tmp_path, parents=1)
