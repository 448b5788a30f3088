"""Seeds that hold, and the promises of the simulator itself."""

import pytest

from simulation.database import Database
from simulation.play import play
from simulation.workload import make_case

BATCH = 20


@pytest.mark.parametrize("first", range(1, 201, BATCH))
def test_seeds_hold(first: int, database: Database) -> None:
    broken = {}
    for seed in range(first, first + BATCH):
        if found := play(make_case(seed), database).broken:
            broken[seed] = found[0]
    assert broken == {}, "see `make simulate SEED=...`"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_seed_always_does_the_same(seed: int, database: Database) -> None:
    once = play(make_case(seed), database, tracing=True)
    again = play(make_case(seed), database, tracing=True)
    assert once.trace == again.trace
    assert once.totals == again.totals
