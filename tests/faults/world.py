"""What world.c does to this process, and what it saw."""

import ctypes

HOST = "split.faults.test"

try:
    _world = ctypes.CDLL(None)
    _world.world_set_clock.argtypes = [ctypes.c_longlong]
    _world.world_attempts.argtypes = [ctypes.c_ushort, ctypes.POINTER(ctypes.c_double), ctypes.c_long]
    _world.world_attempts.restype = ctypes.c_long
except AttributeError as cause:
    raise ImportError("world.c is not preloaded: run scripts/faulttests") from cause


def set_clock(ahead):
    """Puts the clock on the wall so many seconds ahead."""
    _world.world_set_clock(ahead)


def forget_names(forgotten):
    """Whether the name of the host cannot be resolved."""
    _world.world_forget_names(forgotten)


def attempts(port):
    """When somebody began to connect to a port, or, for port 0, to look up the host; in seconds of `time.monotonic`."""
    times = (ctypes.c_double * 4096)()
    return times[: _world.world_attempts(port, times, len(times))]
