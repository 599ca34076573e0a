"""A running emulator of Split's back end."""

import contextlib
import json
import os
import subprocess
import urllib.request

KEY = "a-key-of-python"
# What a test waits for comes at once.
QUICK = {
    "featuresRefreshRate": 1,
    "segmentsRefreshRate": 1,
    "impressionsMode": "DEBUG",
    "impressionsRefreshRate": 1,
    "eventsPushRate": 1,
    "streamingEnabled": False,
}


class Backend:
    def __init__(self, url):
        self.url = url
        self.arguments = {f"{service}_api_base_url": f"{url}/api" for service in ("sdk", "events", "auth", "telemetry")}
        self.arguments["streaming_api_base_url"] = url

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/control/{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def post(self, path, **body):
        return self.call("POST", path, body)

    def reset(self):
        self.post("reset")

    def requests(self, endpoint):
        """Those that were answered."""
        return [one for one in self.call("GET", f"requests?endpoint={endpoint}") if one["status"]]

    def impressions(self):
        """All that were posted, as (flag, impression)."""
        return [
            (test["f"], impression)
            for post in self.requests("testImpressions/bulk")
            for test in post["body"]
            for impression in test["i"]
        ]

    def events(self):
        return [event for post in self.requests("events/bulk") for event in post["body"]]


@contextlib.contextmanager
def running(directory, flags):
    """An emulator with these definitions, until the end of the block."""
    file = directory / "flags.json"
    file.write_text(flags)
    process = subprocess.Popen(
        [os.environ["SPLITIO_EMULATOR"], "--port", "0", "--file", str(file)], stdout=subprocess.PIPE, text=True
    )
    try:
        yield Backend(process.stdout.readline().split()[-1])
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
