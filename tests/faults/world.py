"""What world.c does to this process, and what it saw."""

import ctypes

HOST = "split.faults.test"

try:
    _world = ctypes.CDLL(None)
    _world.world_set_clock.argtypes = [ctypes.c_longlong]
    _world.world_connections.argtypes = [ctypes.c_ushort]
    _world.world_connections.restype = _world.world_lookups.restype = ctypes.c_long
except AttributeError as cause:
    raise ImportError("world.c is not preloaded: run scripts/faulttests") from cause


def set_clock(ahead):
    """Puts the clock on the wall so many seconds ahead."""
    _world.world_set_clock(ahead)


def forget_names(forgotten):
    """Whether the name of the host cannot be resolved."""
    _world.world_forget_names(forgotten)


def attempts(port):
    """How often somebody began to reach the host: it was looked up, or a connection to the port begun."""
    return _world.world_lookups(), _world.world_connections(port)
