"""Seeds that hold, and the promises of the simulator itself."""

import pytest
from msgspec.structs import replace

from simulation import scripts
from simulation.case import Case, Deed, Fault
from simulation.database import Database
from simulation.planted_bugs import no_fence
from simulation.play import play
from simulation.shrink import shrink
from simulation.workload import make_case
from support.worlds import dag, task

BATCH = 20


@pytest.mark.parametrize("first", range(1, 201, BATCH))
def test_seeds_hold(first: int, database: Database) -> None:
    broken = {}
    for seed in range(first, first + BATCH):
        if found := play(make_case(seed), database).broken:
            broken[seed] = found[0]
    assert broken == {}, "see `make simulate SEED=...`"


def test_a_trigger_with_the_id_of_one_that_is_gone_runs(database: Database) -> None:
    assert play(make_case(20588), database).broken == []


def test_a_branch_that_takes_another_way_in_a_backfill_holds(database: Database) -> None:
    assert play(make_case(20231), database).broken == []


@pytest.mark.parametrize("seed", [1074, 20408])
def test_who_pauses_a_dag_unpauses_it_whatever_fails(seed: int, database: Database) -> None:
    assert play(make_case(seed), database).broken == []


def test_a_clock_set_forward_ends_leases_that_nobody_renews_in_time(database: Database) -> None:
    assert play(make_case(50972), database).broken == []


def test_an_outcome_that_comes_as_the_lease_has_ended_is_not_lost(database: Database) -> None:
    assert play(make_case(60566), database).broken == []


def test_nothing_is_added_after_a_task_that_is_gone(database: Database) -> None:
    assert play(make_case(60539), database).broken == []


def test_faults_may_stop_while_one_of_them_strikes(database: Database) -> None:
    assert play(make_case(50988), database).broken == []


@pytest.mark.parametrize("seed", [5352, 20462])
def test_what_another_scheduler_runs_is_known_to_all(seed: int, database: Database) -> None:
    assert play(make_case(seed), database).broken == []


def test_what_waits_to_be_launched_is_launched_though_its_run_went_elsewhere(
    database: Database,
) -> None:
    assert play(make_case(61696), database).broken == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_seed_always_does_the_same(seed: int, database: Database) -> None:
    once = play(make_case(seed), database, tracing=True)
    again = play(make_case(seed), database, tracing=True)
    assert once.trace == again.trace
    assert once.totals == again.totals


def test_a_failing_seed_is_made_smaller(database: Database) -> None:
    case = make_case(15)
    with no_fence():
        smaller = shrink(case, database, seconds=20.0)
        assert play(smaller, database).rules & play(case, database).rules
    assert len(smaller.faults) + len(smaller.deeds) < len(case.faults) + len(case.deeds)


@pytest.mark.parametrize("seed", range(3, 14, 2))
def test_an_attempt_that_is_launched_late_ends_within_its_lease(
    seed: int, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scheduler stood still between the commit and the launch, and died right after it; what
    it started must be gone when another scheduler replaces it."""
    monkeypatch.setattr(scripts, "DURATIONS", [18.0])
    pause = Fault(kind="pause", at=0.9, target=0, seconds=7.0, place="committed")
    case = Case(
        seed=seed,
        schedulers=2,
        dags=[replace(dag(task("t")), dag_id="d0", file="d0.py")],
        pools={},
        parallelism=32,
        deeds=[Deed(kind="trigger", at=1.0, dag=0), Deed(kind="trigger", at=17.0, dag=0)],
        faults=[pause, Fault(kind="crash", at=5.0, target=0, seconds=30.0, place="begin")],
    )
    assert play(case, database).broken == []


@pytest.mark.parametrize("seed", range(1, 6))
def test_what_is_cleared_waits_for_the_process_that_was_marked(
    seed: int, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "DURATIONS", [6.0])
    which = {"task_ids": ["t"], "downstream": False}
    marked = Deed(kind="mark", at=3.0, dag=0, more={**which, "state": "success"})
    case = Case(
        seed=seed,
        schedulers=1,
        dags=[replace(dag(task("t"), task("u", "t")), dag_id="d0", file="d0.py")],
        pools={},
        parallelism=32,
        deeds=[
            Deed(kind="trigger", at=1.0, dag=0),
            marked,
            Deed(kind="clear", at=3.1, dag=0, more=which),
        ],
        faults=[],
    )
    assert play(case, database).broken == []
