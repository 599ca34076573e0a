"""Answers of the library as Python's values."""

from __future__ import annotations

import json
from ctypes import byref, c_size_t, string_at
from typing import Any, Dict, List, Optional, Tuple, TypedDict

from . import _native
from .models.splits import Prerequisites, SplitView

# A treatment, and its configuration.
WithConfig = Tuple[str, Optional[str]]


class Explanation(TypedDict):
    """How a flag is decided for a key, and why. `docs/explain.md` has what its members may be."""

    # What was asked; None for what is no text.
    flag: Optional[str]
    key: Optional[str]
    bucketing_key: Optional[str]
    # `evaluated`, or why not.
    status: str
    treatment: str
    config: Optional[str]
    label: Optional[str]
    change_number: int
    # Whether the treatment is one of fallbackTreatments, in place of `control`.
    fallback: bool
    # Whether steps were left out, because there were too many.
    truncated: bool
    # Each condition and matcher that was tried, what it saw and what it answered; None where nothing was evaluated.
    # Without a type: its depth is that of the flag's rules, and later versions may know more steps.
    evaluation: Optional[Dict[str, Any]]


class _Treatments(Dict[int, str]):
    """Treatments by address: the library has one copy of each, for as long as the process lives."""

    def __missing__(self, address: int) -> str:
        treatment = self[address] = string_at(address).decode()
        return treatment


TREATMENTS = _Treatments()

_unpack = _native.RESULT.unpack
_iter_unpack = _native.RESULT.iter_unpack


def _config(address: Optional[int], length: int) -> Optional[str]:
    return string_at(address, length).decode() if address else None


def one(block: Any, result: Any) -> WithConfig:
    """The answer in a result, which is released."""
    _flag, treatment, config, config_len, _label, _number, _status, _reserved, hold = _unpack(block)
    if not config:
        return TREATMENTS[treatment], None
    answer = TREATMENTS[treatment], _config(config, config_len)
    if hold:
        _native.result_release(result)
    return answer


def _rows(results: int, count: Any) -> Any:
    data = _native.results_data(results, byref(count))
    return _iter_unpack(string_at(data, count.value * _native.RESULT.size)) if count.value else ()


def many(results: int, asked: Optional[List[str]] = None) -> Dict[str, str]:
    """The treatments of a list, which is ended. `asked`: plain names, whose order is that of the results."""
    try:
        count = c_size_t()
        rows = _rows(results, count)
        if asked is not None and count.value == len(asked):
            return {flag: TREATMENTS[row[1]] for flag, row in zip(asked, rows)}
        return {string_at(row[0]).decode(): TREATMENTS[row[1]] for row in rows}
    finally:
        _native.results_free(results)


def many_with_config(results: int, asked: Optional[List[str]] = None) -> Dict[str, WithConfig]:
    """The treatments and configurations of a list, which is ended. `asked` as for `many`."""
    try:
        count = c_size_t()
        rows = _rows(results, count)
        if asked is not None and count.value == len(asked):
            return {flag: (TREATMENTS[row[1]], _config(row[2], row[3])) for flag, row in zip(asked, rows)}
        return {string_at(row[0]).decode(): (TREATMENTS[row[1]], _config(row[2], row[3])) for row in rows}
    finally:
        _native.results_free(results)


def names(factory: int) -> List[str]:
    """The names of all flags."""
    listed = _native.manager_names(factory)
    try:
        count = c_size_t()
        data = _native.name_list_data(listed, byref(count))
        return [data[index].decode() for index in range(count.value)]
    finally:
        _native.name_list_free(listed)


def manager_json(factory: int, name: Optional[bytes]) -> Any:
    """What the manager says about one flag, or about all."""
    text = _native.Json()
    if _native.manager_json(factory, name, byref(text)) != _native.OK:
        return None
    return json.loads(_native.take(text))


def explanation(factory: int, key: Optional[bytes], flag: Optional[bytes], options: Any) -> Explanation:
    """The account of a decision. It has the status as a word."""
    text = _native.Json()
    _native.explain(factory, key, flag, options, byref(text))
    account: Explanation = json.loads(_native.take(text))
    return account


def view(flag: Dict[str, Any]) -> SplitView:
    """A flag of `manager_json`."""
    return SplitView(
        flag["name"],
        flag["traffic_type"],
        flag["killed"],
        flag["treatments"],
        flag["change_number"],
        flag["configs"],
        flag["default_treatment"],
        flag["sets"],
        flag["impressions_disabled"],
        [Prerequisites(one["n"], one["ts"]) for one in flag["prerequisites"]],
    )
