"""A program that drives the SDK of the interpreter that runs it, Split's own or ours: the two have one API.

Reads commands as lines of JSON, and answers each with one. What the SDK logs and what a listener is told it keeps, and
gives away when asked.
"""

import json
import logging
import os
import sys
import threading
import time

import splitio
from splitio.client.client import EvaluationOptions
from splitio.client.key import Key
from splitio.impressions import ImpressionListener


class Lines(logging.Handler):
    """What was logged."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def emit(self, record):
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self.kept.append([record.levelname, text])


class Listener(ImpressionListener):
    def __init__(self):
        self.heard = []

    def log_impression(self, data):
        impression = data["impression"]
        self.heard.append([impression.feature_name, impression.matching_key, impression.treatment, impression.label])


class Driver:
    def __init__(self):
        self.lines = Lines()
        logging.getLogger("splitio").addHandler(self.lines)
        logging.getLogger("splitio").setLevel(logging.DEBUG)
        self.listener = None
        self.factory = None

    def new(self, config, listen=False):
        if listen:
            self.listener = Listener()
            config = {**config, "impressionListener": self.listener}
        if "redisSentinels" in config:
            config["redisSentinels"] = [tuple(pair) for pair in config["redisSentinels"]]
        self.factory = splitio.get_factory("an-sdk-key", config=config)
        self.client, self.manager = self.factory.client(), self.factory.manager()
        return self.factory.ready

    def call(self, method, key=None, bucketing_key=None, attributes=None, properties=None, **rest):
        if bucketing_key is not None:
            key = Key(key, bucketing_key)
        if method == "track":
            return self.client.track(key, rest["traffic_type"], rest["event_type"], rest["value"], properties)
        if method in ("split_names", "splits"):
            answer = getattr(self.manager, method)()
            return sorted(answer) if method == "split_names" else sorted(map(view, answer), key=lambda v: v["name"])
        if method == "split":
            one = self.manager.split(rest["name"])
            return one and view(one)
        (what,) = rest.values()
        given = {} if properties is None else {"evaluation_options": EvaluationOptions(properties)}
        return getattr(self.client, method)(key, what, attributes, **given)

    def calls(self, calls):
        return [self.call(**call) for call in calls]

    def repeat(self, call, times):
        """How many times each answer was given."""
        seen = {}
        for _ in range(times):
            answer = json.dumps(self.call(**call))
            seen[answer] = seen.get(answer, 0) + 1
        return seen

    def destroy(self):
        done = threading.Event()
        self.factory.destroy(done)
        return done.wait(20)

    def log(self):
        kept, self.lines.kept = self.lines.kept, []
        return kept

    def heard(self):
        return self.listener.heard


def view(split):
    prerequisites = [
        {"n": one.feature_flag_name, "ts": list(one.treatments)} if hasattr(one, "feature_flag_name") else one
        for one in split.prerequisites or []
    ]
    return {
        "name": split.name,
        "traffic_type": split.traffic_type,
        "killed": split.killed,
        "treatments": sorted(split.treatments),
        "change_number": split.change_number,
        "configs": split.configs or {},
        "default_treatment": split.default_treatment,
        "sets": sorted(split.sets or []),
        "impressions_disabled": split.impressions_disabled,
        "prerequisites": prerequisites,
    }


def main():
    # Whatever else is printed must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    driver = Driver()
    for line in sys.stdin:
        command = json.loads(line)
        began = time.monotonic()
        try:
            answer = {"answer": getattr(driver, command.pop("do"))(**command)}
        except Exception as raised:
            answer = {"raised": type(raised).__name__, "text": str(raised)}
        answer["seconds"] = time.monotonic() - began
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    # The official SDK has threads that nothing ends.
    os._exit(0)


main()
