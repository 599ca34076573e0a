"""The guide's blocks about logging and proxies."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
import threading
from pathlib import Path

import pytest
from guide.blocks import block
from support.emulated import destroy
from support.waiting import eventually

import splitio


def complain():
    """Something that the SDK warns of."""
    factory = splitio.get_factory("YOUR_SDK_KEY")
    factory.block_until_ready(5)
    factory.client().get_treatment(None, "FEATURE_FLAG_NAME")


@block("Logging", 1)
def test_logging(plain_logging, capsys):
    plain_logging()
    import logging

    logger = logging.getLogger("splitio")
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)s %(name)-12s %(levelname)-8s %(message)s")
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)

    complain()
    seen = []

    def lines():
        seen.extend(capsys.readouterr().err.splitlines())
        return any("get_treatment" in line for line in seen)

    eventually(lines, "the complaint on standard error")
    for line in seen:
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} splitio[.\w]* +(WARNING|ERROR) ", line), line


@block("Logging", 2, but={"import time": "nothing in the block uses it"})
def test_logging_asyncio(plain_logging, tmp_path, monkeypatch):
    import asyncio
    import logging
    import logging.handlers
    from queue import SimpleQueue

    plain_logging()
    monkeypatch.chdir(tmp_path)
    # The handler that the block removes: of a program that logs to its standard output already.
    logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))
    from splitio import get_factory

    queue = SimpleQueue()
    queue_handler = logging.handlers.QueueHandler(queue)
    listener = logging.handlers.QueueListener(
        queue,
        logging.StreamHandler(),
        logging.FileHandler("split.log"),
    )
    logger = logging.getLogger()
    logFormatter = logging.Formatter("%(asctime)s %(name)-12s %(levelname)-8s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
    queue_handler.setFormatter(logFormatter)
    logger.addHandler(queue_handler)
    logger.setLevel("DEBUG")
    logger.propagate = False
    lhStdout = logger.handlers[0]
    logger.removeHandler(lhStdout)

    listener.start()

    async def main():
        factory = get_factory("YOUR_SDK_KEY")
        split = factory.client()

        factory.block_until_ready(5)
        split.get_treatment(None, "FEATURE_FLAG_NAME")
        eventually(lambda: "get_treatment" in Path("split.log").read_text(), "the complaint in the file")

    try:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
    finally:
        listener.stop()
        for handler in listener.handlers:
            handler.close()

    lines = Path("split.log").read_text().splitlines()
    ours = [line for line in lines if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d splitio", line)]
    assert any(" ERROR " in line for line in ours), lines
    assert any(" INFO " in line or " DEBUG " in line for line in ours), lines


@block("Logging", 3)
def test_logging_basic(plain_logging, tmp_path, monkeypatch):
    plain_logging()
    monkeypatch.chdir(tmp_path)
    import logging

    logging.basicConfig(filename="example.log", level=logging.WARNING)

    complain()
    eventually(lambda: "get_treatment" in Path("example.log").read_text(), "the complaint in the file")
    assert re.search(r"^ERROR:splitio[.\w]*:", Path("example.log").read_text(), re.MULTILINE)
    assert "DEBUG:" not in Path("example.log").read_text()


class Proxy:
    """Takes requests for any host to the emulator, and notes whom they were for."""

    def __init__(self, backend):
        self.asked = []
        self._there = backend.url.replace("http://", "").split(":")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self):
        self._listener.close()

    def _serve(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(self._there) as server:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            line, _, rest = head.partition(b"\r\n")
            method, target, version = line.split(b" ")
            self.asked.append(target.decode())
            if method == b"CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                server.sendall(rest.partition(b"\r\n\r\n")[2])
            else:
                # One request for a connection, so that each is seen.
                path = re.sub(rb"^http://[^/]*", b"", target)
                rest = re.sub(rb"(?im)^(proxy-)?connection:[^\r\n]*\r\n", b"", rest)
                server.sendall(b" ".join([method, path, version]) + b"\r\nConnection: close\r\n" + rest)
            back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
            back.start()
            self._copy(client, server)
            back.join()

    @staticmethod
    def _copy(source, target):
        with contextlib.suppress(OSError):
            while True:
                piece = source.recv(65536)
                if not piece:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(piece)


A_SHELL = "of a shell; and an address of the test"


@block(
    "Proxy",
    1,
    but={
        '$ export HTTP_PROXY="http://10.10.1.10:3128"': A_SHELL,
        '$ export HTTPS_PROXY="http://10.10.1.10:1080"': A_SHELL,
    },
)
@pytest.mark.parametrize(("variable", "scheme"), [("HTTP_PROXY", "http"), ("HTTPS_PROXY", "https")])
def test_proxy(backend, monkeypatch, variable, scheme):
    for name in list(os.environ):
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name)
    proxy = Proxy(backend)
    monkeypatch.setenv(variable, proxy.url)
    url = f"{scheme}://split.invalid"

    factory = splitio.get_factory(
        "YOUR_SDK_KEY",
        sdk_api_base_url=f"{url}/api",
        events_api_base_url=f"{url}/api",
        auth_api_base_url=f"{url}/api",
        telemetry_api_base_url=f"{url}/api",
        streaming_api_base_url=url,
    )
    try:
        if scheme == "https":
            # The proxy is asked for the way, and there is no certificate at its end; scripts/network goes all of it.
            eventually(lambda: "split.invalid:443" in proxy.asked, "a request to the proxy")
        else:
            factory.block_until_ready(10)
            assert factory.client().get_treatment("key", "FEATURE_FLAG_NAME") == "on"
            assert any("split.invalid" in target for target in proxy.asked)
            destroy(factory)
    finally:
        proxy.close()
