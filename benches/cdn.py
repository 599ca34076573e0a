"""In front of the back end at a start: definitions are kept packed, as Split's CDN keeps them.

The emulator writes and packs 25 MB for each who asks, which takes longer than it takes an SDK to read them: the bench
would measure the emulator.
"""

import contextlib
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

KEPT = ("splitChanges", "segmentChanges")
PASSED_ON = ("Authorization", "Accept-Encoding", "Content-Type", "Content-Encoding")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Set by `cdn`: where the back end is, and what it has answered.
    origin = ""
    kept = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        key = (self.path, "gzip" in self.headers.get("Accept-Encoding", ""))
        answer = self.kept.get(key)
        if answer is None:
            answer = self.ask()
            if answer[0] == 200 and any(what in self.path for what in KEPT):
                self.kept[key] = answer
        self.give(*answer)

    def do_POST(self):
        self.give(*self.ask())

    def ask(self):
        connection = http.client.HTTPConnection(self.origin)
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        told = {name: answer.headers[name] for name in ("Content-Type", "Content-Encoding") if name in answer.headers}
        text = answer.read()
        connection.close()
        return answer.status, told, text

    def give(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """SDKs that end cut their connections."""


@contextlib.contextmanager
def cdn(backend_url):
    """Gives the URL to ask instead."""
    handler = type("Kept", (Handler,), {"origin": urlsplit(backend_url).netloc, "kept": {}})
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
