"""Split's guide, "Adding postfork handler", Django: master module."""

import logging
import os

os.environ["DJANGO_SETTINGS_MODULE"] = "django_site.settings_preforked"

import uwsgi
from django_site.wsgi import application
from django_splitio_testapp.split_wrapper import setup
from uwsgidecorators import postfork  ## Step 1

__all__ = ["application"]

logging.basicConfig(level=logging.DEBUG)
setup()


@postfork  ## Step 3
def post_fork():
    from django_splitio_testapp.split_wrapper import SPLIT

    SPLIT.resume()  ## Step 4
    SPLIT.block_until_ready(5)
    print("resumed", uwsgi.worker_id())
