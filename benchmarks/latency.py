"""Where the time between two tasks of a chain goes, by what the engine has recorded.

The tasks return the moment at which their user code ran, so both ends of a hop are the user's.
"""

import statistics
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

_FIRST = 5  # hops to leave out: a process has to be warmed up for the DAG file


@dataclass(frozen=True)
class Hop:
    """A task of the chain. `marks`: name of a phase → the moment at which it ended, in order;
    the last one is "user code"."""

    ran_at: float
    ended: datetime
    marks: dict[str, datetime]


def phases(hops: list[Hop]) -> dict[str, float]:
    """Medians in milliseconds, by phase, from one task's user code to the next one's."""
    found: dict[str, list[float]] = {}
    for before, after in list(pairwise(hops))[_FIRST:]:
        at = before.ran_at
        moments = {"upstream ends": before.ended.timestamp()}
        moments |= {name: moment.timestamp() for name, moment in after.marks.items()}
        moments["user code begins"] = after.ran_at
        for name, moment in moments.items():
            found.setdefault(name, []).append((moment - at) * 1e3)
            at = moment
        found.setdefault("in all", []).append((after.ran_at - before.ran_at) * 1e3)
    return {name: round(statistics.median(values), 2) for name, values in found.items()}
