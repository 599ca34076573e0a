"""Split's feature flags in Django: `django_splitio` in INSTALLED_APPS, the dictionary SPLITIO in the settings, and
`get_factory()` where flags are asked for."""

from ._factory import get_factory

__all__ = ["get_factory"]
