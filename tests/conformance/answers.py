"""Answers the questions of conform.py, in Python. Labels and change numbers are what a listener hears."""

import json
import logging
import sys
import threading

import splitio
from conform import decoded, encoded
from splitio.client.key import Key


class Listener:
    def __init__(self):
        self.heard = []

    def log_impression(self, data):
        self.heard.append(data["impression"])


class Session:
    """One factory, and the answers that still lack what its listener hears."""

    def __init__(self, url, fallback):
        self.listener = Listener()
        self.answers = []
        config = {"streamingEnabled": False, "impressionListener": self.listener}
        if fallback is not None:
            config["fallbackTreatments"] = json.loads(fallback)
        urls = {f"{service}_api_base_url": f"{url}/api" for service in ("sdk", "events", "auth", "telemetry")}
        self.factory = splitio.get_factory("a-key-of-python", config=config, **urls)
        self.factory.block_until_ready(20)
        self.client = self.factory.client()

    def ask(self, number, flag, key, bucketing_key, attributes):
        who = key if bucketing_key is None else Key(key, bucketing_key)
        attributes = None if attributes is None else json.loads(attributes)
        self.answers.append((number, flag, key, *self.client.get_treatment_with_config(who, flag, attributes)))

    def end(self):
        gone = threading.Event()
        self.factory.destroy(gone)
        gone.wait(20)
        # In the order of the calls; some calls leave no impression.
        heard = iter(self.listener.heard)
        impression = next(heard, None)
        for number, flag, key, treatment, config in self.answers:
            label = change_number = None
            if impression is not None and (impression.feature_name, impression.matching_key) == (flag, key):
                label, change_number = impression.label, impression.change_number
                change_number = -1 if change_number is None else change_number
                impression = next(heard, None)
            print(number, *map(encoded, (treatment, config, label, change_number)), sep="\t")
        if impression is not None:
            sys.exit(f"an impression of nothing that was asked: {impression}")


# Flags that do not exist are asked for on purpose.
logging.disable()
session = None
with open(sys.argv[1]) as file:
    for line in file:
        what, *fields = line.rstrip("\n").split("\t")
        if what == "factory":
            if session is not None:
                session.end()
            session = Session(fields[0], decoded(fields[1]))
        else:
            session.ask(fields[0], *map(decoded, fields[1:]))
session.end()
