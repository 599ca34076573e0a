"""A program's own test against the emulator of Split's back end: a flag is killed while it runs, and events arrive.

SPLITIO_EMULATOR=path/to/splitio-emulator python3 test_with_emulator.py FLAGS.json SEGMENTS
"""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request

from splitio import get_factory


class Emulator:
    """One of its own for each test, on a free port."""

    def __init__(self, *arguments):
        program = os.environ.get("SPLITIO_EMULATOR", "splitio-emulator")
        self.process = subprocess.Popen([program, "--port", "0", *arguments], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]  # "listening on http://127.0.0.1:41234"

    def control(self, what, body=None):
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(f"{self.url}/control/{what}", data) as answer:
            return json.load(answer)

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def configuration(url):
    services = ["sdk_api_base_url", "events_api_base_url", "auth_api_base_url", "telemetry_api_base_url"]
    return {**dict.fromkeys(services, f"{url}/api"), "streaming_api_base_url": url, "eventsPushRate": 1}


def eventually(holds):
    for _ in range(100):
        if holds():
            return True
        time.sleep(0.05)
    return False


emulator = Emulator("--file", sys.argv[1], "--segments", sys.argv[2], "--streaming", "--payload", "gzip")
factory = get_factory("any-key", config=configuration(emulator.url))
try:
    factory.block_until_ready(5)
    client = factory.client()
    assert client.get_treatment("ann", "checkout_one_page") == "on"
    # The stream is there when the emulator says so.
    assert eventually(lambda: emulator.control("streams"))
    emulator.control("flags/kill", {"name": "checkout_one_page", "treatment": "off"})
    assert eventually(lambda: client.get_treatment("ann", "checkout_one_page") == "off")

    # The back end refuses a post once, and gets the event all the same.
    emulator.control("faults", {"endpoint": "events/bulk", "status": 503, "times": 1})
    client.track("ann", "user", "order.paid", 129.9)
    posts = emulator.control("requests?endpoint=events/bulk&min=2&wait_ms=5000")
    assert [post["status"] for post in posts] == [503, 200], posts
    assert posts[1]["body"][0]["eventTypeId"] == "order.paid"
    print("as expected")
finally:
    sent = threading.Event()
    factory.destroy(sent)
    sent.wait()
    emulator.end()
