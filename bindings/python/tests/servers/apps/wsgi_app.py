"""A WSGI application whose factory is made where the module is imported: in the master, with `gunicorn --preload` and in
uWSGI. The workers use what they inherit; who hooks into the fork is the server's configuration."""

import json
import os
import time
from urllib.parse import parse_qs

from splitio import get_factory
from splitio.impressions import ImpressionListener


class ToFile(ImpressionListener):
    """Tells which process was given which impression."""

    def log_impression(self, data):
        with open(os.path.join(os.environ["SPLIT_LISTENER"], f"impressions.{os.getpid()}"), "a") as file:
            file.write(data["impression"].matching_key + "\n")


CONFIG = {**json.loads(os.environ["SPLIT_CONFIG"]), "impressionListener": ToFile()}
URLS = json.loads(os.environ["SPLIT_URLS"])

SPLIT = get_factory("preforked-key", config=CONFIG, **URLS)
if not CONFIG.get("preforkedInitialization"):
    SPLIT.block_until_ready(10)


def answer(path, key):
    """What the server says, as JSON."""
    if path == "/pid":
        return {"pid": os.getpid()}
    # Long enough that the next request goes to another worker.
    time.sleep(0.02)
    client = SPLIT.client()
    if path == "/work":
        client.track(key, "user", "asked")
    return {"pid": os.getpid(), "treatment": client.get_treatment(key, "checkout")}


def application(environ, start_response):
    key = parse_qs(environ["QUERY_STRING"]).get("key", [""])[0]
    body = json.dumps(answer(environ["PATH_INFO"], key)).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
