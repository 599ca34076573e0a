"""wsgi_app for uWSGI, with a hook that resumes the factory in each worker."""

from uwsgidecorators import postfork
from wsgi_app import SPLIT, application

__all__ = ["application"]


@postfork
def resume():
    SPLIT.resume()
    SPLIT.block_until_ready(5)
