"""Values of all sorts that programs pass, by name."""

import collections
import datetime
import decimal
import enum
import fractions


class Color(enum.Enum):
    RED = "r"


class Text(str):
    """A text of a type of its own."""


class Thing:
    def __str__(self):
        return "a thing"

    __repr__ = __str__


ANY = {
    "none": None,
    "true": True,
    "false": False,
    "zero": 0,
    "five": 5,
    "minus": -1,
    "five point zero": 5.0,
    "five and a half": 5.5,
    "nan": float("nan"),
    "infinity": float("inf"),
    "beyond 64 bits": 2**70,
    "a large float": 1e17,
    "empty text": "",
    "blank": "  ",
    "a": "a",
    "text of a five": "5",
    "text of a five with blanks": " 5 ",
    "text of true": "true",
    "text of TRUE with blanks": " TRUE ",
    "text of a version": "1.2.3",
    "snow": "\u2603",
    "own text": Text("a"),
    "long": "x" * 251,
    "just short enough": "x" * 250,
    "wide and short enough": "\u2603" * 250,
    "with a zero": "a\0b",
    "half a character": "\ud800",
    "bytes": b"a",
    "list": ["a"],
    "list of two": ["b", "a"],
    "list of numbers": [5, 6],
    "empty list": [],
    "tuple": ("a",),
    "set": {"a"},
    "frozen set": frozenset(["a", "b"]),
    "empty dict": {},
    "dict": {"a": 1},
    "ordered dict": collections.OrderedDict(a=1),
    "datetime": datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=datetime.timezone.utc),
    "date": datetime.date(2023, 11, 14),
    "decimal": decimal.Decimal("5"),
    "fraction": fractions.Fraction(5, 1),
    "complex": 5j,
    "enum": Color.RED,
    "thing": Thing(),
    "class": Thing,
}
