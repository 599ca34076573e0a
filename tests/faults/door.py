"""A host before the backend, with the failures of hosts: nobody listens, or nobody answers."""

import contextlib
import socket
import threading

ADDRESS = "127.0.0.1"


class Door:
    """Passes on what is sent to a port, and its answers, while it is open. For a `with`."""

    def __init__(self, target):
        self._target = target
        self._passing = set()
        self._crowd = []
        self._listens = False
        self._accepting = None

    def __enter__(self):
        # A port that was asked for stays ours while nobody listens on it; one that the system chose would not.
        with socket.create_server((ADDRESS, 0)) as chosen:
            self.port = chosen.getsockname()[1]
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((ADDRESS, self.port))
        self.open()
        return self

    def __exit__(self, *_raised):
        self.refuse()
        self._socket.close()

    def open(self):
        self._empty()
        self._listen(64)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def refuse(self):
        """Ends all connections, and answers attempts at others with RST."""
        self._empty()
        for end in list(self._passing):
            _end(end)

    def stall(self):
        """Ends all connections, and lets attempts at others wait for an answer."""
        self.refuse()
        self._listen(0)
        # The only place that there is.
        self._crowd.append(socket.create_connection((ADDRESS, self.port)))

    def _empty(self):
        for one in self._crowd:
            one.close()
        self._crowd.clear()
        # Of a socket that does not listen it would be remembered, by all that it ever accepts.
        if self._listens:
            self._socket.shutdown(socket.SHUT_RDWR)
        self._listens = False
        # It would go on with what listens next.
        if self._accepting:
            self._accepting.join()
            self._accepting = None

    def _listen(self, places):
        self._socket.listen(places)
        self._listens = True

    def _accept(self):
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            far = socket.create_connection((ADDRESS, self._target))
            self._passing.update((near, far))
            threading.Thread(target=self._pass, args=[near, far], daemon=True).start()
            threading.Thread(target=self._pass, args=[far, near], daemon=True).start()

    def _pass(self, source, sink):
        # An error is a connection that was cut, here or there.
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            self._passing.discard(end)
            _end(end)


def _end(connection):
    # Wakes who waits for it, which closing does not.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
