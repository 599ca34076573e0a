"""Reads what callgrind wrote about benches/instructions/evaluate.c: see scripts/callgrind.

    rows.py sums CALLS RUN...      a line for each row: its name, instructions of a call, calls of malloc of a call
    rows.py profile CALLS RUN      where the instructions of each row are: by function, and by source file

A RUN is a directory with the dumps of one run, CALLS how many calls each dump is of. Of several runs the median counts:
where names lie in hash tables is up to chance. What malloc and free do inside depends on what else is in the heap: so
their calls are counted, and not their instructions.
"""

import collections
import pathlib
import re
import statistics
import sys

ALLOCATOR = {"malloc", "calloc", "realloc", "free", "cfree", "posix_memalign", "aligned_alloc"}
ROW = "desc: Trigger: Client Request: "
# A dump between rows.
WARM_UP = "warm-up"
# `fn=(7) name` the first time, and `fn=(7)` from then on, in later dumps too.
NAME = re.compile(r"(c?fn|f[ile]|c?ob|cfi|cfl)=\((\d+)\)(?: (.*))?")
# Which numbers are of the same names; all others are those of files.
TABLES = {"fn": "function", "cfn": "function", "ob": "object", "cob": "object"}
COST = re.compile(r"(?:[+-]?\d+|\*) (\d+)")


class Row:
    """Instructions of a dump."""

    def __init__(self):
        self.functions = collections.Counter()
        self.files = collections.Counter()
        # How often a function was called, and what callers that are not of the allocator spent in it and below.
        self.calls = collections.Counter()
        self.below = collections.Counter()

    def allocator(self):
        return sum(self.below[name] for name in self.below if is_allocator(name))

    def total(self):
        return sum(self.functions.values()) - self.allocator()

    def allocations(self):
        return sum(self.calls[name] for name in self.calls if is_allocator(name) and "free" not in name)


def is_allocator(function):
    return function.split("@")[0] in ALLOCATOR


def read(run):
    """The rows of a run by their names."""
    rows, names = {}, {}
    for dump in sorted(pathlib.Path(run).glob("rows.*"), key=lambda path: int(path.suffix[1:])):
        row, now, called = Row(), {}, None
        for line in dump.read_text().splitlines():
            if line.startswith(ROW):
                rows[line.removeprefix(ROW)] = row
            elif match := NAME.fullmatch(line):
                key, number, name = match.groups()
                table = names.setdefault(TABLES.get(key, "file"), {})
                # Code that is inlined says with `fi` where it is from, and with `fe` where that ends.
                now["file" if key in ("fl", "fi", "fe") else key] = table.setdefault(number, name)
            elif line.startswith("calls="):
                called = int(line.removeprefix("calls=").split()[0])
            elif match := COST.fullmatch(line):
                cost = int(match[1])
                if called is None:
                    row.functions[now["fn"]] += cost
                    row.files[now["file"]] += cost
                elif not is_allocator(now["fn"]):
                    row.calls[now["cfn"]] += called
                    row.below[now["cfn"]] += cost
                called = None
    rows.pop(WARM_UP, None)
    return rows


def sums(calls, runs):
    for name in runs[0]:
        rows = [run[name] for run in runs]
        instructions = statistics.median(row.total() for row in rows) / calls
        allocations = statistics.median(row.allocations() for row in rows) / calls
        print(f"{name} {instructions:.1f} {allocations:.2f}")


def place(path):
    """A source file, without the directories of the machine it was built on."""
    for mark, shown in (("/library/", "std: "), ("/registry/src/", "")):
        if mark in path:
            tail = path.split(mark, 1)[1]
            return shown + (tail.split("/", 1)[1] if not shown else tail)
    for mark in ("/src/", "/benches/"):
        if mark in path:
            return mark.lstrip("/") + path.split(mark, 1)[1]
    return "libc" if path.startswith(".") or "sysdeps" in path else path


def profile(calls, rows):
    for name, row in rows.items():
        print(f"\n{name}: {row.total() / calls:.0f} instructions, {row.allocations() / calls:.2f} calls of malloc")
        if row.allocator():
            print(f"and {row.allocator() / calls:.0f} instructions in malloc and free")
        for what, found in (("function", row.functions), ("file", merged(row.files))):
            print(f"  {'self':>7} {'share':>6}  {what}")
            for key, cost in found.most_common():
                if cost < 0.01 * row.total():
                    break
                print(f"  {cost / calls:7.1f} {cost / row.total():6.1%}  {key}")


def merged(files):
    places = collections.Counter()
    for path, cost in files.items():
        places[place(path)] += cost
    return places


def main():
    what, calls, *runs = sys.argv[1:]
    runs = [read(run) for run in runs]
    if not all(run.keys() == runs[0].keys() for run in runs):
        raise SystemExit("not all runs have the same rows")
    if what == "sums":
        sums(int(calls), runs)
    else:
        profile(int(calls), runs[0])


if __name__ == "__main__":
    main()
