"""Split's guide, "Adding postfork handler", Standard Python."""

import logging

import uwsgi
from service import CONFIG, URLS, wsgi
from uwsgidecorators import postfork  ## Step 1

from splitio import get_factory

logging.basicConfig(level=logging.DEBUG)

SPLIT = get_factory(
    "YOUR_SDK_KEY",
    config={
        "preforkedInitialization": True,  ## Step 2
        **CONFIG,
    },
    **URLS,
)


@postfork  ## Step 3
def post_fork_execution():
    SPLIT.resume()  ## Step 4
    SPLIT.block_until_ready(5)
    print("resumed", uwsgi.worker_id())


application = wsgi(lambda: SPLIT)
