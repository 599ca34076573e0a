"""The back end, the definitions on it, and factories that use it."""

import json
import pathlib
import sys
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from support import flags
from support.backend import QUICK, Backend
from support.flags import condition, everyone, flag, keys, matcher

CONFIG = {**QUICK, "machineName": "desk", "machineIp": "192.0.2.7"}
METHODS = [
    "get_treatment",
    "get_treatment_with_config",
    "get_treatments",
    "get_treatments_with_config",
    "get_treatments_by_flag_set",
    "get_treatments_by_flag_sets",
    "get_treatments_with_config_by_flag_set",
    "get_treatments_with_config_by_flag_sets",
]


def definitions():
    return [
        flag(
            "checkout",
            keys("on", "ann", "bob", "5", "5.5"),
            everyone("off"),
            configurations={"on": '{"color":"red"}', "off": "none"},
            sets=["web", "shop"],
        ),
        flag("banner", everyone("red"), configurations={"red": ""}, sets=["web"]),
        flag("rollout", everyone({"on": 50, "off": 50}), sets=["rolled"]),
        flag(
            "adults",
            condition(
                "yes",
                matcher("GREATER_THAN_OR_EQUAL_TO", "age", unaryNumericMatcherData={"dataType": "NUMBER", "value": 18}),
            ),
        ),
        flag("dead", everyone("on"), killed=True, defaultTreatment="stopped", configurations={"stopped": "why"}),
        flag("gated", everyone("on"), prerequisites=[{"n": "banner", "ts": ["blue"]}]),
        flag("silent", everyone("on"), impressionsDisabled=True),
        flag("nobody", condition("control", matcher("ALL_KEYS"))),
        flag("other", everyone("on"), trafficTypeName="account", trafficAllocation=0),
        flag(" spaced ", everyone("on")),
    ]


class World:
    def __init__(self, url, directory):
        self.backend = Backend(url)
        self.directory = directory

    def begin(self, extra=()):
        """The back end as it was, with more flags."""
        self.backend.reset()
        for one in extra:
            self.backend.post("flags", flag=one)

    def factory(self, key="a-key-of-python", **config):
        from splitio import get_factory

        return get_factory(key, config={**CONFIG, **config}, **self.backend.arguments)

    def ready(self, **config):
        factory = self.factory(**config)
        factory.block_until_ready(10)
        return factory

    async def ready_async(self, **config):
        from splitio import get_factory_async

        factory = await get_factory_async("a-key-of-python", config={**CONFIG, **config}, **self.backend.arguments)
        await factory.block_until_ready(10)
        return factory

    @staticmethod
    def destroy(factory):
        gone = threading.Event()
        factory.destroy(gone)
        assert gone.wait(20), "destroy does not end"


def eventually(question, seconds=10):
    """True as soon as it holds; False when it never does."""
    deadline = time.monotonic() + seconds
    while not question():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def arguments_of(method):
    """Valid arguments of an evaluation but the key."""
    return {
        "get_treatment": ("checkout",),
        "get_treatment_with_config": ("checkout",),
        "get_treatments": (["checkout", "banner"],),
        "get_treatments_with_config": (["checkout", "banner"],),
        "get_treatments_by_flag_set": ("web",),
        "get_treatments_by_flag_sets": (["web", "rolled"],),
        "get_treatments_with_config_by_flag_set": ("web",),
        "get_treatments_with_config_by_flag_sets": (["shop"],),
    }[method]


__all__ = ["CONFIG", "METHODS", "World", "arguments_of", "definitions", "eventually", "flags", "json", "urllib"]
