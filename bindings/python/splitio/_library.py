"""Finding and loading the native library.

SPLITIO_LIBRARY names a file; else the library inside the wheel; else the system's. What is loaded must be of the
same major version as this package, and not older.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import pathlib
from typing import Tuple

from .version import __version__

SONAME = "libsplitio.so.1"
_INSIDE = pathlib.Path(__file__).with_name("lib") / SONAME


def refuse_the_official_sdk() -> None:
    """Both distributions own the package `splitio`: where both are installed, files of the two are mixed."""
    try:
        other = importlib.metadata.version("splitio_client")
    except importlib.metadata.PackageNotFoundError:
        return
    raise ImportError(
        f"splitio_client {other} and splitio-native are both installed, and both provide the package splitio. "
        "Uninstall both (pip uninstall splitio_client splitio-native), then install the one you want."
    )


def path() -> str:
    """The file to load, or the name that the system's loader searches."""
    named = os.environ.get("SPLITIO_LIBRARY")
    if named:
        return named
    return str(_INSIDE) if _INSIDE.exists() else SONAME


def version_number(version: str) -> int:
    """As SPLIT_VERSION_NUMBER of splitio.h counts."""
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    return major * 1_000_000 + minor * 1000 + patch


def load() -> Tuple[ctypes.CDLL, ctypes.PyDLL]:
    """The library twice: calls of the first give up the interpreter lock, those of the second keep it."""
    file = path()
    try:
        library = ctypes.CDLL(file)
    except OSError as cause:
        raise ImportError(
            f"libsplitio cannot be loaded from {file!r}: {cause}. Install the wheel for this platform, install the "
            "library for the system, or set SPLITIO_LIBRARY to its file."
        ) from cause
    check = library.split_version_check
    check.argtypes = [ctypes.c_uint32]
    check.restype = ctypes.c_int32
    if check(version_number(__version__)) != 0:
        library.split_version.restype = ctypes.c_char_p
        raise ImportError(
            f"libsplitio {library.split_version().decode()} from {file!r} cannot serve splitio-native {__version__}: "
            "it must be of the same major version, and not older."
        )
    return library, ctypes.PyDLL(file)
