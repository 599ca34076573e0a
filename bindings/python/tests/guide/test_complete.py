"""Whether the tests of this directory are about the whole guide, and about what it says. Needs the guide:
SPLITIO_GUIDE."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path

import pytest
from guide.blocks import ENTRIES, excused, missing, of_guide

import splitio

HERE = Path(__file__).parent
GUIDE = os.environ.get("SPLITIO_GUIDE")
pytestmark = pytest.mark.skipif(not GUIDE, reason="SPLITIO_GUIDE names no copy of Split's guide")


@pytest.fixture(scope="module")
def guide():
    for file in HERE.glob("test_*.py"):
        importlib.import_module(f"guide.{file.stem}")
    return dict(of_guide(Path(GUIDE).read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def without_test():
    return excused((HERE / "README.md").read_text(encoding="utf-8"))


def test_each_block_has_a_test_or_a_reason(guide, without_test):
    assert len(guide) > 50
    assert set(guide) - set(ENTRIES) - set(without_test) == set()


def test_each_test_and_each_reason_has_a_block(guide, without_test):
    assert set(ENTRIES) - set(guide) == set()
    assert set(without_test) - set(guide) == set()
    assert set(without_test) & set(ENTRIES) == set()


def test_each_line_is_in_the_test(guide):
    found = {name: missing(guide[name], entry) for name, entry in ENTRIES.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_each_excused_line_is_in_the_block(guide):
    for name, entry in ENTRIES.items():
        assert set(entry.but) - {line.strip() for line in guide[name]} == set(), name


def test_json_of_the_guide(guide, tmp_path):
    (tmp_path / "splits.json").write_text("\n".join(guide["splitFile", 3]))
    (tmp_path / "segment_1.json").write_text("\n".join(guide["segmentDirectory", 2]))
    factory = splitio.get_factory(
        "localhost", config={"splitFile": str(tmp_path / "splits.json"), "segmentDirectory": str(tmp_path)}
    )
    factory.block_until_ready(5)
    (expected,) = json.loads("\n".join(guide["splitFile", 3]))["splits"]
    (view,) = factory.manager().splits()
    assert (view.name, view.traffic_type, view.change_number, view.default_treatment) == (
        expected["name"],
        expected["trafficTypeName"],
        expected["changeNumber"],
        expected["defaultTreatment"],
    )
    client = factory.client()
    # Members of the segment all get "off", and half of the others.
    assert {client.get_treatment(key, view.name) for key in ("example1", "example2")} == {"off"}
    assert {client.get_treatment(f"another-{number}", view.name) for number in range(50)} == {"on", "off"}


def test_yaml_of_the_guide(guide, tmp_path):
    (tmp_path / "flags.yaml").write_text("\n".join(guide["YAML", 1]))
    factory = splitio.get_factory("localhost", config={"splitFile": str(tmp_path / "flags.yaml")})
    factory.block_until_ready(5)
    client = factory.client()
    assert client.get_treatments("key", factory.manager().split_names()) == {
        "my_feature_flag": "on",
        "some_other_feature_flag": "off",
    }
    assert client.get_treatment("another", "my_feature_flag") == "off"


def test_dot_split_of_the_guide(guide, tmp_path):
    (tmp_path / "flags").write_text("\n".join(guide[".SPLIT file", 3]))
    factory = splitio.get_factory("localhost", config={"splitFile": str(tmp_path / "flags")})
    factory.block_until_ready(5)
    assert factory.client().get_treatment("key", "reporting_v2") == "on"
    assert len(factory.manager().split_names()) == 3
