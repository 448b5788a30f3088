"""The simulator finds five bugs that somebody might make, and nothing where they are not.

`first`: where the search begins, so that it is short.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from simulation import planted_bugs
from simulation.database import Database
from simulation.play import play
from simulation.workload import make_case

BOUND = 60
"""Within so many seeds each bug must show."""

BUGS = [
    (planted_bugs.no_fence, 15, {"one_at_a_time", "nothing_lost", "trigger_rule"}),
    (planted_bugs.no_lease_check, 83, {"overlap"}),
    (planted_bugs.limit_read_before_the_claim, 1, {"limits"}),
    (planted_bugs.no_safety_net, 1, {"stuck"}),
    (planted_bugs.double_create, 1, {"slots"}),
]


@pytest.mark.parametrize(("bug", "first", "rules"), BUGS, ids=[bug.__name__ for bug, *_ in BUGS])
def test_a_planted_bug_is_found(
    bug: Callable[[], AbstractContextManager[None]],
    first: int,
    rules: set[str],
    database: Database,
) -> None:
    for seed in range(first, first + BOUND):
        case = make_case(seed)
        with bug():
            found = play(case, database).rules & rules
        if found:
            assert play(case, database).broken == [], "without the bug there is nothing to find"
            return
    raise AssertionError(f"not found in {BOUND} seeds")
