"""The guide's blocks about localhost mode and the manager."""

from __future__ import annotations

import asyncio
import json
import os

import pytest
from guide.blocks import block
from support.emulated import served
from support.flags import condition, everyone, matcher
from support.waiting import eventually

import splitio

IN_SEGMENT = matcher("IN_SEGMENT", userDefinedSegmentMatcherData={"segmentName": "segment_1"})
CHANGE_NUMBER = 1660326991072
# As the example of the guide, but that the treatments tell the conditions apart.
FEATURE_FLAG_1 = served(
    "feature_flag_1",
    condition("member", IN_SEGMENT, label="in segment segment_1"),
    everyone("off"),
    changeNumber=CHANGE_NUMBER,
)
SEGMENT_1 = {"name": "segment_1", "added": ["example1", "example2"], "removed": [], "since": -1, "till": 1585948850110}


def write(folder, flags, segments=()):
    (folder / "parentRoot" / "segments").mkdir(parents=True, exist_ok=True)
    file = folder / "parentRoot" / "splits.json"
    file.write_text(json.dumps({"splits": flags, "since": -1, "till": CHANGE_NUMBER}))
    for segment in segments:
        (folder / "parentRoot" / "segments" / f"{segment['name']}.json").write_text(json.dumps(segment))
    return file


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with a directory `parentRoot`; '/parentRoot' of the guide is taken for it, too."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, [FEATURE_FLAG_1], [SEGMENT_1])
    return tmp_path


ROOT = {"'segmentDirectory': '/parentRoot/segments',": "a directory of the test, not of the system's root"}


@block("segmentDirectory", 3, but=ROOT)
def test_json(folder, capsys):
    from splitio import get_factory
    from splitio.exceptions import TimeoutException

    config = {
        "splitFile": "parentRoot/splits.json",
        "segmentDirectory": f"{folder}/parentRoot/segments",
        "localhostRefreshEnabled": True,
    }
    factory = get_factory("localhost", config=config)

    try:
        factory.block_until_ready(5)
    except TimeoutException:
        print("SDK TIMED OUT")

    assert capsys.readouterr().out == ""
    client = factory.client()
    assert client.get_treatment("example1", "feature_flag_1") == "member"
    assert client.get_treatment("another", "feature_flag_1") == "off"


@block("segmentDirectory", 4, but=ROOT)
def test_json_asyncio(folder, capsys):
    from splitio import get_factory_async
    from splitio.exceptions import TimeoutException

    async def main():
        config = {
            "splitFile": "parentRoot/splits.json",
            "segmentDirectory": f"{folder}/parentRoot/segments",
            "localhostRefreshEnabled": True,
        }
        factory = await get_factory_async("localhost", config=config)

        try:
            await factory.block_until_ready(5)
        except TimeoutException:
            print("SDK TIMED OUT")

        client = factory.client()
        assert await client.get_treatment("example1", "feature_flag_1") == "member"
        assert await client.get_treatment("another", "feature_flag_1") == "off"

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    assert capsys.readouterr().out == ""


@pytest.fixture
def localhost(folder):
    """A factory of the JSON files, which it follows."""
    factory = splitio.get_factory(
        "localhost",
        config={
            "splitFile": str(folder / "parentRoot" / "splits.json"),
            "segmentDirectory": str(folder / "parentRoot" / "segments"),
            "localhostRefreshEnabled": True,
            "featuresRefreshRate": 1,
            "segmentsRefreshRate": 1,
        },
    )
    factory.block_until_ready(5)
    return factory


@block("splitFile", 1, describes=True)
def test_members_of_the_file(localhost, folder):
    """`splits` are what a file has; `till` tells which state it is in."""
    assert localhost.manager().split_names() == ["feature_flag_1"]
    other = {**FEATURE_FLAG_1, "name": "other"}
    file = folder / "parentRoot" / "splits.json"
    file.write_text(json.dumps({"splits": [FEATURE_FLAG_1, other], "since": -1, "till": CHANGE_NUMBER + 1}))
    eventually(lambda: sorted(localhost.manager().split_names()) == ["feature_flag_1", "other"], "the new state")


@block("splitFile", 2, describes=True)
def test_members_of_a_flag(folder):
    """Each one counts: where one is changed, another answer or view is given."""
    keys = [f"key-{number}" for number in range(200)]
    half = {
        "conditions": [
            dict(everyone("on"), partitions=[{"treatment": "on", "size": 50}, {"treatment": "off", "size": 50}])
        ]
    }

    def seen(**members):
        """What all keys get, and the view, with other members than usual."""
        file = write(folder, [{**FEATURE_FLAG_1, **members}])
        factory = splitio.get_factory("localhost", config={"splitFile": str(file), "segmentDirectory": str(folder)})
        factory.block_until_ready(5)
        client = factory.client()
        return [client.get_treatment(key, "feature_flag_1") for key in keys], factory.manager().split("feature_flag_1")

    usual, view = seen()
    assert set(usual) == {"off"}
    assert (view.name, view.traffic_type, view.killed) == ("feature_flag_1", "user", False)
    assert (view.default_treatment, view.change_number) == ("off", CHANGE_NUMBER)

    killed, view = seen(killed=True, defaultTreatment="dead")
    assert (set(killed), view.killed, view.default_treatment) == ({"dead"}, True, "dead")
    assert seen(trafficTypeName="account")[1].traffic_type == "account"
    assert seen(status="ARCHIVED") == (["control"] * len(keys), None)

    by_seed, _ = seen(seed=1, **half)
    assert set(by_seed) == {"on", "off"}
    assert seen(seed=1, **half)[0] == by_seed
    assert seen(seed=2, **half)[0] != by_seed
    # Files are evaluated with the present hash, whatever they say.
    assert seen(seed=1, algo=1, **half)[0] == by_seed

    allocated, _ = seen(conditions=[everyone("on")], trafficAllocation=50, trafficAllocationSeed=1)
    assert set(allocated) == {"on", "off"}
    assert seen(conditions=[everyone("on")], trafficAllocation=50, trafficAllocationSeed=2)[0] != allocated
    assert set(seen(conditions=[everyone("on")], trafficAllocation=100)[0]) == {"on"}


@block("splitFile", 3, describes=True)
def test_json_example(localhost):
    """In test_complete.py the file of the guide itself is read; here one of its form."""
    client = localhost.client()
    assert client.get_treatments("example2", ["feature_flag_1"]) == {"feature_flag_1": "member"}


@block("segmentDirectory", 1, describes=True)
@block("segmentDirectory", 2, describes=True)
def test_members_of_a_segment(localhost, folder):
    """`name`, `added` and `removed`, `since` and `till`."""
    client = localhost.client()
    assert client.get_treatment("example2", "feature_flag_1") == "member"
    change = {
        **SEGMENT_1,
        "added": ["another"],
        "removed": ["example2"],
        "since": SEGMENT_1["till"],
        "till": SEGMENT_1["till"] + 1,
    }
    write(folder, [FEATURE_FLAG_1], [change])
    eventually(lambda: client.get_treatment("another", "feature_flag_1") == "member", "the one that was added")
    assert client.get_treatment("example2", "feature_flag_1") == "off"


YAML = r"""
- my_feature_flag:
    treatment: "on"
    keys: "key"
    config: "{\"desc\" : \"this applies only to ON treatment\"}"
- some_other_feature_flag:
    treatment: "off"
- my_feature_flag:
    treatment: "off"
"""


@block("YAML", 1, describes=True)
def test_yaml(tmp_path):
    (tmp_path / "flags.yaml").write_text(YAML)
    factory = splitio.get_factory("localhost", config={"splitFile": str(tmp_path / "flags.yaml")})
    factory.block_until_ready(5)
    client = factory.client()
    # The three entries, as the text below explains them.
    assert client.get_treatment_with_config("key", "my_feature_flag") == (
        "on",
        '{"desc" : "this applies only to ON treatment"}',
    )
    for key in ("key", "another"):
        assert client.get_treatment_with_config(key, "some_other_feature_flag") == ("off", None)
    assert client.get_treatment_with_config("another", "my_feature_flag") == ("off", None)


DOT_SPLIT = """## sdk.get_treatment(*, reporting_v2) returns 'on'
reporting_v2 on

double_writes_to_cassandra off

new-navigation v3
"""
IN_THE_FILE = {"reporting_v2": "on", "double_writes_to_cassandra": "off", "new-navigation": "v3"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".split").write_text(DOT_SPLIT)
    return tmp_path


@block(".SPLIT file", 1)
def test_dot_split(home):
    from splitio import get_factory

    factory = get_factory("localhost")
    split = factory.client()

    factory.block_until_ready(5)
    assert split.get_treatments("any", list(IN_THE_FILE)) == IN_THE_FILE


@block(".SPLIT file", 2)
def test_dot_split_asyncio(home):
    from splitio import get_factory_async

    async def main():
        factory = await get_factory_async("localhost")
        split = factory.client()

        await factory.block_until_ready(5)
        assert await split.get_treatments("any", list(IN_THE_FILE)) == IN_THE_FILE

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())


@block(".SPLIT file", 3, describes=True)
def test_another_dot_split(tmp_path):
    """The text above it: the key splitFile has the path of another file."""
    file = tmp_path / "flags.split"
    file.write_text(DOT_SPLIT)
    factory = splitio.get_factory("localhost", config={"splitFile": os.fspath(file)})
    factory.block_until_ready(5)
    assert factory.client().get_treatments("any", list(IN_THE_FILE)) == IN_THE_FILE
