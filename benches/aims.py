"""What this library wants to reach, beside what was measured."""

from statistics import median

from evaluations import SHAPES
from figures import spread

LARGEST, SMALLER_SEGMENT = (10_000, 1_000_000), (10_000, 100_000)
KEY_BYTES = 20
MIB = 2**20


def aims(figures):
    """Rows: the aim, what was measured, whether it is met."""
    return [
        *bound(figures),
        *threads(figures),
        *peers(figures),
        *start(figures),
        *changes(figures),
    ]


def row(aim, measured, met):
    return [aim, measured, "met" if met else "**not met**"]


def absent(aim):
    return [aim, "not measured here", "-"]


def at_most(aim, ratios, limit, unit="x"):
    """`ratios` by scenario, round by round; the worst median counts."""
    measured = ", ".join(f"{scenario} {spread(values, 2)}{unit}" for scenario, values in ratios.items())
    return row(aim, measured, max(median(values) for values in ratios.values()) <= limit)


def bound(figures):
    of_bound = {scenario: figures.ratio("optimized", scenario, 1, "C", "bound") for scenario in [*SHAPES, "unique"]}
    others = {scenario: of_bound[scenario] for scenario in SHAPES[1:]}
    yield at_most("`5050` at most 3x the bound", {"5050": of_bound["5050"]}, 3)
    yield at_most("the other shapes at most 3.5x", others, 3.5)
    yield at_most("then `5050` at most 2x", {"5050": of_bound["5050"]}, 2)
    yield at_most("then the others at most 2.5x", others, 2.5)
    yield at_most("keys never seen before: 250 ns where the bound is 20, 12.5x", {"unique": of_bound["unique"]}, 12.5)
    made = {
        f"{scenario}, {name}": figures.allocations("optimized", scenario, name)
        for scenario in [*SHAPES, "kept", "config"]
        for name in ("C", "C++")
    }
    made = {what: count for what, count in made.items() if count is not None}
    # What a thread does once, in its first call, may be in the first round.
    most = max(made.values())
    yield row("a warm evaluation allocates nothing", f"{most:.6f} calls of malloc at most", most < 0.001)


def threads(figures):
    own = {scenario: figures.scaling(scenario, "C") for scenario in SHAPES}
    least = min(median(values) for values in own.values())
    recording, idle = figures.scaling("5050", "bound, recording"), figures.scaling("idle", "bound")
    measured = ", ".join(f"{scenario} {spread(values, 2)}" for scenario, values in own.items())
    yield row(
        "two pinned threads do 1.9 times as much as one, or what the bound with recording does",
        f"{measured}; the bound with recording {spread(recording, 2)}, plain arithmetic {spread(idle, 2)}",
        least >= min(1.9, median(recording)),
    )


def peers(figures):
    for binding, peer, times in [
        ("C", "Split's Go", 30),
        ("C", "Split's Node", 100),
        ("C", "Split's Python", 500),
        ("Go", "Split's Go", 12),
        ("Python", "Split's Python", 45),
    ]:
        ratios = {scenario: figures.ratio("optimized", scenario, 1, peer, binding) for scenario in SHAPES}
        aim = f"from {binding} {times} times as fast as {peer} SDK"
        if not all(ratios.values()):
            yield absent(aim)
            continue
        measured = ", ".join(f"{scenario} {median(values):,.0f}x" for scenario, values in ratios.items())
        yield row(aim, measured, min(median(values) for values in ratios.values()) >= times)
    yield absent("from Ruby 20 times as fast as Split's gem")


def start(figures):
    rows = figures.starts.get(LARGEST)
    if not rows:
        return
    what = "ready with 10,000 flags and a segment of 1,000,000 keys"
    wanted = [("ready", f"{what} in a fifth of the best SDK's time", 5), ("rss", "in a third of the best's memory", 3)]
    for name, aim, share in wanted:
        peers = {peer: median(figure[name]) for peer, figure in rows.items() if peer.startswith("Split's")}
        if not peers:
            yield absent(aim)
            continue
        best = min(peers, key=peers.get)
        times = peers[best] / median(rows["C"][name])
        floor = f"; fetching and unpacking alone {median(rows['fetching and unpacking']['ready']):,.0f} ms"
        unit = "ms" if name == "ready" else "MiB"
        measured = f"1/{times:.1f} of {best}'s: {spread(rows['C'][name])} {unit} to {peers[best]:,.0f}"
        yield row(aim, measured + (floor if name == "ready" else ""), times >= share)
    smaller = figures.starts[SMALLER_SEGMENT]["C"]
    keys = LARGEST[1] - SMALLER_SEGMENT[1]
    each = (median(rows["C"]["rss"]) - median(smaller["rss"])) * MIB / keys - KEY_BYTES
    aim = "a key of a segment takes at most 16 bytes beyond its text"
    yield row(aim, f"{each:.1f} bytes of resident memory", each <= 16)


def changes(figures):
    ours = next((each for each in figures.changes if each["contestant"] == "C"), None)
    if ours is None:
        return
    segment, grown = median(ours["segment_cpu_ms"]), sum(ours["segment_mib"])
    # A copy of the set is tens of milliseconds and of MiB, each time.
    yield row(
        "no copy of a segment for a change of 2 keys in 1,000,000",
        f"{segment:.2f} ms of CPU, {grown:.1f} MiB for {len(ours['segment_mib']) * 10} changes",
        segment < 10 and grown < 16,
    )
    flag = median(ours["flag_cpu_ms"]) * 1000
    yield row(
        "a change of one flag among 10,000 costs microseconds",
        f"{flag:.0f} µs of CPU with the stream's part, seen after {median(ours['propagation_us']):,.0f} µs, "
        f"{ours['fetches']} fetches",
        flag < 1000 and ours["fetches"] == 0,
    )
