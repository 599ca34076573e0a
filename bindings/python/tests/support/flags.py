"""Definitions, as Split's back end sends them."""

import json

NUMBER = 1_700_000_000_000


def matcher(kind, attribute=None, negate=False, **data):
    """One matcher; `data` are its further members."""
    return {
        "keySelector": {"trafficType": "user", "attribute": attribute},
        "matcherType": kind,
        "negate": negate,
        **data,
    }


def condition(treatments, *matchers, kind="ROLLOUT", label="a rule"):
    """`treatments`: one, or the sizes of several."""
    sizes = treatments if isinstance(treatments, dict) else {treatments: 100}
    return {
        "conditionType": kind,
        "matcherGroup": {"combiner": "AND", "matchers": list(matchers)},
        "partitions": [{"treatment": treatment, "size": size} for treatment, size in sizes.items()],
        "label": label,
    }


def everyone(treatments):
    return condition(treatments, matcher("ALL_KEYS"), label="default rule")


def keys(treatment, *names):
    whitelist = matcher("WHITELIST", whitelistMatcherData={"whitelist": list(names)})
    return condition(treatment, whitelist, kind="WHITELIST", label="whitelisted")


def flag(name, *conditions, **members):
    """A flag that is `off` for whom no condition holds."""
    return {
        "name": name,
        "trafficTypeName": "user",
        "trafficAllocation": 100,
        "trafficAllocationSeed": 7,
        "seed": 11,
        "status": "ACTIVE",
        "killed": False,
        "defaultTreatment": "off",
        "changeNumber": NUMBER,
        "algo": 2,
        "conditions": list(conditions),
        "configurations": {},
        "sets": [],
        "impressionsDisabled": False,
        "prerequisites": [],
        **members,
    }


def document(*flags):
    """A localhost file in JSON, which is also what the emulator reads."""
    return json.dumps({"ff": {"s": -1, "t": NUMBER, "d": list(flags)}, "rbs": {"s": -1, "t": -1, "d": []}})


def shop():
    """A few flags, one of each sort that tests ask for."""
    return document(
        flag("checkout", keys("on", "ann", "bob"), configurations={"on": '{"color":"red"}'}, sets=["web", "shop"]),
        flag("banner", everyone("red"), configurations={"red": ""}, sets=["web"]),
        flag("rollout", everyone({"on": 50, "off": 50})),
        flag(
            "adults",
            condition(
                "yes",
                matcher("GREATER_THAN_OR_EQUAL_TO", "age", unaryNumericMatcherData={"dataType": "NUMBER", "value": 18}),
            ),
        ),
        flag("dead", everyone("on"), killed=True, defaultTreatment="stopped"),
        flag("gated", everyone("on"), prerequisites=[{"n": "banner", "ts": ["blue"]}]),
        flag("silent", everyone("on"), impressionsDisabled=True),
    )
