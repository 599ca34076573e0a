"""The results of a run, by the questions that are asked of them."""

from statistics import median


def number(value):
    """With as many digits as are worth it."""
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def spread(values, digits=None):
    """The median, and in brackets the least and the most."""

    def text(value):
        return number(value) if digits is None else f"{value:.{digits}f}"

    return f"{text(median(values))} ({text(min(values))} to {text(max(values))})"


class Figures:
    def __init__(self, results):
        self.rows = {
            (row["mode"], row["scenario"], row["threads"], row["contestant"]): row
            for row in results.get("evaluations", [])
        }
        self.contestants = list(dict.fromkeys(row["contestant"] for row in results.get("evaluations", [])))
        self.starts = {}
        for row in results.get("start", []):
            self.starts.setdefault((row["flags"], row["keys"]), {})[row["contestant"]] = row
        self.changes = results.get("changes", [])
        self.growth = results.get("growth", [])

    def costs(self, mode, scenario, threads, contestant):
        """Nanoseconds of a call, round by round: CPU time of one thread, or the wall's with two."""
        row = self.rows.get((mode, scenario, threads, contestant))
        return row["cpu" if threads == 1 else "wall"] if row else None

    def ratio(self, mode, scenario, threads, contestant, base):
        """How many times as long as `base`, round by round."""
        costs = self.costs(mode, scenario, threads, contestant)
        bases = self.costs(mode, scenario, threads, base)
        if not costs or not bases:
            return None
        return [cost / base for cost, base in zip(costs, bases, strict=True)]

    def scaling(self, scenario, contestant):
        """One thread's time over that of two threads together, round by round; 2 is linear."""
        alone = self.rows.get(("optimized", scenario, 1, contestant))
        pair = self.rows.get(("optimized", scenario, 2, contestant))
        if not alone or not pair:
            return None
        return [one / two for one, two in zip(alone["cpu"], pair["wall"], strict=True)]

    def allocations(self, mode, scenario, contestant):
        row = self.rows.get((mode, scenario, 1, contestant))
        return row["allocations"] if row else None
