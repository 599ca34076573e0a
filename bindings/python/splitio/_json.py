"""Attributes and properties as JSON.

What JSON cannot hold never fails an evaluation: it becomes the nearest thing that JSON has. The encoder of the
standard library does all ordinary maps in C; only what it refuses is walked through in Python.
"""

from __future__ import annotations

import datetime
import json
import math
import numbers
from typing import Any, Callable, Dict, Optional, Tuple

# Deeper nesting becomes text. The library reads JSON to a depth of 128.
_DEPTH = 64
_DAY = datetime.date(1970, 1, 1)


def _text(value: Any) -> Optional[str]:
    try:
        return str(value)
    except Exception:  # Whatever the object's own __str__ does is no reason to fail the evaluation.
        return None


def _attribute(value: Any) -> Any:
    """What an object that JSON does not know is as an attribute."""
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, datetime.datetime):
        return math.floor(value.timestamp())
    if isinstance(value, datetime.date):
        return (value - _DAY).days * 86_400
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    return _text(value)


def _property(value: Any) -> Any:
    """The same as a property, which is text, a number, a bool or nothing: an empty list makes the library complain."""
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real) or _is_decimal(value):
        return float(value)
    return []


def _is_decimal(value: Any) -> bool:
    return isinstance(value, numbers.Number) and not isinstance(value, numbers.Complex)


def _plain(value: Any, other: Callable[[Any], Any], inside: Tuple[int, ...] = ()) -> Any:
    """The value in types that JSON has, whatever it takes. `inside` are the containers around it: what contains itself
    is nothing there, or a circle with two ways round would be walked two to the power of its depth times."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, int):
        return int(value) if _has_digits(value) else None
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if id(value) in inside:
        return None
    if len(inside) >= _DEPTH:
        return _plain(_text(value), other)
    around = (*inside, id(value))
    if isinstance(value, (list, tuple)):
        return [_plain(item, other, around) for item in value]
    if isinstance(value, dict):
        return {str(_plain(_text(name), other)): _plain(item, other, around) for name, item in value.items()}
    try:
        value = other(value)
    except Exception:  # An object whose number or time cannot be had, such as the year 0.
        value = _text(value)
    return _plain(value, other, around)


def _has_digits(value: int) -> bool:
    """Python refuses to write down numbers of more than some thousand digits."""
    try:
        int.__repr__(value)
    except ValueError:
        return False
    return True


def _encoder(other: Callable[[Any], Any]) -> Callable[[Any], str]:
    """JSONEncoder.encode, without what it does anew in each call: it makes the encoder in C, where there is one."""
    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=other)
    try:
        encode = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
            None, other, json.encoder.encode_basestring, None, ":", ",", False, False, False
        )
        if "".join(encode({"a": [1, None, "\u2603"]}, 0)) == '{"a":[1,null,"\u2603"]}':
            return lambda value: "".join(encode(value, 0))
    except Exception:  # Another Python than those that are known.
        pass
    return encoder.encode


class _Encoder:
    def __init__(self, other: Callable[[Any], Any]) -> None:
        self._other = other
        self._encode = _encoder(other)

    def __call__(self, values: Dict[Any, Any]) -> bytes:
        for name in values:
            if name.__class__ is not str:
                values = {name: value for name, value in values.items() if isinstance(name, str)}
                break
        try:
            return self._encode(values).encode()
        except Exception:  # NaN, half a character, a circle, a key that is a tuple...
            return self._encode(_plain(values, self._other)).encode()


attributes = _Encoder(_attribute)
properties = _Encoder(_property)
