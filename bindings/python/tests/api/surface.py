"""What can be imported, and what can be called with which arguments."""

import importlib
import inspect

PUBLIC = {
    "splitio": ["Key", "__version__", "get_factory", "get_factory_async"],
    "splitio.api": ["APIException"],
    "splitio.client.client": ["Client", "ClientAsync", "EvaluationOptions", "CONTROL"],
    "splitio.client.factory": [
        "SplitFactory",
        "SplitFactoryAsync",
        "Status",
        "TimeoutException",
        "get_factory",
        "get_factory_async",
    ],
    "splitio.client.key": ["Key"],
    "splitio.client.listener": ["ImpressionListener", "ImpressionListenerException"],
    "splitio.client.manager": ["SplitManager", "SplitManagerAsync"],
    "splitio.events.events_metadata": ["EventsMetadata", "SdkEventType"],
    "splitio.exceptions": ["SentinelConfigurationException", "TimeoutException"],
    "splitio.factories": ["get_factory"],
    "splitio.impressions": ["ImpressionListener"],
    "splitio.key": ["Key"],
    "splitio.models.events": ["SdkEvent"],
    "splitio.models.fallback_config": ["FallbackTreatmentsConfiguration"],
    "splitio.models.fallback_treatment": ["FallbackTreatment"],
    "splitio.models.impressions": ["Impression"],
    "splitio.models.splits": ["Prerequisites", "SplitView"],
    "splitio.storage.adapters.redis": ["RedisAdapterException", "SentinelConfigurationException"],
    "splitio.version": ["__version__"],
}
METHODS = {
    "splitio.client.client": ["Client", "ClientAsync"],
    "splitio.client.manager": ["SplitManager", "SplitManagerAsync"],
    "splitio.client.factory": ["SplitFactory", "SplitFactoryAsync"],
    "splitio.client.listener": ["ImpressionListener"],
    "splitio.client.key": ["Key"],
    "splitio.models.fallback_config": ["FallbackTreatmentsConfiguration"],
    "splitio.models.fallback_treatment": ["FallbackTreatment"],
    "splitio.events.events_metadata": ["EventsMetadata"],
}
# Made by factories, not by programs.
MADE_INSIDE = ("Client", "ClientAsync", "SplitManager", "SplitManagerAsync", "SplitFactory", "SplitFactoryAsync")


def run(world, results):
    for module, names in PUBLIC.items():
        for name in names:
            found = results.of(
                f"import/{module}/{name}", lambda m=module, n=name: hasattr(importlib.import_module(m), n)
            )
            assert found in (True, False) or "raised" in found
    for module, classes in METHODS.items():
        for name in classes:
            methods(results, getattr(importlib.import_module(module), name))
    for module, name in (("splitio.models.impressions", "Impression"), ("splitio.models.splits", "SplitView")):
        results.add(f"fields/{name}", list(getattr(importlib.import_module(module), name)._fields))
    for name in ("get_factory", "get_factory_async"):
        results.add(f"signature/{name}", signature(getattr(importlib.import_module("splitio"), name)))
    key = importlib.import_module("splitio").Key("m", "b")
    results.add("key", [key.matching_key, key.bucketing_key])
    options = importlib.import_module("splitio.client.client").EvaluationOptions
    results.add("options", [list(options._fields), options({"a": 1}).properties])
    results.of("options/without properties", options)
    fallback = importlib.import_module("splitio.models.fallback_treatment").FallbackTreatment("on", "c")
    results.add("fallback", [fallback.treatment, fallback.config, fallback.label])
    configuration = importlib.import_module("splitio.models.fallback_config").FallbackTreatmentsConfiguration
    made = configuration("g", {"f": "t"})
    results.add("fallbacks", [made.global_fallback_treatment.treatment, made.by_flag_fallback_treatment["f"].treatment])
    listener = importlib.import_module("splitio.impressions").ImpressionListener
    results.of("listener/abstract", listener)


def signature(function):
    return [
        [parameter.name, parameter.kind.name, repr(parameter.default)]
        for parameter in inspect.signature(function).parameters.values()
    ]


def methods(results, cls):
    for name, member in inspect.getmembers(cls):
        if name.startswith("_") and not (name == "__init__" and cls.__name__ not in MADE_INSIDE):
            continue
        # Ours may have more than Split's.
        if name in ("explain", "flush", "status"):
            continue
        if callable(member):
            results.add(f"signature/{cls.__name__}.{name}", signature(member))
            results.add(f"coroutine/{cls.__name__}.{name}", inspect.iscoroutinefunction(member))
        else:
            results.add(f"property/{cls.__name__}.{name}", isinstance(member, property))
