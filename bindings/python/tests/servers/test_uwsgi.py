"""uWSGI, which imports the application in its master and forks the workers in C."""

from __future__ import annotations

import pytest

from servers.harness import free_port, program, serve, show

WORKERS = 2


def uwsgi(port, module, *arguments):
    """As in Split's guide: an HTTP router before a master with workers."""
    return [
        program("uwsgi"),
        f"--http=127.0.0.1:{port}",
        "--master",
        f"--processes={WORKERS}",
        "--die-on-term",
        "--buffer-size=8192",
        *arguments,
        f"--module={module}",
        f"--virtualenv={program('..')}",
    ]


@pytest.mark.parametrize("module", ["wsgi_app", "uwsgi_resume"], ids=["no-hook", "resume"])
def test_inherited(backend, tmp_path, module):
    """A factory of the master, which goes on in it."""
    port = free_port()
    with serve(backend, uwsgi(port, module, "--enable-threads"), port, tmp_path) as server:
        show(backend, server, WORKERS, tmp_path, parents=1)


@pytest.mark.parametrize("module", ["wsgi_app", "uwsgi_guide"], ids=["no-hook", "guide"])
def test_preforked_initialization(backend, tmp_path, module):
    """A factory that does nothing in the master but fetch the definitions; with the lines of Split's guide, and without."""
    port = free_port()
    command = uwsgi(port, module, "--enable-threads")
    with serve(backend, command, port, tmp_path, preforkedInitialization=True) as server:
        show(backend, server, WORKERS, tmp_path)


def test_django(backend, tmp_path):
    """Django as it is: each worker makes a factory when it is first asked."""
    port = free_port()
    with serve(backend, uwsgi(port, "django_site.wsgi", "--enable-threads"), port, tmp_path) as server:
        show(backend, server, WORKERS, tmp_path)


@pytest.mark.parametrize("module", ["django_site.wsgi_preloaded", "uwsgi_django_resume"], ids=["no-hook", "resume"])
def test_django_inherited(backend, tmp_path, module):
    """Django with a factory of the master."""
    port = free_port()
    with serve(backend, uwsgi(port, module, "--enable-threads"), port, tmp_path) as server:
        show(backend, server, WORKERS, tmp_path, parents=1)


def test_django_preforked_initialization(backend, tmp_path):
    """The modules of Split's guide for Django."""
    port = free_port()
    with serve(backend, uwsgi(port, "uwsgi_django_guide", "--enable-threads"), port, tmp_path) as server:
        show(backend, server, WORKERS, tmp_path)


def test_B04_default_options(backend, tmp_path):
    """B04: without hooks and without threads of Python, a worker is whole at its first use."""
    port = free_port()
    with serve(backend, uwsgi(port, "wsgi_app"), port, tmp_path) as server:
        show(backend, server, WORKERS, tmp_path, parents=1)
