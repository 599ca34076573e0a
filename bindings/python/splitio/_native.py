"""The functions of splitio.h, as ctypes calls them.

Each is declared once, here. A call gives up the interpreter lock, but for the two evaluations in memory and the reads
of one number: there the hand-over costs more than the call (figures: README.md). Nothing in here knows what a flag is.
"""

from __future__ import annotations

import ctypes
import struct
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_bool,
    c_char,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_void_p,
)
from typing import Any, Optional, Tuple

from . import _library

_library.refuse_the_official_sdk()
_RELEASING, _KEEPING = _library.load()

OK = 0
INVALID_ARGUMENT = -1
TIMEOUT = -5
DESTROYED = -6
FORKED = -7
STORAGE = -10
UNAUTHORIZED = -11
SYSTEM = -17

STATUS_READY = 1
STATUS_DESTROYED = 2
STATUS_WAITING_FORK = 3

QUEUE_IMPRESSIONS = 1
QUEUE_LOGS = 2
QUEUE_EVENTS = 4


class Error(Structure):
    """split_error."""

    _fields_ = [("status", c_int32), ("message", c_char * 252)]

    def text(self) -> str:
        return bytes(self.message).decode()


class Options(Structure):
    """split_options."""

    _fields_ = [
        ("size", c_size_t),
        ("bucketing_key", c_char_p),
        ("attributes", c_void_p),
        ("attributes_json", c_char_p),
        ("properties", c_void_p),
        ("properties_json", c_char_p),
        ("bucketing_key_len", c_size_t),
        ("attributes_json_len", c_size_t),
        ("properties_json_len", c_size_t),
    ]


class Json(Structure):
    """split_json."""

    _fields_ = [("ptr", c_void_p), ("len", c_size_t), ("hold", c_void_p)]


class Option(Structure):
    """split_option."""

    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("kind", c_char_p),
        ("default_json", c_char_p),
        ("description", c_char_p),
        ("supported", c_bool),
    ]


# split_result: flag, treatment, config, config_len, label, change_number, status, reserved, hold.
RESULT = struct.Struct("@PPPNPqiiP")
ResultBuffer = c_char * RESULT.size


def _function(name: str, result: Any, *arguments: Any, library: ctypes.CDLL = _RELEASING) -> Any:
    function = library[name]
    function.restype = result
    function.argtypes = arguments
    return function


def _undeclared(name: str, result: Any, library: ctypes.CDLL) -> Any:
    """Without argument types ctypes takes bytes, None and `argument` as they are, which saves a third of the call. The
    caller must pass nothing else: an int would be cut to 32 bits."""
    function = library[name]
    function.restype = result
    return function


def argument(pointer: int) -> Any:
    """A pointer in the form that a call takes without converting it."""
    return c_void_p.from_param(pointer)


version = _function("split_version", c_char_p)
fork_generation = c_uint32.from_address(_function("split_fork_generation", c_void_p)())

option_count = _function("split_option_count", c_size_t)
option_at = _function("split_option_at", POINTER(Option), c_size_t)

config_new = _function("split_config_new", c_void_p)
config_merge_json = _function("split_config_merge_json", c_int32, c_void_p, c_char_p, POINTER(Error))
config_enable_queue = _function("split_config_enable_queue", c_int32, c_void_p, c_uint32, c_size_t)
config_free = _function("split_config_free", None, c_void_p)

factory_new = _function("split_factory_new", c_void_p, c_char_p, c_void_p, POINTER(Error))
block_until_ready = _function("split_block_until_ready", c_int32, c_void_p, c_int64)
factory_status = _function("split_factory_status", c_int32, c_void_p, library=_KEEPING)
resume = _function("split_resume", c_int32, c_void_p, POINTER(Error))
flush = _function("split_flush", c_int32, c_void_p, c_int64)
destroy = _function("split_destroy", c_int32, c_void_p, c_int64)
factory_free = _function("split_factory_free", None, c_void_p)

# (factory, key, flag, options), and a result for the second. True: the lock is kept, for definitions in memory.
TREATMENT = {
    keeping: _undeclared("split_get_treatment", c_void_p, library)
    for keeping, library in ((True, _KEEPING), (False, _RELEASING))
}
TREATMENT_WITH_CONFIG = {
    keeping: _undeclared("split_get_treatment_with_config", c_int32, library)
    for keeping, library in ((True, _KEEPING), (False, _RELEASING))
}
_MANY = (c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_size_t, POINTER(Options))
treatments = _function("split_get_treatments", *_MANY)
treatments_with_config = _function("split_get_treatments_with_config", *_MANY)
treatments_by_flag_sets = _function("split_get_treatments_by_flag_sets", *_MANY)
treatments_with_config_by_flag_sets = _function("split_get_treatments_with_config_by_flag_sets", *_MANY)
_BY_SET = (c_void_p, c_void_p, c_char_p, c_char_p, POINTER(Options))
treatments_by_flag_set = _function("split_get_treatments_by_flag_set", *_BY_SET)
treatments_with_config_by_flag_set = _function("split_get_treatments_with_config_by_flag_set", *_BY_SET)

result_release = _undeclared("split_result_release", None, _KEEPING)
results_data = _function("split_results_data", c_void_p, c_void_p, POINTER(c_size_t), library=_KEEPING)
results_free = _function("split_results_free", None, c_void_p, library=_KEEPING)

explain = _function("split_explain", c_int32, c_void_p, c_char_p, c_char_p, POINTER(Options), POINTER(Json))

track = _function("split_track", c_int32, c_void_p, c_char_p, c_char_p, c_char_p, c_double, POINTER(Options))

manager_names = _function("split_manager_names", c_void_p, c_void_p)
name_list_data = _function("split_name_list_data", POINTER(c_char_p), c_void_p, POINTER(c_size_t))
name_list_free = _function("split_name_list_free", None, c_void_p)
manager_json = _function("split_manager_json", c_int32, c_void_p, c_char_p, POINTER(Json))

_poll = _function("split_poll", c_int32, c_void_p, c_int64, c_size_t, POINTER(Json))
poll_fd = _function("split_poll_fd", c_int32, c_void_p)
_json_release = _function("split_json_release", None, POINTER(Json))


def take(text: Json) -> bytes:
    """The bytes of a text, which ends with that."""
    try:
        return ctypes.string_at(text.ptr, text.len)
    finally:
        _json_release(byref(text))


def poll(factory: int, timeout_ms: int, most: int) -> Tuple[int, Optional[bytes]]:
    """split_poll: the status, and the records if there are some."""
    text = Json()
    status = _poll(factory, timeout_ms, most, byref(text))
    return status, take(text) if status == OK else None
