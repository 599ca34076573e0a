"""Start-up and small changes of a large segment: libsplitio beside Split's own SDKs for Python and Node, against the
same emulator in the same run.

Usage: bench.py EMULATOR START WORK PYTHON NODE_MODULES [FLAGS [KEYS]]

EMULATOR and START are programs, WORK a directory for the data, PYTHON an interpreter that has splitio_client.
"""

import json
import os
import pathlib
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).parent
# A member of the segment, and a flag that looks at it.
KEY, FLAG = "00000000-cafe-4bad-8888-000000000000", "flag_00100"
REPEATS = 3
CHANGES = 10


def emulator(program, work):
    process = subprocess.Popen(
        [program, "--port", "0", "--file", work / "flags.json", "--segments", work / "segments", "--no-record"],
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().split()[-1]


def measured(command, environment=None):
    """Each figure at its best of a few runs: other programs only ever add to it."""
    runs = []
    for _ in range(REPEATS):
        done = subprocess.run(
            command, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, text=True, check=True
        )
        runs.append([float(figure) for figure in done.stdout.split()[-3:]])
    return [min(run[place] for run in runs) for place in range(3)]


def row(name, figures):
    print(f"{name:28} {figures[0]:9.0f} {figures[1]:9.0f} {figures[2] / 1024:9.0f}", flush=True)


def change(url, number):
    """Two keys come, two go."""
    body = {"name": "everybody", "added": [f"change-{number}", f"other-{number}"]}
    if number > 0:
        body["removed"] = [f"change-{number - 1}", f"other-{number - 1}"]
    urllib.request.urlopen(f"{url}/control/segments/update", json.dumps(body).encode()).close()


def changes(program, url):
    process = subprocess.Popen([program, url, KEY, FLAG, str(CHANGES)], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("change"):
            change(url, int(line.split()[1]))
        figures = line.split()
    if process.wait() != 0:
        sys.exit("the changes did not arrive")
    return [float(figure) for figure in figures]


def main():
    program, start, work, python, modules = sys.argv[1:6]
    flags, keys = (int(argument) for argument in (sys.argv[6:] + ["10000", "1000000"][len(sys.argv) - 6 :]))
    work = pathlib.Path(work)
    made = f"{flags} {keys}\n" + (HERE / "generate.py").read_text()
    if not (work / "made").exists() or (work / "made").read_text() != made:
        subprocess.run([sys.executable, HERE / "generate.py", work, str(flags), str(keys)], check=True)
        (work / "made").write_text(made)
    size = (work / "flags.json").stat().st_size / 1e6
    process, url = emulator(program, work)
    try:
        print(f"\nStart with {flags} flags ({size:.0f} MB) and a segment of {keys} keys; the best of {REPEATS} runs")
        print(f"{'':28} {'ready ms':>9} {'CPU ms':>9} {'peak MiB':>9}")
        row("libsplitio", measured([start, url, KEY, FLAG]))
        row("Python SDK", measured([python, HERE / "start.py", url, KEY, FLAG]))
        row("Node SDK", measured(["node", HERE / "start.mjs", url, KEY, FLAG], {"NODE_PATH": modules}))
        row("(fetching and unpacking)", measured([sys.executable, HERE / "download.py", url]))
        cost, nothing, grown = changes(start, url)
        print(f"\nChanges of four keys in the segment of {keys}, one a second, by polling")
        print(
            f"{cost:.2f} ms CPU time each, of which {nothing:.2f} ms is a second of polls that bring nothing;", end=" "
        )
        print(f"memory grew by {grown:.0f} KiB in {CHANGES}")
        # A copy of the set is tens of milliseconds and of MiB.
        if cost - nothing > 10 or grown > 8 * 1024:
            sys.exit("FAILED: a small change costs as if the set were copied")
    finally:
        process.terminate()
        process.wait()


main()
