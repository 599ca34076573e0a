"""docs/benchmarks.md and its pictures, from docs/benchmarks.json.

Usage: report.py [JSON]

The figures are in the JSON, round by round, so that the text can be made anew without measuring again.
"""

import json
import pathlib
import sys
from statistics import median

import charts
from aims import aims
from evaluations import PLAN, SCENARIOS
from figures import Figures, number, spread

OURS, SPLITS, BOUND = "#1f6feb", "#8c959f", "#2da44e"

TEMPLATE = pathlib.Path(__file__).with_name("template.md")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def sdks(names):
    return [name for name in names if not name.startswith("bound")]


def against_c(figures, mode, threads, scenarios):
    names = sdks(figures.contestants)
    others = [name for name in names if name != "C"]
    rows = []
    for scenario in scenarios:
        ns = figures.costs(mode, scenario, threads, "C")
        row = [SCENARIOS[scenario], f"{median(ns):,.0f} ns"]
        for name in others:
            ratio = figures.ratio(mode, scenario, threads, name, "C")
            row.append(f"{number(median(ratio))}x" if ratio else "-")
        rows.append(row)
    return table(["times as long as from C", "C", *others], rows)


def nanoseconds(figures, mode, threads, scenarios):
    names = figures.contestants if mode == "optimized" else sdks(figures.contestants)
    rows = []
    for scenario in scenarios:
        costs = [figures.costs(mode, scenario, threads, name) for name in names]
        rows.append([SCENARIOS[scenario], *(spread(cost) if cost else "-" for cost in costs)])
    return table(["ns per call", *names], rows)


def against_bound(figures):
    rows = []
    for scenario in ["5050", "whitelist", "attr", "segment", "hundred", "unique", "config", "kept"]:
        row = [SCENARIOS[scenario]]
        for name in ("C", "C++"):
            for base in ("bound", "bound, recording"):
                ratio = figures.ratio("optimized", scenario, 1, name, base)
                row.append(f"{spread(ratio, 2)}x" if ratio else "-")
        made = figures.allocations("optimized", scenario, "C")
        row.append("-" if made is None or scenario == "unique" else f"{made:.4f}")
        rows.append(row)
    head = ["times the bound", "C", "C, bound recording", "C++", "C++, bound recording", "calls of malloc, C"]
    return table(head, rows)


def scaling(figures):
    rows = []
    for scenario in PLAN["optimized"][1]:
        row = [SCENARIOS[scenario]]
        for name in figures.contestants:
            scale = figures.scaling(scenario, name)
            row.append(spread(scale, 2) if scale else "-")
        rows.append(row)
    rows.append(["idle", spread(figures.scaling("idle", "bound"), 2), *["-"] * (len(figures.contestants) - 1)])
    return table(["two threads do as much as ... of one", *figures.contestants], rows)


def starts(figures):
    text = ""
    for (flags, keys), rows in figures.starts.items():
        ours = rows["C"]
        cells = []
        for name, row in rows.items():
            cell = [name, f"{median(row['ready']) / median(ours['ready']):.1f}x"]
            cell += [f"{median(row['rss']) / median(ours['rss']):.1f}x" if "rss" in row else "-"]
            cell += [spread(row["ready"])]
            cell += [spread(row["rss"]), spread(row["peak"])] if "rss" in row else ["-", "-"]
            cells.append(cell)
        text += f"\n### {flags:,} flags and a segment of {keys:,} keys\n\n"
        text += table(["", "ready, times C", "memory, times C", "ready, ms", "memory, MiB", "peak, MiB"], cells)
    return text


def changes(figures):
    rows, missing = [], []
    for row in figures.changes:
        seen = sorted(row["propagation_us"])
        if row["missed"]:
            missing.append(f"{row['contestant']}: {row['missed']}, after {len(seen)} changes that were seen.")
        if not seen:
            continue
        rows.append(
            [
                row["contestant"],
                f"{median(row['flag_cpu_ms']) * 1000:,.0f}",
                spread(row["segment_cpu_ms"], 2),
                f"{sum(row['segment_mib']):.1f}",
                f"{median(seen):,.0f}",
                f"{seen[len(seen) * 95 // 100]:,.0f}",
                str(row["fetches"]),
            ]
        )
    head = ["", "CPU, flag, µs", "CPU, segment, ms", "memory grown, MiB", "seen after, µs", "95 %, µs", "fetches"]
    return "\n".join([table(head, rows), *missing, *growth(figures)])


def growth(figures):
    """Of this library from C: whether a change costs more where there are more flags."""
    if figures.growth:
        head = ["one flag changes, from C, among", *(f"{row['flags']:,}" for row in figures.growth)]
        costs = (median(row["flag_cpu_ms"]) * 1000 for row in figures.growth)
        yield table(head, [["CPU, µs", *(f"{cost:,.0f}" for cost in costs)]])


def markdown(results):
    figures = Figures(results)
    machine = results["machine"]
    versions = [machine[name] for name in ("rustc", "cc", "go", "ruby", "java") if machine[name]]
    versions += [f"Python {machine['python']}", f"Node {machine['node']}"]
    alone, pairs = PLAN["optimized"]
    parts = {
        "versions": "; ".join(versions),
        "virtual": ", virtual" if machine["virtual"] else "",
        "aims": table(["aim", "measured", ""], aims(figures)),
        "one_against_c": against_c(figures, "optimized", 1, alone),
        "one_against_bound": against_bound(figures),
        "one_ns": nanoseconds(figures, "optimized", 1, alone),
        "scaling": scaling(figures),
        "two_ns": nanoseconds(figures, "optimized", 2, pairs),
        "starts": starts(figures),
        "changes": changes(figures),
    }
    for mode in ("none", "listener"):
        alone, pairs = PLAN[mode]
        parts[f"{mode}_against_c"] = against_c(figures, mode, 1, alone)
        parts[f"{mode}_ns"] = nanoseconds(figures, mode, 1, alone)
        parts[f"{mode}_two_ns"] = nanoseconds(figures, mode, 2, pairs)
    return TEMPLATE.read_text().format(**{**results, **machine, **parts})


def colour(name):
    return BOUND if name.startswith("bound") else SPLITS if name.startswith("Split's") else OURS


def evaluations_picture(results):
    figures = Figures(results)
    rows = []
    for name in figures.contestants:
        ns = median(figures.costs("optimized", "5050", 1, name))
        rows.append((name, ns, f"{ns:,.0f}", colour(name)))
    rows.sort(key=lambda row: row[1])
    subtitle = "ns of CPU time, one thread, impressions OPTIMIZED, telemetry on; each line is ten times the one before"
    return charts.bars("One evaluation", subtitle, rows, logarithmic=True)


def start_picture(results):
    largest = Figures(results).starts[(10_000, 1_000_000)]
    rows = []
    for name, row in largest.items():
        if "rss" in row:
            text = f"{median(row['rss']):,.0f} MiB, ready in {median(row['ready']):,.0f} ms"
            rows.append((name, median(row["rss"]), text, colour(name)))
    rows.sort(key=lambda row: row[1])
    return charts.bars("10,000 flags and a segment of 1,000,000 keys", "memory of the process a second later", rows)


def write(results, docs):
    (docs / "benchmarks.md").write_text(markdown(results))
    (docs / "benchmarks-evaluations.svg").write_text(evaluations_picture(results))
    (docs / "benchmarks-start.svg").write_text(start_picture(results))


if __name__ == "__main__":
    docs = pathlib.Path(__file__).parent.parent / "docs"
    file = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else docs / "benchmarks.json"
    write(json.loads(file.read_text()), docs)
