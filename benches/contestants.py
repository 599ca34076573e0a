"""Who is measured: each is a process that is told what to do by lines.

A worker is started with the URL of a back end and a mode: `optimized` (impressions OPTIMIZED, telemetry; the default of
SDKs), `none` (impressions NONE), `listener` (OPTIMIZED, and every impression goes to a listener) or `streaming`
(OPTIMIZED, changes come by the stream; the others poll). It says `ready MILLISECONDS`, then answers lines:

    SCENARIO THREADS CALLS    ns of the threads' CPU time per call; ns of the clock on the wall per call of all threads;
                              how many of all answers were "on"; calls of malloc, or "-" where nobody counts. Only "-":
                              it has no such scenario
    await 1 1                 says `waiting`, and evaluates the flag `probe` until its treatment is another one:
                              ns since 1970 then
"""

import os
import pathlib
import select
import subprocess
import sys
from dataclasses import dataclass, field

BENCHES = pathlib.Path(__file__).parent
# Seconds to wait for what should take none.
PATIENCE = 20
BINDINGS = BENCHES.parent / "bindings"


@dataclass
class Contestant:
    name: str
    language: str
    command: list
    environment: dict = field(default_factory=dict)
    # Of Split; else of this project.
    official: bool = False
    # Whether it is an SDK; else a bound.
    sdk: bool = True


def contestants(target, out):
    """All that were built: `target` is cargo's directory, `out` that of the programs in C."""
    library = {"SPLITIO_LIBRARY": str(out / "lib" / "libsplitio.so.1")}
    java = target / "bench" / "java"
    worker = [BENCHES / "python" / "worker.py"]
    splits_python = target / "bench" / "python" / "bin" / "python"
    everyone = [
        Contestant("bound", "bound", [out / "bench-bound"], sdk=False),
        Contestant("bound, recording", "bound", [out / "bench-bound-recording"], sdk=False),
        Contestant("C", "c", [out / "bench-c"]),
        Contestant("C++", "cpp", [out / "bench-cpp"]),
        Contestant("Go", "go", [out / "bench-go"]),
        Contestant("Ruby", "ruby", ["ruby", f"-I{BINDINGS}/ruby/lib", BENCHES / "ruby" / "worker.rb"], library),
        Contestant("Python", "python", [sys.executable, *worker], library | {"PYTHONPATH": f"{BINDINGS}/python"}),
        Contestant("Split's Java", "java", ["java", "-cp", f"{java}/lib/*:{java}/classes", "Worker"], official=True),
        Contestant("Split's Go", "go", [out / "bench-go-official"], official=True),
        Contestant(
            "Split's Node",
            "node",
            ["node", BENCHES / "node" / "worker.mjs"],
            {"NODE_PATH": str(target / "official" / "node" / "node_modules")},
            official=True,
        ),
        Contestant("Split's Python", "python", [splits_python, *worker], official=True),
    ]
    if not (java / "classes" / "Worker.class").exists():
        print("Java: without a JDK and Maven, Split's SDK for it is not measured")
        everyone = [each for each in everyone if each.language != "java"]
    return everyone


class MissedError(Exception):
    """A contestant did not do in time what it was told."""


class Worker:
    """A contestant that runs. What it says on standard error goes to a file."""

    def __init__(self, contestant, url, mode, logs):
        self.contestant = contestant
        self.log = logs / f"{contestant.name.replace(' ', '-')}-{mode}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*map(str, contestant.command), url, mode],
                env={**os.environ, **contestant.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        word, ready = self._line()
        if word != "ready":
            raise SystemExit(f"{contestant.name} said {word}")
        self.ready_ms = float(ready)

    def _line(self, seconds=None):
        # Each line is read before the next is asked for: none is in a buffer.
        if seconds is not None and not select.select([self.process.stdout], [], [], seconds)[0]:
            raise MissedError(f"{self.contestant.name} is silent")
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.contestant.name} ended:\n{self.log.read_text()}")
        return line.split()

    def send(self, scenario, threads=1, calls=1):
        self.process.stdin.write(f"{scenario} {threads} {calls}\n")
        self.process.stdin.flush()

    def answer(self, seconds=None):
        """Of the line that was sent: numbers, or None when it has no such scenario."""
        words = self._line(seconds)
        return None if words == ["-"] else [None if word == "-" else float(word) for word in words]

    def wait_for_a_change(self):
        """From now on, by a thread of its own: `answer` has when."""
        self.send("await")
        if self._line(PATIENCE) != ["waiting"]:
            raise SystemExit(f"{self.contestant.name} does not wait")

    def ask(self, scenario, threads=1, calls=1):
        self.send(scenario, threads, calls)
        return self.answer()

    def memory(self, name):
        """MiB by a line of /proc/PID/status: VmRSS is what is resident, VmHWM the most that ever was."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
        raise SystemExit(f"no {name} of {self.contestant.name}")

    def cpu_ms(self):
        """What all its threads have used."""
        used = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            used += int((task / "schedstat").read_text().split()[0])
        return used / 1e6

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()
