"""Attributes and properties as JSON: nothing that Python has is an error."""

import collections
import datetime
import decimal
import enum
import fractions
import json
import math

import pytest

from splitio import _json


class Color(enum.Enum):
    RED = "r"


class Size(enum.IntEnum):
    LARGE = 3


class Unspeakable:
    def __str__(self):
        raise RuntimeError("no")


class Spoken:
    def __str__(self):
        return "spoken"


Pair = collections.namedtuple("Pair", "left right")
UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=2))
circle = []
circle.append(circle)
deep = nested = []
for _ in range(200):
    nested.append([])
    nested = nested[0]

ATTRIBUTES = [
    (None, None),
    (True, True),
    (7, 7),
    (2**70, 2**70),
    (-(2**63), -(2**63)),
    (1.5, 1.5),
    (math.nan, None),
    (math.inf, None),
    ("text", "text"),
    ("", ""),
    ("a\0b", "a\0b"),
    ("snow \u2603 \U0001f600", "snow \u2603 \U0001f600"),
    ("half \ud800 of one", "half \ufffd of one"),
    (["a", 1, None], ["a", 1, None]),
    (("a", "b"), ["a", "b"]),
    (Pair("l", "r"), ["l", "r"]),
    ({"one"}, ["one"]),
    (frozenset(), []),
    ([math.nan, "\udc00"], [None, "\ufffd"]),
    ({"k": {"n": math.nan}}, {"k": {"n": None}}),
    ({("t",): 1}, {"('t',)": 1}),
    (datetime.datetime(2024, 1, 2, 3, 4, 5, 999_999, UTC), 1_704_164_645),
    (datetime.datetime(2024, 1, 2, 3, 4, 5, 0, EAST), 1_704_157_445),
    (datetime.datetime(1969, 12, 31, 23, 59, 58, 500_000, UTC), -2),
    (datetime.date(1970, 1, 2), 86_400),
    (datetime.datetime(1, 1, 1), -62_135_596_800),
    (decimal.Decimal("1.5"), "1.5"),
    (fractions.Fraction(3, 2), 1.5),
    (Color.RED, "Color.RED"),
    (Size.LARGE, 3),
    (b"bytes", "b'bytes'"),
    (Spoken(), "spoken"),
    (Unspeakable(), None),
]


@pytest.mark.parametrize(("value", "expected"), ATTRIBUTES, ids=lambda value: ascii(value)[:40] if value else None)
def test_attribute(value, expected):
    seen = json.loads(_json.attributes({"name": value, "other": 1}))
    if isinstance(value, datetime.datetime) and value.tzinfo is None:
        expected = math.floor(value.timestamp()) if value.year > 1 else seen["name"]
    assert seen == {"name": expected, "other": 1}


def test_a_number_that_python_does_not_write_down_is_nothing():
    seen = _json.attributes({"huge": 10**5000})
    assert seen in (b'{"huge":null}', b'{"huge":1' + b"0" * 5000 + b"}")


def test_a_list_in_itself_is_cut():
    assert _json.attributes({"circle": circle}) == b'{"circle":[null]}'


def test_a_circle_with_several_ways_round_ends():
    parent = {"name": "ann"}
    parent["children"] = [{"parent": parent} for _ in range(3)]
    assert _json.attributes({"user": parent}).count(b'{"parent":null}') == 3


def test_depth_stays_below_what_the_library_reads():
    encoded = _json.attributes({"deep": deep})
    assert encoded.startswith(b'{"deep":[[')
    # The rest of it is text.
    assert encoded.replace(b'"', b"[").count(b"[") < 300
    assert json.loads(encoded)


def test_names_that_are_no_text_are_no_attributes():
    assert json.loads(_json.attributes({1: "a", None: "b", "c": "d"})) == {"c": "d"}


PROPERTIES = [
    (None, None),
    (True, True),
    (7, 7),
    (1.5, 1.5),
    ("text", "text"),
    (math.nan, None),
    (decimal.Decimal("2.5"), 2.5),
    (Size.LARGE, 3),
    # What no property can be: the library complains about these, and takes null.
    ([1], [1]),
    ({"a": 1}, {"a": 1}),
    ({"set"}, []),
    (datetime.date(2024, 1, 1), []),
    (b"bytes", []),
    (Spoken(), []),
]


@pytest.mark.parametrize(("value", "expected"), PROPERTIES, ids=lambda value: ascii(value)[:40] if value else None)
def test_property(value, expected):
    assert json.loads(_json.properties({"name": value, 5: 5})) == {"name": expected}
