"""Django as a project configures it, without a database."""

import django
import pytest
from django.conf import settings
from support.emulated import Emulator, served


def pytest_configure():
    settings.configure(INSTALLED_APPS=["django_splitio"], SPLITIO={"apiKey": "a-key"}, ALLOWED_HOSTS=["*"])
    django.setup()


@pytest.fixture(scope="session")
def backend():
    with Emulator() as emulator:
        emulator.put(served("checkout", configurations={"on": "{}"}))
        yield emulator
