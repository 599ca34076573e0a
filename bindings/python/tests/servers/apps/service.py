"""What all applications have in common: the options for the factory, a listener, and the answers. Makes no factory."""

import json
import os
import time
from urllib.parse import parse_qs

from splitio.impressions import ImpressionListener


def told(key):
    """Notes which process was given which impression."""
    with open(os.path.join(os.environ["SPLIT_LISTENER"], f"impressions.{os.getpid()}"), "a") as file:
        file.write(key + "\n")


class ToFile(ImpressionListener):
    def log_impression(self, data):
        told(data["impression"].matching_key)


CONFIG = {**json.loads(os.environ["SPLIT_CONFIG"]), "impressionListener": ToFile()}
URLS = json.loads(os.environ["SPLIT_URLS"])


def answer(factory, path, key):
    """What the server says."""
    if path == "/pid":
        return {"pid": os.getpid()}
    # Long enough that the next request goes to another worker.
    time.sleep(0.02)
    factory = factory()
    factory.block_until_ready(10)
    client = factory.client()
    if path == "/track":
        client.track(key, "user", "asked")
    return {"pid": os.getpid(), "treatment": client.get_treatment(key, "checkout")}


def wsgi(factory):
    """An application that asks the factory which `factory` gives."""

    def application(environ, start_response):
        key = parse_qs(environ["QUERY_STRING"]).get("key", [""])[0]
        body = json.dumps(answer(factory, environ["PATH_INFO"], key)).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return application
