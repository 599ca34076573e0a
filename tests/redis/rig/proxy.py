"""Something slow between an SDK and a server."""

import socket
import threading
import time

from support.relay import ADDRESS, Relay


class Proxy(Relay):
    """Passes on what is sent to a server, and its answers: at once, `held` for some seconds each, or, with
    `dripping`, one byte each so many seconds. For a `with`."""

    def __init__(self, server):
        super().__init__(server.port)
        self.held = self.dripping = 0.0
        # An error that every command is answered with, instead of being passed on.
        self.refusing = None
        # How often something was asked after the answer to what was asked before.
        self.trips = 0
        self._asking, self._silent = set(), set()

    def __enter__(self):
        self._socket = socket.create_server((ADDRESS, 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, args=[self._socket], daemon=True).start()
        return self

    def __exit__(self, *_raised):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def silence(self):
        """The connections that there are stay open, and nothing comes through any more; new ones work."""
        self._silent.update(self._links)

    @property
    def is_idle(self):
        """Whether all that was asked is answered, or never will be."""
        return not (self._asking & self._links) - self._silent

    @property
    def options(self):
        return {"redisHost": ADDRESS, "redisPort": self.port}

    def _pass(self, link, data, answers):
        if link in self._silent:
            return
        if self.refusing and not answers:
            # What is asked comes in one piece, and no text of it begins a line with a star.
            link.near.sendall(b"-%b\r\n" % self.refusing * (1 + data.count(b"\r\n*")))
            return
        if answers:
            time.sleep(self.held)
            self._asking.discard(link)
        elif link not in self._asking:
            self._asking.add(link)
            self.trips += 1
        if not (answers and self.dripping):
            super()._pass(link, data, answers)
            return
        for byte in data:
            time.sleep(self.dripping)
            super()._pass(link, bytes([byte]), answers)
