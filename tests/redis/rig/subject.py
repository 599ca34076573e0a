"""An SDK in a process of its own, to which calls are given: see driver.py."""

import json
import os
import pathlib
import subprocess
import sys

from support import secrets

DRIVER = pathlib.Path(__file__).with_name("driver.py")


class Raised(Exception):
    """What a call raised in the other process."""

    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")
        self.name, self.text = name, text


class Subject:
    """One process with one factory; for a `with`."""

    def __init__(self, python):
        self._python = python
        # Of the last call.
        self.seconds = 0.0

    def __enter__(self):
        self._process = subprocess.Popen(
            [self._python, str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_raised):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _do(self, what, **arguments):
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the SDK's process ended during {what}: {self._process.wait(10)}")
        said = secrets.found_in(line)
        assert not (said and self._python == sys.executable), f"{said} in the answer to {what}"
        answer = json.loads(line)
        self.seconds = answer["seconds"]
        if "raised" in answer:
            raise Raised(answer["raised"], answer["text"])
        return answer["answer"]

    def new(self, listen=False, **config):
        return self._do("new", config=config, listen=listen)

    def call(self, method, **arguments):
        return self._do("call", method=method, **arguments)

    def calls(self, calls):
        return self._do("calls", calls=calls)

    def treatment(self, key, flag, **arguments):
        return self.call("get_treatment", key=key, flag=flag, **arguments)

    def repeat(self, times, **call):
        return self._do("repeat", call=call, times=times)

    def track(self, key, event="clicked", traffic_type="user", value=None, properties=None):
        return self.call(
            "track", key=key, traffic_type=traffic_type, event_type=event, value=value, properties=properties
        )

    def destroy(self):
        assert self._do("destroy"), "destroy was not done in time"

    def log(self):
        """What was logged since the last time: [level, text]."""
        return self._do("log")

    def heard(self):
        """What the listener was told: [flag, key, treatment, label]."""
        return self._do("heard")


def ours():
    return Subject(sys.executable)


def official():
    """Split's own SDK, which scripts/pytests puts into a virtual environment."""
    return Subject(os.environ["SPLITIO_OFFICIAL_PYTHON"])
