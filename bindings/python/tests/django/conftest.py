"""Django as a project configures it, without a database."""

import django
import pytest
from django.conf import settings
from emulated import Emulator, flag


def pytest_configure():
    settings.configure(INSTALLED_APPS=["django_splitio"], SPLITIO={"apiKey": "a-key"}, ALLOWED_HOSTS=["*"])
    django.setup()


@pytest.fixture(scope="session")
def backend():
    with Emulator() as emulator:
        emulator.put(flag("checkout", configurations={"on": "{}"}))
        yield emulator
