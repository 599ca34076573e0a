"""The guide's blocks about treatments."""

from __future__ import annotations

import asyncio
import json

import pytest
from guide.blocks import block
from support.emulated import served
from support.flags import everyone

NOT_PYTHON = "no Python: it says `else if`"


@pytest.fixture(params=["on", "off", None])
def expected(request, backend):
    """The flag gives this; without one there is no such flag, and the treatment is control."""
    if request.param is None:
        backend.post("flags/archive", name="FEATURE_FLAG_NAME")
        return "control"
    backend.put(served("FEATURE_FLAG_NAME", everyone(request.param)))
    return request.param


@block("Basic use", 1)
def test_basic_use(expected, split):
    treatment = split.get_treatment("key", "FEATURE_FLAG_NAME")

    if treatment == "on":
        shown = "on"
    elif treatment == "off":
        shown = "off"
    else:
        shown = "control"

    assert shown == expected


@block("Basic use", 2)
def test_basic_use_asyncio(expected, run):
    async def main(split, _factory):
        treatment = await split.get_treatment("key", "FEATURE_FLAG_NAME")

        if treatment == "on":
            return "on"
        elif treatment == "off":
            return "off"
        else:
            return "control"

    assert run(main) == expected


@pytest.mark.parametrize("key", [None, b"key", ["key"], {"key": 1}, object()])
def test_the_key_should_be_a_string(split, key):
    """The note below: anything else gives control."""
    assert split.get_treatment(key, "FEATURE_FLAG_NAME") == "control"


@pytest.mark.filterwarnings("ignore:For compatibility:DeprecationWarning")
@block("Attribute syntax", 1)
def test_attributes(attributes_count):
    import arrow

    from splitio import get_factory

    factory = get_factory("YOUR_SDK_KEY")
    split = factory.client()
    factory.block_until_ready(10)

    attributes = dict()
    attributes["plan_type"] = "growth"
    attributes["registered_date"] = arrow.utcnow().timestamp
    attributes["deal_size"] = 1000
    attributes["paying_customer"] = True

    treatment = split.get_treatment("key", "FEATURE_FLAG_NAME", attributes)

    if treatment == "on":
        shown = "on"
    elif treatment == "off":
        shown = "off"
    else:
        shown = "control"

    assert shown == "on"
    # Each of them counts.
    for name, other in {"plan_type": "free", "registered_date": 0, "deal_size": 999, "paying_customer": False}.items():
        assert split.get_treatment("key", "FEATURE_FLAG_NAME", {**attributes, name: other}) == "off", name


@pytest.mark.filterwarnings("ignore:For compatibility:DeprecationWarning")
@block("Attribute syntax", 2)
def test_attributes_asyncio(attributes_count):
    import arrow

    from splitio import get_factory_async

    async def main():
        factory = await get_factory_async("YOUR_SDK_KEY")
        split = factory.client()
        await factory.block_until_ready(10)

        attributes = dict()
        attributes["plan_type"] = "growth"
        attributes["registered_date"] = arrow.utcnow().timestamp
        attributes["deal_size"] = 1000
        attributes["paying_customer"] = True

        treatment = await split.get_treatment("key", "FEATURE_FLAG_NAME", attributes)

        if treatment == "on":
            return "on"
        elif treatment == "off":
            return "off"
        else:
            return "control"

    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(main()) == "on"


def told(capsys):
    """What the block printed."""
    return capsys.readouterr().out.strip().splitlines()


@block("Multiple evaluations at once", 1)
def test_get_treatments(split, capsys):
    treatments = split.get_treatments("key", ["FEATURE_FLAG_NAME_1", "FEATURE_FLAG_NAME_2"])

    print(treatments)

    assert treatments == {"FEATURE_FLAG_NAME_1": "on", "FEATURE_FLAG_NAME_2": "v2"}
    assert told(capsys) == [str(treatments)]


@block("Multiple evaluations at once", 2)
def test_get_treatments_by_flag_set(split):
    treatments = split.get_treatments_by_flag_set("key", "backend")

    print(treatments)

    assert treatments == {"FEATURE_FLAG_NAME_1": "on"}


@block("Multiple evaluations at once", 3)
def test_get_treatments_by_flag_sets(split):
    treatments = split.get_treatments_by_flag_sets("key", ["backend", "server_side"])

    print(treatments)

    assert treatments == {"FEATURE_FLAG_NAME_1": "on", "FEATURE_FLAG_NAME_2": "v2"}


@block("Multiple evaluations at once", 4)
def test_get_treatments_asyncio(run):
    async def main(split, _factory):
        treatments = await split.get_treatments("key", ["FEATURE_FLAG_NAME_1", "FEATURE_FLAG_NAME_2"])

        print(treatments)

        return treatments

    assert run(main) == {"FEATURE_FLAG_NAME_1": "on", "FEATURE_FLAG_NAME_2": "v2"}


@block("Multiple evaluations at once", 5)
def test_get_treatments_by_flag_set_asyncio(run):
    async def main(split, _factory):
        treatments = await split.get_treatments_by_flag_set("key", "backend")

        print(treatments)

        return treatments

    assert run(main) == {"FEATURE_FLAG_NAME_1": "on"}


@block("Multiple evaluations at once", 6)
def test_get_treatments_by_flag_sets_asyncio(run):
    async def main(split, _factory):
        treatments = await split.get_treatments_by_flag_sets("key", ["backend", "server_side"])

        print(treatments)

        return treatments

    assert run(main) == {"FEATURE_FLAG_NAME_1": "on", "FEATURE_FLAG_NAME_2": "v2"}


@block("Get Treatments with Configurations", 1, but={"else if treatment == 'off':": NOT_PYTHON})
def test_get_treatment_with_config(client):
    attributes = {}

    treatment, raw_config = client.get_treatment_with_config("key", "FEATURE_FLAG_NAME", attributes)
    configs = json.loads(raw_config)

    if treatment == "on":
        shown = configs["color"]
    elif treatment == "off":
        shown = "off"
    else:
        shown = "control"

    assert shown == "red"


def test_without_a_config(client):
    """The text above it: None, where a treatment has no configuration."""
    assert client.get_treatment_with_config("key", "FEATURE_FLAG_NAME_2") == ("v2", None)


@block("Get Treatments with Configurations", 2, but={"else if treatment == 'off':": NOT_PYTHON})
def test_get_treatment_with_config_asyncio(run):
    async def main(client, _factory):
        attributes = {}

        treatment, raw_config = await client.get_treatment_with_config("key", "FEATURE_FLAG_NAME", attributes)
        configs = json.loads(raw_config)

        if treatment == "on":
            return configs["color"]
        elif treatment == "off":
            return "off"
        else:
            return "control"

    assert run(main) == "red"


@block("Get Treatments with Configurations", 3)
def test_get_treatments_with_config(client):
    feature_flag_names = ["FEATURE_FLAG_1", "FEATURE_FLAG_2"]
    split_results = client.get_treatments_with_config("key", feature_flag_names)

    assert split_results == {
        "FEATURE_FLAG_1": ("on", '{"color": "red"}'),
        "FEATURE_FLAG_2": ("v2", '{"copy": "better copy"}'),
    }


@block("Get Treatments with Configurations", 4)
def test_get_treatments_with_config_by_flag_set(split, capsys):
    attributes = {}
    result = split.get_treatments_with_config_by_flag_set("key", "backend", attributes)
    for feature_flag, treatment_with_config in result.items():
        treatment = treatment_with_config[0]
        configs = treatment_with_config[1]
        print("Feature: %s, Treatment: %s, Config: %s" % (feature_flag, treatment, configs))

    assert told(capsys) == ['Feature: FEATURE_FLAG_NAME_1, Treatment: on, Config: {"color": "red"}']


@block("Get Treatments with Configurations", 5)
def test_get_treatments_with_config_by_flag_sets(split, capsys):
    attributes = {}
    # A name where a list belongs, in the guide: no flag set is found by its letters.
    result = split.get_treatments_with_config_by_flag_sets("key", "backend", attributes)
    for feature_flag, treatment_with_config in result.items():
        treatment = treatment_with_config[0]
        configs = treatment_with_config[1]
        print("Feature: %s, Treatment: %s, Config: %s" % (feature_flag, treatment, configs))

    assert told(capsys) == []
    assert split.get_treatments_with_config_by_flag_sets("key", ["backend"], attributes) == {
        "FEATURE_FLAG_NAME_1": ("on", '{"color": "red"}')
    }


@block("Get Treatments with Configurations", 6)
def test_get_treatments_with_config_asyncio(run):
    async def main(client, _factory):
        feature_flag_names = ["FEATURE_FLAG_1", "FEATURE_FLAG_2"]
        split_results = await client.get_treatments_with_config("key", feature_flag_names)
        return split_results

    assert run(main) == {
        "FEATURE_FLAG_1": ("on", '{"color": "red"}'),
        "FEATURE_FLAG_2": ("v2", '{"copy": "better copy"}'),
    }


@block("Get Treatments with Configurations", 7)
def test_get_treatments_with_config_by_flag_set_asyncio(run, capsys):
    async def main(split, _factory):
        attributes = {}
        result = await split.get_treatments_with_config_by_flag_set("key", "backend", attributes)
        for feature_flag, treatment_with_config in result.items():
            treatment = treatment_with_config[0]
            configs = treatment_with_config[1]
            print("Feature: %s, Treatment: %s, Config: %s" % (feature_flag, treatment, configs))

    run(main)
    assert told(capsys) == ['Feature: FEATURE_FLAG_NAME_1, Treatment: on, Config: {"color": "red"}']


@block("Get Treatments with Configurations", 8)
def test_get_treatments_with_config_by_flag_sets_asyncio(run, capsys):
    async def main(split, _factory):
        attributes = {}
        result = await split.get_treatments_with_config_by_flag_sets("key", ["backend"], attributes)
        for feature_flag, treatment_with_config in result.items():
            treatment = treatment_with_config[0]
            configs = treatment_with_config[1]
            print("Feature: %s, Treatment: %s, Config: %s" % (feature_flag, treatment, configs))

    run(main)
    assert told(capsys) == ['Feature: FEATURE_FLAG_NAME_1, Treatment: on, Config: {"color": "red"}']
