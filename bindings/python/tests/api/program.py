"""Uses the public API of the package splitio, whichever is installed, and prints what it answers.

Usage: program.py EMULATOR-URL DIRECTORY

Run by test_equal.py with both SDKs. Prints one JSON object: a result for each case, by name. Nothing here may know
which of the two it is talking to.
"""

import json
import pathlib
import sys

import asynchronous
import calls
import factories
import localhost
import matchers
import records
import surface
from showing import Results
from world import World


def main():
    world = World(sys.argv[1], pathlib.Path(sys.argv[2]))
    results = Results()
    for subject in (surface, calls, matchers, factories, localhost, records, asynchronous):
        subject.run(world, results)
    json.dump(results.shown, sys.stdout, indent=1, sort_keys=True)
    sys.stdout.flush()
    # What an SDK still has to do at the end is no subject of this.
    import os

    os._exit(0)


if __name__ == "__main__":
    main()
