"""uWSGI, which imports the application in its master and forks the workers in C."""

from __future__ import annotations

import json
import socket

import pytest
from servers.harness import free_port, program, serve, show
from support.waiting import eventually

WORKERS = 2


def uwsgi(port, folder, module, *arguments):
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
        f"--stats={folder}/stats",
    ]


def idle(folder):
    """Until no worker is in the middle of a request, though its answer has arrived: one that is, uWSGI ends without the
    exit handlers of Python."""

    def busy():
        with socket.socket(socket.AF_UNIX) as stats:
            stats.connect(f"{folder}/stats")
            told = json.loads(stats.makefile().read())
        return [worker["id"] for worker in told["workers"] if worker["status"] != "idle"]

    eventually(lambda: not busy(), "idle workers")


def shown(backend, folder, module, *arguments, parents=0, **options):
    port = free_port()
    with serve(backend, uwsgi(port, folder, module, *arguments), port, folder, **options) as server:
        show(backend, server, WORKERS, folder, parents=parents, before_stop=lambda: idle(folder))


@pytest.mark.parametrize("module", ["wsgi_app", "uwsgi_resume"], ids=["no-hook", "resume"])
def test_inherited(backend, tmp_path, module):
    """A factory of the master, which goes on in it."""
    shown(backend, tmp_path, module, "--enable-threads", parents=1)


@pytest.mark.parametrize("module", ["wsgi_app", "uwsgi_guide"], ids=["no-hook", "guide"])
def test_preforked_initialization(backend, tmp_path, module):
    """A factory that only fetches the definitions in the master; without a hook, and as in Split's guide."""
    shown(backend, tmp_path, module, "--enable-threads", preforkedInitialization=True)


def test_django(backend, tmp_path):
    """Django as it is: each worker makes a factory when it is first asked."""
    shown(backend, tmp_path, "django_site.wsgi", "--enable-threads")


@pytest.mark.parametrize("module", ["django_site.wsgi_preloaded", "uwsgi_django_resume"], ids=["no-hook", "resume"])
def test_django_inherited(backend, tmp_path, module):
    """Django with a factory of the master."""
    shown(backend, tmp_path, module, "--enable-threads", parents=1)


def test_django_preforked_initialization(backend, tmp_path):
    """The modules of Split's guide for Django."""
    shown(backend, tmp_path, "uwsgi_django_guide", "--enable-threads")


def test_B04_default_options(backend, tmp_path):
    """B04: with no option that makes uWSGI tell Python of the fork, a worker is whole at its first use."""
    shown(backend, tmp_path, "wsgi_app", parents=1)
