"""Python's values as the arguments of the library.

The library checks what it is given and says what is wrong with it. So what has no form in C is not judged here: it is
passed as something that the library refuses in the right words.
"""

from __future__ import annotations

import logging
import math
import numbers
from ctypes import c_char_p, sizeof
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import _json, _native
from .client.key import Key

# Not UTF-8: what stands for a value that is no text.
UNUSABLE = b"\xff"
# Names of flags are literals of the program, as a rule. Others must not fill the memory.
_MOST_NAMES = 8192
_LOG = logging.getLogger("splitio.input")


class EvaluationOptions(NamedTuple):
    """What may come with an evaluation besides the attributes: properties of the impression."""

    properties: Optional[Dict[str, Any]]


class _Names(Dict[str, bytes]):
    """Names of flags as bytes, made once. Only plain names: the library takes them as they are, and trims nothing."""

    def __missing__(self, name: str) -> bytes:
        encoded = str.encode(name)
        if not (_is_solid(name[:1]) and _is_solid(name[-1:])) or 0 in encoded:
            raise ValueError(name)
        if len(self) >= _MOST_NAMES:
            self.clear()
        self[name] = encoded
        return encoded


def _is_solid(character: str) -> bool:
    return character.isalnum() or character in ("_", "-")


NAMES = _Names()


def text(value: Any) -> Optional[bytes]:
    """A text, NULL for none, or what the library refuses."""
    if value is None:
        return None
    if not isinstance(value, str):
        return UNUSABLE
    encoded = str.encode(value, "utf-8", "surrogatepass")
    return UNUSABLE if 0 in encoded else encoded


def key(value: Any, method: str, what: str = "key") -> Optional[bytes]:
    """A key, which may be a number."""
    # The first of these is all that most keys cost.
    if isinstance(value, str) or value is None or isinstance(value, bool) or not isinstance(value, numbers.Number):
        return text(value)
    try:
        usable = math.isfinite(value)  # type: ignore[arg-type]  # a complex number is refused by this
        number = str(value)
    except (TypeError, ValueError, OverflowError):
        return UNUSABLE
    if not usable:
        return UNUSABLE
    _LOG.warning("%s: %s is a number and is used as text; pass a string", method, what)
    return text(number)


def texts(values: List[Any]) -> Tuple[Any, bool]:
    """An array of texts, and whether all are plain names."""
    try:
        return (c_char_p * len(values))(*[NAMES[value] for value in values]), True
    except (TypeError, ValueError):
        return (c_char_p * len(values))(*map(text, values)), False


# Options of evaluations that are over: setting three fields is cheaper than a new structure.
_spare: List[_native.Options] = []


def question(
    method: str, whose: Any, attributes: Any, evaluation_options: Any
) -> Tuple[Optional[bytes], Optional[_native.Options]]:
    """The key of an evaluation, and its options, which `done` must get back."""
    attributes_json = None
    if attributes is not None:
        # Anything but an object is refused by the library.
        attributes_json = _json.attributes(attributes) if isinstance(attributes, dict) else b"0"
    properties_json = None
    if evaluation_options is not None:
        properties_json = _properties_of(evaluation_options, method)
    bucketing = None
    if whose.__class__ is str:
        matching = text(whose)
    elif isinstance(whose, Key):
        matching = key(whose.matching_key, method, "matching_key")
        # A pair needs both: none is not the same as no pair.
        bucketing = b"" if whose.bucketing_key is None else key(whose.bucketing_key, method, "bucketing_key")
    else:
        matching = key(whose, method)
    if attributes_json is properties_json is bucketing is None:
        return matching, None
    try:
        options = _spare.pop()
    except IndexError:
        options = _native.Options(size=sizeof(_native.Options))
    options.bucketing_key = bucketing
    options.attributes_json = attributes_json
    options.properties_json = properties_json
    return matching, options


def done(options: Optional[_native.Options]) -> None:
    """The evaluation is over."""
    if options is not None:
        options.bucketing_key = options.attributes_json = options.properties_json = None
        _spare.append(options)


def _properties_of(evaluation_options: Any, method: str) -> Optional[bytes]:
    if not isinstance(evaluation_options, EvaluationOptions):
        _LOG.error("%s: the evaluation options are not an EvaluationOptions and are left out", method)
        return None
    return properties(evaluation_options.properties)


def properties(values: Any) -> Optional[bytes]:
    if values is None:
        return None
    return _json.properties(values) if isinstance(values, dict) else b"0"


def value(given: Any) -> float:
    """The value of an event: NaN is none, and infinity is refused by the library."""
    if given is None:
        return math.nan
    if isinstance(given, bool) or not isinstance(given, numbers.Number):
        return math.inf
    try:
        number = float(given)  # type: ignore[arg-type]  # a complex number is refused by this
    except (TypeError, ValueError, OverflowError):
        return math.inf
    return math.inf if math.isnan(number) else number
