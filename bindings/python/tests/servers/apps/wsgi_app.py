"""A factory made where the module is imported: in the master, with `gunicorn --preload` and in uWSGI. The workers use
what they inherit; who hooks into the fork is the server's configuration."""

from service import CONFIG, URLS, wsgi

from splitio import get_factory

SPLIT = get_factory("a-key", config=CONFIG, **URLS)
SPLIT.block_until_ready(10)

application = wsgi(lambda: SPLIT)
