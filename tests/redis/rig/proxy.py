"""Something slow between an SDK and a server."""

import socket
import threading
import time

HOST = "127.0.0.1"


class Proxy:
    """Passes on what is sent to a server, and its answers: at once, `held` for some seconds each, or, with
    `dripping`, one byte each so many seconds. For a `with`."""

    def __init__(self, server):
        self._target = server.port
        self.held = self.dripping = 0.0
        # How often something was asked after the answer to what was asked before.
        self.trips = 0

    def __enter__(self):
        self._socket = socket.create_server((HOST, 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_raised):
        self._socket.close()

    @property
    def options(self):
        return {"redisHost": HOST, "redisPort": self.port}

    def _accept(self):
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            far = socket.create_connection((HOST, self._target))
            asking = threading.Event()
            threading.Thread(target=self._pass, args=[near, far, asking, False], daemon=True).start()
            threading.Thread(target=self._pass, args=[far, near, asking, True], daemon=True).start()

    def _pass(self, source, sink, asking, answers):
        try:
            while data := source.recv(65536):
                if answers:
                    time.sleep(self.held)
                    asking.clear()
                elif not asking.is_set():
                    asking.set()
                    self.trips += 1
                for byte in data if answers and self.dripping else ():
                    time.sleep(self.dripping)
                    sink.sendall(bytes([byte]))
                if not (answers and self.dripping):
                    sink.sendall(data)
        except OSError:
            # One of the two has gone: so does the other.
            return
        finally:
            for end in (source, sink):
                end.close()
