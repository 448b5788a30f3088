"""The simulator finds five bugs that somebody might make, and nothing where they are not.

`first`: where the search begins, so that it is short. Two bugs are looked for in worlds that have
little beside what they need; how things fall together is the seed's choice there, too.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from msgspec.structs import replace

from simulation import planted_bugs, scripts
from simulation.case import Case, Deed, Fault
from simulation.database import Database
from simulation.play import play
from simulation.workload import make_case
from support.worlds import dag, task

BOUND = 40
"""Within so many seeds each bug must show."""


def a_scheduler_dies(seed: int) -> Case:
    """Right after it has launched something; others look around soon."""
    crash = Fault(kind="crash", at=1.2, target=0, seconds=30.0, place="begin")
    deeds = [Deed(kind="trigger", at=at, dag=0) for at in (1.0, 9.5, 11.0, 12.5)]
    case = two_dags_at_once(seed)
    return replace(case, schedulers=2, parallelism=32, deeds=deeds, faults=[crash])


def two_dags_at_once(seed: int) -> Case:
    """Five schedulers, runs that come one right after the other, and room for one task."""
    tasks = [task(f"t{number}") for number in range(3)]
    dags = [replace(dag(*tasks), dag_id=name, file=f"{name}.py") for name in ("d0", "d1")]
    return Case(
        seed=seed,
        schedulers=5,
        dags=dags,
        pools={},
        parallelism=1,
        deeds=[Deed(kind="trigger", at=1.0 + n * 0.004, dag=n % 2) for n in range(10)],
        faults=[],
    )


BUGS = [
    (planted_bugs.no_fence, make_case, 13, {"one_at_a_time", "nothing_lost", "trigger_rule"}),
    (planted_bugs.no_lease_check, a_scheduler_dies, 1, {"overlap"}),
    (planted_bugs.limit_read_before_the_claim, two_dags_at_once, 1, {"limits"}),
    (planted_bugs.no_safety_net, make_case, 20, {"stuck"}),
    (planted_bugs.double_create, make_case, 5, {"slots"}),
]


@pytest.mark.parametrize(
    ("bug", "make", "first", "rules"), BUGS, ids=[bug.__name__ for bug, *_ in BUGS]
)
def test_a_planted_bug_is_found(
    bug: Callable[[], AbstractContextManager[None]],
    make: Callable[[int], Case],
    first: int,
    rules: set[str],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if make is a_scheduler_dies:  # what it launched must still be there when others look
        monkeypatch.setattr(scripts, "DURATIONS", [12.0])
    for seed in range(first, first + BOUND):
        case = make(seed)
        with bug():
            found = play(case, database).rules & rules
        if found:
            assert play(case, database).broken == [], "without the bug there is nothing to find"
            return
    raise AssertionError(f"not found in {BOUND} seeds")
