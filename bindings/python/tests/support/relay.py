"""What stands between an SDK and a server of this host."""

import contextlib
import socket
import threading

ADDRESS = "127.0.0.1"


class Link:
    """A connection to here, and the one from here to the server."""

    def __init__(self, near, far):
        self.near, self.far = near, far

    def end(self):
        for connection in (self.near, self.far):
            # Wakes who waits for it, which closing does not.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class Relay:
    """Passes on what is sent to a port of this host, and its answers; who inherits from it may think better of that."""

    def __init__(self, target):
        self._target = target
        self._links = set()

    def _accept(self, listening):
        """Until it is shut down."""
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            link = Link(near, socket.create_connection((ADDRESS, self._target)))
            self._links.add(link)
            for answers in (False, True):
                threading.Thread(target=self._carry, args=[link, answers], daemon=True).start()

    def _carry(self, link, answers):
        source = link.far if answers else link.near
        # An error is a connection that was cut, here or there.
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._pass(link, data, answers)
        self._links.discard(link)
        link.end()

    def _pass(self, link, data, answers):
        (link.near if answers else link.far).sendall(data)
