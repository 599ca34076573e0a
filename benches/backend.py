"""The back end that all contestants talk to: the emulator of this project, with an environment of environment.py."""

import contextlib
import http.client
import json
import subprocess
from urllib.parse import urlsplit


class Backend:
    def __init__(self, program, environment, streaming=False):
        options = ["--port", "0", "--file", environment / "flags.json", "--segments", environment / "segments"]
        options += ["--no-record"] + (["--streaming", "--payload", "zlib"] if streaming else [])
        self.process = subprocess.Popen([program, *options], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        # Kept open, so that a change costs no connection.
        self.connection = http.client.HTTPConnection(urlsplit(self.url).netloc)

    def control(self, method, path, body=None):
        self.connection.request(method, f"/control/{path}", json.dumps(body) if body else None)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {text.decode()}")
        return json.loads(text)

    def fetches(self):
        """How often definitions were asked for."""
        counters = self.control("GET", "counters")
        return counters.get("splitChanges", {}).get("requests", 0)

    def end(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait()


@contextlib.contextmanager
def backend(program, environment, streaming=False):
    running = Backend(program, environment, streaming)
    try:
        yield running
    finally:
        running.end()
