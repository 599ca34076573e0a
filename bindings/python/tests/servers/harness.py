"""Servers as they are run in production, started for a test: on a free port, asked over HTTP, stopped as an operator
stops them. Whatever they start belongs to one session of the system, so that no process can be left over unseen."""

from __future__ import annotations

import collections
import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Counter, Dict, List, Optional, Set, Tuple

from support.emulated import Emulator, served
from support.waiting import eventually

APPS = Path(__file__).parent / "apps"
# A flag that everybody gets "on" for at first.
CHECKOUT = served("checkout")
STOP_SECONDS = 10
START_SECONDS = 20


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def program(name: str) -> str:
    """A program of the environment in which the tests run."""
    return str(Path(sys.executable).parent / name)


def processes(session: int) -> List[str]:
    """The living processes of a session: number and command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, _, _, member_of = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(member_of) == session and state != "Z":
                found.append(f"{entry.name} {(entry / 'cmdline').read_bytes()!r}")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


class Server:
    """A server with the application of `apps/`, for a `with`."""

    def __init__(
        self,
        command: List[str],
        port: int,
        folder: Path,
        environment: Dict[str, str],
        directory: Path = APPS,
        first: str = "/pid",
    ) -> None:
        """`directory` has the application, and `first` is a path that it answers."""
        self._command = command
        self._port = port
        self._log = folder / "server.log"
        self._environment = {**os.environ, **environment, "PYTHONPATH": str(directory), "HOME": str(folder)}
        self._directory = directory
        self._first = first
        self._process: Optional[subprocess.Popen] = None

    def __enter__(self) -> Server:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self._directory,
                start_new_session=True,
            )
        try:
            eventually(self._answers, f"an answer of {self._command[0]}", START_SECONDS)
        except BaseException:
            self._clean_up()
            raise
        return self

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended at once:\n{self.log()}")
        try:
            self.get(self._first)
            return True
        except (OSError, http.client.HTTPException):
            return False

    def __exit__(self, kind: Any, *_raised: Any) -> None:
        if kind is not None:
            self._clean_up()

    def _clean_up(self) -> None:
        """After a failure: its log, and nothing of it that goes on."""
        print(self.log())
        if self._process.poll() is None or processes(self._process.pid):
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def get(self, path: str) -> Dict[str, Any]:
        """The answer over a connection of its own, so that any worker may get it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise AssertionError(f"{path}: {answer.status} {body!r}\n{self.log()}")
            return json.loads(body)
        finally:
            connection.close()

    def stop(self, expected: int = 0) -> None:
        """As an operator does: it ends in time, with the right status, and nothing of it is left."""
        began = time.monotonic()
        self._process.terminate()
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not stopped: {processes(self._process.pid)}\n{self.log()}") from None
        took = time.monotonic() - began
        assert status == expected, f"status {status} after {took:.1f} s\n{self.log()}"
        eventually(lambda: not processes(self._process.pid), "the end of all processes", STOP_SECONDS - took + 1)
        text = self.log()
        for sign in ("Traceback", "SIGKILL", "Segmentation", "panicked", "DAMN", "with this SDK key already"):
            assert sign not in text, text


class Crowd:
    """Everything that the workers of a server are asked, so that it can be compared with what reached the backend."""

    def __init__(self, server: Server, workers: int) -> None:
        self._server = server
        self._workers = workers
        self._numbers = itertools.count()
        self.evaluated: Counter[str] = collections.Counter()
        self.tracked: Counter[str] = collections.Counter()
        self.by_worker: Dict[int, Set[str]] = collections.defaultdict(set)

    def ask(self, track: bool = False) -> List[Tuple[int, str]]:
        """As many evaluations at a time as it takes to keep each worker busy, each with a key that no other has. Who
        made them, and the treatments."""
        keys = [f"key-{next(self._numbers)}" for _ in range(2 * self._workers)]
        path = "/track" if track else "/treatment"
        with ThreadPoolExecutor(len(keys)) as pool:
            answers = list(pool.map(lambda key: self._server.get(f"{path}?key={key}"), keys))
        for key, answer in zip(keys, answers):
            self.evaluated[key] += 1
            self.tracked[key] += int(track)
            self.by_worker[answer["pid"]].add(key)
        return [(answer["pid"], answer["treatment"]) for answer in answers]

    def everyone(self, treatment: str, seconds: float = 15.0, track: bool = False) -> Set[int]:
        """Until each worker has said so, and no worker has since said something else. Who they are."""
        told: Set[int] = set()

        def all_told() -> bool:
            for worker, answer in self.ask(track):
                told.add(worker) if answer == treatment else told.discard(worker)
            return len(told) >= self._workers

        try:
            eventually(all_told, f"{treatment!r} from {self._workers} workers", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {sorted(told)} of {sorted(self.by_worker)}\n{self._server.log()}") from None
        return told

    def arrived(self, backend: Emulator, seconds: float = 15.0) -> None:
        """Each impression and event is at the backend, and exactly once."""
        events = +self.tracked

        def difference() -> Dict[str, Any]:
            """What is missing, and what came too often."""
            impressions, came = backend.impression_keys(), backend.event_keys()
            found = {
                "impressions missing": self.evaluated - impressions,
                "impressions too many": impressions - self.evaluated,
                "events missing": events - came,
                "events too many": came - events,
            }
            return {what: dict(keys) for what, keys in found.items() if keys}

        with contextlib.suppress(AssertionError):
            eventually(lambda: not difference(), "everything at the backend", seconds)
        assert difference() == {}, f"{difference()} of {dict(self.by_worker)}\n{self._server.log()}"
        # By the emulator's own sums, too.
        for endpoint, expected in (("testImpressions/bulk", self.evaluated), ("events/bulk", events)):
            sums = backend.call("GET", "counters")[endpoint]
            assert (sums["items"], sums["distinct"]) == (sum(expected.values()),) * 2, endpoint


def serve(backend: Emulator, command: List[str], port: int, folder: Path, **options: Any) -> Server:
    """A server whose application speaks to the emulator, with options of Split. Only the stream can tell it of a
    change."""
    config = {
        "streamingEnabled": True,
        "featuresRefreshRate": 3600,
        "segmentsRefreshRate": 3600,
        "impressionsMode": "DEBUG",
        "impressionsRefreshRate": 1,
        "eventsPushRate": 1,
        **options,
    }
    return Server(
        command,
        port,
        folder,
        {
            "SPLIT_CONFIG": json.dumps(config),
            "SPLIT_URLS": json.dumps(backend.arguments),
            "SPLIT_LISTENER": str(folder),
        },
    )


def listened(folder: Path) -> Dict[int, Counter[str]]:
    """The keys that the listener of each process was given."""
    return {
        int(file.suffix[1:]): collections.Counter(file.read_text().split()) for file in folder.glob("impressions.*")
    }


def show(
    backend: Emulator,
    server: Server,
    workers: int,
    folder: Path,
    parents: int = 0,
    status: int = 0,
    before_stop: Callable[[], Any] = lambda: None,
) -> None:
    """All workers get a streamed change; what they record arrives once; the server stops cleanly. `parents` are the
    other processes that have a stream, `status` is how a server ends that was told to."""
    crowd = Crowd(server, workers)
    crowd.everyone("on", track=True)
    eventually(lambda: len(backend.streams()) == workers + parents, f"{workers + parents} streams")
    backend.post("flags/kill", name="checkout", treatment="off")
    crowd.everyone("off", track=True)
    crowd.arrived(backend)
    assert len(crowd.by_worker) == workers, f"workers came and went: {sorted(crowd.by_worker)}"
    # What is recorded just before the end must arrive as well.
    crowd.everyone("off", track=True)
    before_stop()
    server.stop(status)
    crowd.arrived(backend, seconds=5)
    assert listened(folder) == {pid: collections.Counter(keys) for pid, keys in crowd.by_worker.items()}
