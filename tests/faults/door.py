"""A host before the backend, with the failures of hosts: nobody listens, or nobody answers."""

import socket
import threading

from support.relay import ADDRESS, Relay


class Door(Relay):
    """Passes on what is sent to a port, and its answers, while it is open. For a `with`."""

    def __init__(self, target):
        super().__init__(target)
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
        self._accepting = threading.Thread(target=self._accept, args=[self._socket], daemon=True)
        self._accepting.start()

    def refuse(self):
        """Ends all connections, and answers attempts at others with RST."""
        self._empty()
        for link in list(self._links):
            link.end()

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
