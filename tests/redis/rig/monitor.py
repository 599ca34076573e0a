"""Every command that a server is sent, by its own MONITOR."""

import itertools
import re
import socket

_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(rb"\\(x[0-9a-f]{2}|.)")
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}
_MARKS = itertools.count()


def _unescape(match):
    what = match[1]
    return bytes([int(what[1:], 16)]) if len(what) == 3 else _PLAIN.get(what, what)


class Monitor:
    """Listens to a server without TLS and password; for a `with`."""

    def __init__(self, server):
        self._server = server

    def __enter__(self):
        self._socket = socket.create_connection(("127.0.0.1", self._server.port), timeout=20)
        self._lines = self._socket.makefile("rb")
        self._client = self._server.client()
        self._socket.sendall(b"MONITOR\r\n")
        assert self._lines.readline() == b"+OK\r\n"
        self.since()
        return self

    def __exit__(self, *_raised):
        self._lines.close()
        self._socket.close()
        self._client.close()

    def since(self):
        """The commands since the last time, but for those of the tests' own connection: [name, argument ...]."""
        mark = f"mark {next(_MARKS)}"
        self._client.echo(mark)
        own, found = None, []
        while True:
            line = self._lines.readline()
            address = line.split(b"]", 1)[0].rsplit(b" ", 1)[-1]
            command = [_ESCAPED.sub(_unescape, part).decode() for part in _QUOTED.findall(line.split(b"]", 1)[1])]
            if command[-1] == mark:
                own = address
                break
            found.append((address, command))
        return [[command[0].upper(), *command[1:]] for address, command in found if address != own]
