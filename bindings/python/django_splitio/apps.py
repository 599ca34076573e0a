"""What Django finds through INSTALLED_APPS."""

from django.apps import AppConfig
from django.core import checks

from ._checks import check_settings


class SplitioConfig(AppConfig):
    """Registers the system check. The factory waits for who needs it."""

    name = "django_splitio"
    verbose_name = "Split feature flags"

    def ready(self) -> None:
        checks.register(check_settings, "splitio")
