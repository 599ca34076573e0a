"""How factories are made, configured, waited for and ended."""

import logging
import threading

from values import ANY
from world import METHODS, arguments_of, eventually

from splitio import get_factory
from splitio.exceptions import TimeoutException
from splitio.models.fallback_config import FallbackTreatmentsConfiguration
from splitio.models.fallback_treatment import FallbackTreatment

CONFIGS = {
    "empty": {},
    "the guide's": {
        "metricsRefreshRate": 60,
        "impressionsRefreshRate": 60,
        "ready": 0,
        "connectionTimeout": 1500,
        "readTimeout": 1500,
        "labelsEnabled": True,
    },
    "all rates": {
        "featuresRefreshRate": 5,
        "segmentsRefreshRate": 5,
        "impressionsRefreshRate": 60,
        "metricsRefreshRate": 60,
        "eventsPushRate": 5,
    },
    "all sizes": {
        "eventsQueueSize": 10,
        "eventsBulkSize": 5,
        "impressionsQueueSize": 10,
        "impressionsBulkSize": 5,
    },
    "mode in lower case": {"impressionsMode": "none"},
    "no such mode": {"impressionsMode": "some"},
    "mode of another type": {"impressionsMode": 5},
    "no addresses": {"IPAddressesEnabled": False},
    "unknown options": {"anOption": 1, "another": object()},
    "no listener": {"impressionListener": None},
    "sets": {"flagSetsFilter": ["web", "WEB ", "not valid"]},
    "sets of another type": {"flagSetsFilter": "web"},
    "no sets": {"flagSetsFilter": []},
    "no proxy": {"proxyUrl": None},
    "a proxy that is none": {"proxyUrl": 5},
    "a storage type that is none": {"storageType": "memory"},
    "an operation mode": {"operationMode": "standalone"},
    "sampling": {"dataSampling": 0.5},
    "low rates": {"metricsRefreshRate": 1},
    "fallbacks that are none": {"fallbackTreatments": {"global": "off"}},
    "no fallbacks": {"fallbackTreatments": None},
}
FALLBACKS = {
    "global text": (("off-fallback", None), {}),
    "global": ((FallbackTreatment("off", '{"a":1}'), None), {}),
    "by flag": ((None, {"checkout": "one", "unknown": FallbackTreatment("two", "config")}), {}),
    "both": ((FallbackTreatment("g"), {"checkout": FallbackTreatment("f", "c")}), {}),
    "global that is not valid": (("not valid!", {"checkout": "f"}), {}),
    "long": (("x" * 101, {"checkout": "y" * 100}), {}),
    "flag that is not valid": (("g", {"not valid": "f", "5.x": "f", "v.x": "f"}), {}),
    "of another type": ((5, {"checkout": 5, "banner": "f"}), {}),
    "control": (("control", None), {}),
}


def run(world, results):
    world.begin()
    for name, key in ANY.items():
        # Making a factory with any of these asks no server for long: those that are made are destroyed.
        if not isinstance(key, str) or key.strip() == "":
            made = results.of(f"factory/key {name}", get_factory, key, config={}, **world.backend.arguments)
            if hasattr(made, "destroy"):
                made.destroy()
    for name, config in CONFIGS.items():
        configured(world, results, name, config)
    for name, (arguments, _) in FALLBACKS.items():
        fallbacks(world, results, name, FallbackTreatmentsConfiguration(*arguments))
    lives(world, results)
    exceptions(results)
    told(world, results)


def configured(world, results, name, config):
    try:
        factory = get_factory("a-key-of-python", config=dict(config), **world.backend.arguments)
        factory.block_until_ready(10)
    except Exception as error:
        results.add(f"config/{name}", {"raised": type(error).__name__})
        return
    results.add(f"config/{name}", factory)
    client = factory.client()
    results.of(f"config/{name}/treatments", client.get_treatments_with_config, "ann", ["checkout", "rollout"])
    results.of(f"config/{name}/set", client.get_treatments_by_flag_set, "ann", "web")
    results.of(f"config/{name}/other set", client.get_treatments_by_flag_set, "ann", "rolled")
    results.of(f"config/{name}/track", client.track, "ann", "user", "paid")
    results.add(f"config/{name}/names", sorted(factory.manager().split_names()))
    world.destroy(factory)


def fallbacks(world, results, name, fallback):
    factory = world.ready(fallbackTreatments=fallback)
    client = factory.client()
    for flag in ("checkout", "banner", "unknown", "nobody", "5.x", "v.x", None):
        results.of(f"fallback/{name}/{flag}", client.get_treatment_with_config, "ann", flag)
        results.of(f"fallback/{name}/{flag} without a key", client.get_treatment_with_config, None, flag)
    results.of(f"fallback/{name}/list", client.get_treatments, "ann", ["checkout", "unknown", "nobody"])
    results.of(f"fallback/{name}/set without a key", client.get_treatments_with_config_by_flag_set, None, "web")
    world.destroy(factory)
    for method in METHODS:
        results.of(f"fallback/{name}/destroyed/{method}", getattr(client, method), "ann", *arguments_of(method))


def lives(world, results):
    factory = world.factory()
    results.of("life/wait", factory.block_until_ready, 10)
    results.of("life/wait again", factory.block_until_ready)
    results.of("life/wait for no time", factory.block_until_ready, 0)
    results.add("life/ready", [factory.ready, factory.destroyed])
    results.add("life/types", [factory, factory.client(), factory.manager()])
    results.add("life/another client", factory.client() is factory.client())
    gone = threading.Event()
    results.of("life/destroy", factory.destroy, gone)
    results.add("life/gone", gone.wait(20))
    results.add("life/destroyed", [factory.ready, factory.destroyed])
    results.of("life/destroy again", factory.destroy)
    results.of("life/wait when destroyed", factory.block_until_ready, 1)
    results.of("life/resume when destroyed", factory.resume)
    results.add("life/still destroyed", [factory.ready, factory.destroyed])
    factory = world.ready()
    results.of("life/resume", factory.resume)
    results.of("life/client.destroy", factory.client().destroy)
    results.add("life/destroyed by its client", [factory.ready, factory.destroyed])
    # Two at once.
    first, second = world.ready(), world.ready()
    world.destroy(first)
    results.of("life/the other one", second.client().get_treatment, "ann", "checkout")
    world.destroy(second)
    world.backend.post("options", keys=["another"])
    factory = world.factory()
    results.of("life/a refused key", factory.block_until_ready, 0.5)
    results.of("life/control with a refused key", factory.client().get_treatment, "ann", "checkout")
    factory.destroy()
    world.begin()


def exceptions(results):
    results.add(
        "exceptions/time-out", [TimeoutException.__name__, [base.__name__ for base in TimeoutException.__mro__]]
    )


def told(world, results):
    """Handlers of events."""
    from splitio.models.events import SdkEvent

    world.begin()
    factory = world.ready()
    client = factory.client()
    ready, updates = [], []
    results.of("on/ready", client.on, SdkEvent.SDK_READY, ready.append)
    results.of("on/update", client.on, SdkEvent.SDK_UPDATE, updates.append)
    results.of("on/another event", client.on, "SDK_READY", ready.append)
    results.of("on/no handler", client.on, SdkEvent.SDK_READY, 5)
    results.add("on/ready is told", eventually(lambda: ready == [None]))
    world.backend.post("flags/kill", name="banner", treatment="killed")
    results.add("on/update is told", eventually(lambda: updates))
    if updates:
        results.add("on/metadata", [type(updates[0]).__name__, updates[0].get_type(), updates[0].get_names()])
    results.of("on/the change is there", client.get_treatment, "ann", "banner")
    world.destroy(factory)
    logging.getLogger("splitio").setLevel(logging.NOTSET)
