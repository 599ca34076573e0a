"""Evaluations, the manager and events, on a file."""

import pytest
from support.names import shown

from splitio import EvaluationOptions, Explanation, Key
from splitio.models.fallback_config import FallbackTreatment, FallbackTreatmentsConfiguration
from splitio.models.splits import Prerequisites, SplitView

CHECKOUT = ("on", '{"color":"red"}')


def test_evaluations(localhost):
    client = localhost().client()
    assert client.get_treatment("ann", "checkout") == "on"
    assert client.get_treatment("zoe", "checkout") == "off"
    assert client.get_treatment("zoe", "adults", {"age": 30}) == "yes"
    assert client.get_treatment("zoe", "adults", {"age": 3}) == "off"
    assert client.get_treatment("ann", "nothing") == "control"
    assert client.get_treatment_with_config("ann", "checkout") == CHECKOUT
    assert client.get_treatment_with_config("zoe", "checkout") == ("off", None)
    assert client.get_treatment_with_config("zoe", "banner") == ("red", "")
    assert client.get_treatments("ann", ["checkout", "banner", "nothing"]) == {
        "checkout": "on",
        "banner": "red",
        "nothing": "control",
    }
    assert client.get_treatments_with_config("ann", [" checkout ", "dead"]) == {
        "checkout": CHECKOUT,
        "dead": ("stopped", None),
    }
    web = {"banner": "red", "checkout": "on"}
    web_with_config = {"banner": ("red", ""), "checkout": CHECKOUT}
    assert client.get_treatments_by_flag_set("ann", "web") == web
    assert client.get_treatments_by_flag_sets("ann", ["shop", "web"]) == web
    assert client.get_treatments_with_config_by_flag_set("ann", "web") == web_with_config
    assert client.get_treatments_with_config_by_flag_sets("ann", ["web"]) == web_with_config
    assert client.get_treatments_by_flag_set("ann", "unknown") == {}


def test_explanations(localhost):
    client = localhost().client()
    account = client.explain("zoe", "adults", {"age": 30})
    treatment, config = client.get_treatment_with_config("zoe", "adults", {"age": 30})
    assert (account["treatment"], account["config"], account["status"]) == (treatment, config, "evaluated")
    (matcher,) = account["evaluation"]["steps"][0]["steps"]
    assert (matcher["attribute"], matcher["value"], matcher["result"]) == ("age", 30, True)
    assert client.explain(Key("ann", "bucket"), "checkout")["bucketing_key"] == "bucket"
    assert client.explain("ann", "nothing")["status"] == "unknown_flag"
    for key, flag in ((None, "checkout"), ("a\0", "checkout"), ("ann", None), ("ann", "\ud800")):
        assert client.explain(key, flag)["status"] == "invalid", (key, flag)
    for asked in (("zoe", "adults"), ("ann", "nothing"), (None, "checkout")):
        assert list(client.explain(*asked)) == list(Explanation.__annotations__), asked


def test_a_treatment_is_one_object(localhost):
    client = localhost().client()
    assert client.get_treatment("ann", "checkout") is client.get_treatment("bob", "checkout")


def test_a_pair_of_keys_buckets_by_the_second(localhost):
    client = localhost().client()
    of = {name: client.get_treatment(name, "rollout") for name in map(str, range(20))}
    assert set(of.values()) == {"on", "off"}
    for name, treatment in of.items():
        assert client.get_treatment(Key("anybody", name), "rollout") == treatment, name


INVALID_KEYS = [
    None,
    "",
    "  ",
    "x" * 251,
    True,
    float("nan"),
    [],
    {},
    b"ann",
    "a\0nn",
    "\ud800",
    Key(None, "b"),
    Key("a", None),
]


@pytest.mark.parametrize("key", INVALID_KEYS, ids=shown)
def test_an_invalid_key_gets_the_fallback_everywhere(localhost, key):
    fallback = FallbackTreatmentsConfiguration("none", {"checkout": FallbackTreatment("no", "{}")})
    client = localhost(fallbackTreatments=fallback).client()
    both, both_with_config = {"checkout": "no", "banner": "none"}, {"checkout": ("no", "{}"), "banner": ("none", None)}
    assert client.get_treatment(key, "checkout") == "no"
    assert client.get_treatment(key, "banner") == "none"
    assert client.get_treatment_with_config(key, "checkout") == ("no", "{}")
    assert client.get_treatments(key, ["checkout", "banner"]) == both
    assert client.get_treatments_with_config(key, ["checkout", "banner"]) == both_with_config
    assert client.get_treatments_by_flag_set(key, "web") == both
    assert client.get_treatments_with_config_by_flag_sets(key, ["web"]) == both_with_config
    assert client.track(key, "user", "paid") is False


@pytest.mark.parametrize("flag", [None, "", " ", 5, [], {}, b"checkout", "check\0out", "\udfff"])
def test_an_invalid_flag_name_is_control(localhost, flag):
    client = localhost().client()
    assert client.get_treatment("ann", flag) == "control"
    assert client.get_treatment_with_config("ann", flag) == ("control", None)
    assert client.get_treatments("ann", [flag]) == {}
    assert client.get_treatments("ann", flag) == {}


@pytest.mark.parametrize("attributes", [5, "text", [("age", 30)], True, 0])
def test_invalid_attributes_are_control(localhost, attributes):
    client = localhost().client()
    assert client.get_treatment("ann", "banner", attributes) == "control"
    assert client.get_treatments("ann", ["banner"], attributes) == {"banner": "control"}


def test_evaluation_options_never_change_the_answer(localhost):
    client = localhost().client()
    for options in [EvaluationOptions({"a": 1}), EvaluationOptions(None), EvaluationOptions(5), {"a": 1}, 5]:
        assert client.get_treatment("ann", "checkout", None, options) == "on"


def test_attributes_of_one_call_are_not_those_of_the_next(localhost):
    client = localhost().client()
    assert client.get_treatment("zoe", "adults", {"age": 30}) == "yes"
    assert client.get_treatment("zoe", "adults", None, EvaluationOptions({"age": 30})) == "off"
    assert client.get_treatment(Key("zoe", "zoe"), "adults") == "off"


def test_the_manager(localhost):
    manager = localhost().manager()
    names = ["adults", "banner", "checkout", "dead", "gated", "rollout", "silent"]
    assert sorted(manager.split_names()) == names
    assert sorted(view.name for view in manager.splits()) == names
    checkout = manager.split("checkout")
    assert checkout == SplitView(
        name="checkout",
        traffic_type="user",
        killed=False,
        # That of the default rule, too, which localhost adds.
        treatments=["on", "off"],
        change_number=1_700_000_000_000,
        configs={"on": '{"color":"red"}'},
        default_treatment="off",
        sets=["shop", "web"],
        impressions_disabled=False,
        prerequisites=[],
    )
    assert manager.split("gated").prerequisites == [Prerequisites("banner", ["blue"])]
    for unknown in [None, "", 5, "nothing", "check\0out"]:
        assert manager.split(unknown) is None


TRACKS = [
    (("ann", "user", "paid"), True),
    (("ann", "user", "paid", 5), True),
    (("ann", "user", "paid", None, {"plan": "pro", "n": None, "odd": object()}), True),
    ((5, "user", "paid", 5.5, {}), True),
    ((None, "user", "paid"), False),
    (("ann", None, "paid"), False),
    (("ann", 5, "paid"), False),
    (("ann", "user", "not valid"), False),
    (("ann", "user", "paid", "5"), False),
    (("ann", "user", "paid", True), False),
    (("ann", "user", "paid", float("nan")), False),
    (("ann", "user", "paid", 5, "properties"), False),
    (("ann", "user", "paid", 5, {"long": "x" * 40_000}), False),
    ((Key("ann", "b"), "user", "paid"), False),
]


@pytest.mark.parametrize(("arguments", "expected"), TRACKS, ids=lambda value: repr(value)[:50])
def test_track(localhost, arguments, expected):
    assert localhost().client().track(*arguments) is expected


def test_what_a_destroyed_factory_answers(localhost):
    factory = localhost()
    client, manager = factory.client(), factory.manager()
    assert (factory.ready, factory.destroyed) == (True, False)
    factory.destroy()
    assert (factory.ready, factory.destroyed) == (False, True)
    assert (client.ready, client.destroyed) == (False, True)
    assert client.get_treatment("ann", "checkout") == "control"
    assert client.get_treatments("ann", ["checkout"]) == {"checkout": "control"}
    assert client.track("ann", "user", "paid") is False
    assert (manager.split_names(), manager.splits(), manager.split("checkout")) == ([], [], None)
    assert factory.flush(1) is False
    factory.block_until_ready(1)
    factory.resume()
