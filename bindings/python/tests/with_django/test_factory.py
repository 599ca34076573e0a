"""django_splitio.get_factory: one factory for a process, made when it is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_splitio import get_factory


def settings(backend, **options):
    return override_settings(SPLITIO={"apiKey": "a-key", "streamingEnabled": False, **backend.arguments, **options})


def test_it_is_made_of_the_settings(backend):
    with settings(backend, labelsEnabled=False, impressionsMode="DEBUG", impressionsRefreshRate=1):
        backend.call("DELETE", "requests")
        factory = get_factory()
        factory.block_until_ready(10)
        assert factory.client().get_treatment("ann", "checkout") == "on"
        done = threading.Event()
        factory.destroy(done)
        assert done.wait(10)
        ((_flag, impression),) = backend.impressions()
        assert (impression["k"], impression["t"], impression["r"]) == ("ann", "on", None)


def test_it_is_one_for_all_threads(backend):
    with settings(backend), ThreadPoolExecutor(8) as pool:
        together = threading.Barrier(8)

        def ask(_):
            together.wait()
            return get_factory()

        assert len({id(factory) for factory in pool.map(ask, range(8))}) == 1


def test_it_is_replaced_when_destroyed(backend):
    with settings(backend):
        first = get_factory()
        first.destroy()
        assert get_factory() is not first
        get_factory().block_until_ready(10)


def test_it_follows_overridden_settings(backend):
    with settings(backend):
        first = get_factory()
        with settings(backend, featuresRefreshRate=5):
            assert get_factory() is not first
            assert first.destroyed


@pytest.mark.parametrize("given", [None, [], "a-key"])
def test_settings_that_are_no_dictionary(given):
    with override_settings(SPLITIO=given), pytest.raises(ImproperlyConfigured, match="dictionary"):
        get_factory()


@pytest.mark.parametrize("given", [{}, {"apiKey": None}, {"apiKey": ""}, {"apiKey": 7}])
def test_settings_without_a_key(given):
    with override_settings(SPLITIO=given), pytest.raises(ImproperlyConfigured, match="apiKey"):
        get_factory()


def test_importing_makes_no_factory():
    """Neither the import nor the start of Django does, as a server may fork after them."""
    program = (
        "import django, threading\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['django_splitio'], SPLITIO={'apiKey': 'a-key'})\n"
        "django.setup()\n"
        "import django_splitio, os\n"
        "print(len(os.listdir('/proc/self/task')), django_splitio._factory._shared)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=os.environ, check=True, timeout=30
    )
    assert found.stdout.split() == [b"1", b"None"]
