"""What has no form in C is passed as something that the library refuses."""

import decimal
import fractions
import math

import pytest

from splitio import _arguments
from splitio._arguments import UNUSABLE

TEXTS = [
    (None, None),
    ("name", b"name"),
    ("", b""),
    ("\u2603", b"\xe2\x98\x83"),
    ("a\0b", UNUSABLE),
    ("\ud800", b"\xed\xa0\x80"),
    (5, UNUSABLE),
    (b"bytes", UNUSABLE),
    (["name"], UNUSABLE),
]


@pytest.mark.parametrize(("value", "expected"), TEXTS)
def test_text(value, expected):
    assert _arguments.text(value) == expected


KEYS = [
    *TEXTS[:-3],
    (5, b"5"),
    (-1, b"-1"),
    (5.5, b"5.5"),
    (1e16, b"1e+16"),
    (2**80, str(2**80).encode()),
    (decimal.Decimal("1.10"), b"1.10"),
    (fractions.Fraction(1, 2), b"1/2"),
    (True, UNUSABLE),
    (math.nan, UNUSABLE),
    (-math.inf, UNUSABLE),
    (decimal.Decimal("NaN"), UNUSABLE),
    (1j, UNUSABLE),
    (object(), UNUSABLE),
]


@pytest.mark.parametrize(("value", "expected"), KEYS, ids=lambda value: repr(value)[:30])
def test_key(value, expected):
    assert _arguments.key(value, "get_treatment") == expected


VALUES = [
    (5, 5.0),
    (-2.5, -2.5),
    (decimal.Decimal("1.5"), 1.5),
    (True, math.inf),
    ("5", math.inf),
    (math.nan, math.inf),
    (math.inf, math.inf),
    (10**400, math.inf),
    (1j, math.inf),
    ([], math.inf),
]


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=lambda value: repr(value)[:30])
def test_value_of_an_event(value, expected):
    assert _arguments.value(value) == expected


def test_no_value_of_an_event():
    assert math.isnan(_arguments.value(None))


def test_names_are_encoded_once_and_not_kept_for_ever():
    names = _arguments._Names()
    first = names["flag"]
    assert names["flag"] is first
    for number in range(3 * _arguments._MOST_NAMES):
        assert names[f"flag-{number}"] == f"flag-{number}".encode()
    assert len(names) <= _arguments._MOST_NAMES


@pytest.mark.parametrize("name", [5, None, b"flag", ("flag",)])
def test_only_texts_are_names(name):
    with pytest.raises(TypeError):
        _arguments._Names()[name]


@pytest.mark.parametrize("name", ["", " ", " flag", "flag\n", "fl\0ag", "\ud800", "flag.", "\u200bflag"])
def test_only_plain_names_are_kept(name):
    names = _arguments._Names()
    with pytest.raises(ValueError, match=r".*"):
        names[name]
    assert not names
