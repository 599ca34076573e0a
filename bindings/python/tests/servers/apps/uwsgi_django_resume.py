"""wsgi_preloaded for uWSGI, with a hook that resumes the factory in each worker."""

from django_site.wsgi_preloaded import application
from uwsgidecorators import postfork

from django_splitio import get_factory

__all__ = ["application"]


@postfork
def resume():
    get_factory().resume()
    get_factory().block_until_ready(5)
