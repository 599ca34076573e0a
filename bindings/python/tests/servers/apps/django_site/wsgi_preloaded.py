"""The factory is made, and ready, before the server forks."""

from django_site.wsgi import application
from django_splitio import get_factory

__all__ = ["application"]

get_factory().block_until_ready(10)
