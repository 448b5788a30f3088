"""Whether a series grows: its slope after the warm-up, against what its kind may do in an hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

_WARM_UP = 0.4  # of the samples: as long as what is kept takes to fill up, and some more

# The first kind whose name a series begins with counts: what it may grow in an hour, at least in
# its own unit, and in proportion to what it is.
_ALLOWED = {
    "memory MB": (3.0, 0.03),
    "descriptors": (1.0, 0.02),
    "threads": (0.5, 0.0),
    "connections": (1.0, 0.0),
    "rows": (60.0, 0.1),
    "database MB": (2.0, 0.1),
    "WAL MB": (32.0, 0.1),  # PostgreSQL's comes in files of 16 MB
    "cpu cores": (0.02, 0.2),
    "claim to user code ms": (10.0, 0.5),
}
_HISTORY = {"rows, event_log": "a row for each trigger and each clean-up stays until it is old"}
"""Series that grow with what has happened, and why."""


@dataclass(frozen=True)
class Verdict:
    series: str
    start: float
    end: float
    per_hour: float
    allowed: float
    note: str = ""

    @property
    def grows(self) -> bool:
        return self.per_hour > self.allowed and not self.note


def judge(minutes: Sequence[float], series: dict[str, list[float]]) -> list[Verdict]:
    """One verdict for each series of which anything is expected."""
    first = int(len(minutes) * _WARM_UP)
    verdicts = []
    for name, values in series.items():
        kind = next((kind for kind in _ALLOWED if name.startswith(kind)), None)
        if kind is None or len(minutes) - first < 10 or not any(values):
            continue
        steady, at = values[first:], minutes[first:]
        least, share = _ALLOWED[kind]
        quarter = max(1, len(steady) // 4)
        start, end = median(steady[:quarter]), median(steady[-quarter:])
        slope = _slope(at, steady) * 60
        verdicts.append(
            Verdict(name, start, end, slope, max(least, share * start), _HISTORY.get(name, ""))
        )
    return verdicts


def _slope(at: Sequence[float], values: Sequence[float]) -> float:
    """A minute. The median of all slopes between two points: single spikes do not count."""
    step = max(1, len(at) // 120)
    points = list(zip(at[::step], values[::step], strict=True))
    return median((v2 - v1) / (t2 - t1) for (t1, v1), (t2, v2) in combinations(points, 2))


def as_table(verdicts: Sequence[Verdict]) -> str:
    lines = ["| series | after warm-up | at the end | growth an hour | allowed | |"]
    lines.append("|---|--:|--:|--:|--:|---|")
    for each in verdicts:
        word = each.note or ("**grows**" if each.grows else "flat")
        numbers = (each.start, each.end, each.per_hour, each.allowed)
        cells = " | ".join(f"{number:,.2f}" for number in numbers)
        lines.append(f"| {each.series} | {cells} | {word} |")
    return "\n".join(lines)
