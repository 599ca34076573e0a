"""An emulator that tests change and count at, and the flags that they put into it."""

import collections
import os
import subprocess
import threading

from support.backend import Backend
from support.flags import everyone, flag

ADDRESSES = ("sdk", "events", "auth", "telemetry", "streaming")


class Emulator(Backend):
    """The program of SPLITIO_EMULATOR on a free port, with options of its command line; for a `with`."""

    def __init__(self, *arguments):
        self._command = [os.environ["SPLITIO_EMULATOR"], "--port", "0", *arguments]

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        super().__init__(self._process.stdout.readline().split()[-1])
        return self

    def __exit__(self, *_raised):
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()

    def begin(self, **options):
        """Back to the start, with settings."""
        self.reset()
        if options:
            self.post("options", **options)

    def put(self, *flags):
        for each in flags:
            self.post("flags", flag=each)

    def streams(self):
        return self.call("GET", "streams")

    def requests(self, endpoint):
        """Those that it acted on, and said so."""
        return [one for one in super().requests(endpoint) if one["processed"] and one["status"] == 200]

    def impression_keys(self):
        """How often an impression of each key arrived."""
        return collections.Counter(impression["k"] for _, impression in self.impressions())

    def event_keys(self):
        return collections.Counter(event["key"] for event in self.events())


def served(name, *conditions, **members):
    """A flag; without conditions everybody gets "on"."""
    return flag(name, *(conditions or [everyone("on")]), **members)


def destroy(factory):
    """Everything that was recorded is sent when this is back."""
    if not factory.destroyed:
        done = threading.Event()
        factory.destroy(done)
        assert done.wait(15)
