"""Limits hold at every instant, whoever claims, and a full one starves nothing else."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from support.scheduling import FAIL, Plan, World, make_dag, task, wide
from tradewind.core.protocol import WorkOrder
from tradewind.scheduler.history import check
from tradewind.scheduler.why import why as explain
from tradewind.store import dags, pools
from tradewind.store.engine import Store


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def most_at_once(world: World, of: Callable[[WorkOrder], int]) -> Counter[str]:
    """The largest sum of `of` over attempts that ran at the same time, by key ''."""
    attempts = {row.id: row for row in world.attempts()}
    orders = [o for ex in world.executors.values() for o in ex.orders]
    edges = []
    for order in orders:
        row = attempts[order.attempt_id]
        edges += [(row.queued_at, 1, of(order)), (row.ended_at, 0, -of(order))]
    now = most = 0
    for _, _, step in sorted(edges):
        now += step
        most = max(most, now)
    return Counter({"": most})


def test_a_pool_is_never_overfull_and_slots_count(world: World) -> None:
    world.add_pool("p", 5)
    tasks = [task(f"t{n}", pool="p", pool_slots=1 + n % 3) for n in range(20)]
    world.publish(make_dag("d", *tasks, max_active_tasks=50))
    world.scheduler(slots=20)
    world.trigger("d")
    world.finish_all()
    slots = {t.task_id: t.pool_slots for t in tasks}
    assert most_at_once(world, lambda order: slots[order.task_id])[""] in (4, 5)
    assert set(world.states().values()) == {"success"}
    assert set(world.occupied().values()) == {0}


def test_a_full_pool_does_not_starve_another(world: World) -> None:
    world.add_pool("tiny", 1)
    blocked = [task(f"b{n}", pool="tiny", weight=100) for n in range(10)]
    world.publish(make_dag("d", *blocked, task("free"), max_active_tasks=50))
    world.scheduler(slots=4, script=lambda order: Plan(seconds=10))
    world.trigger("d")
    world.settle()
    assert world.executors["a"].started_tasks() == ["b0", "free"]


def test_higher_weights_come_first_over_all_runs(world: World) -> None:
    world.publish(make_dag("low", task("l1"), task("l2")))
    world.publish(make_dag("high", task("h1", weight=9), task("h2", weight=9)))
    world.scheduler(slots=1)
    world.trigger("low", "first")
    world.trigger("high", "second")
    world.finish_all()
    assert world.executors["a"].started_tasks() == ["h1", "h2", "l1", "l2"]


def test_tasks_of_a_pool_that_does_not_exist_wait(world: World) -> None:
    world.publish(make_dag("d", task("one", pool="none"), task("two")))
    world.scheduler()
    world.trigger("d")
    world.run_for(20)
    assert world.states() == {"one": "scheduled", "two": "success"}
    world.add_pool("none", 1)
    world.notify()
    world.finish_all()
    assert world.run_states() == {"r1": "success"}


def test_parallelism_counts_over_all_schedulers(
    world: World, open_store: Callable[[], Store]
) -> None:
    world.settings = type(world.settings)(parallelism=3)
    world.publish(wide("one", 10))
    world.publish(wide("two", 10))
    world.scheduler("a")
    other = open_store()
    other.clock = world.clock
    world.scheduler("b", store=other)
    world.trigger("one")
    world.schedulers["a"].step()
    world.trigger("two")
    world.schedulers["b"].step()
    world.finish_all()
    assert most_at_once(world, lambda order: 1)[""] == 3
    assert all(executor.orders for executor in world.executors.values())
    assert set(world.occupied().values()) == {0}


def test_a_pool_under_two_schedulers(world: World, open_store: Callable[[], Store]) -> None:
    world.add_pool("p", 4)
    for dag_id in ("one", "two"):
        tasks = [task(f"{dag_id}{n}", pool="p") for n in range(12)]
        world.publish(make_dag(dag_id, *tasks, max_active_tasks=50))
    world.scheduler("a")
    other = open_store()
    other.clock = world.clock
    world.scheduler("b", store=other)
    world.trigger("one")
    world.schedulers["a"].step()
    world.trigger("two")
    world.schedulers["b"].step()
    world.finish_all()
    assert most_at_once(world, lambda order: 1)[""] == 4
    assert set(world.run_states().values()) == {"success"}


def test_max_active_tis_per_dag_counts_over_runs(world: World) -> None:
    world.publish(make_dag("d", task("one", max_active_tis_per_dag=2)))
    world.scheduler()
    for number in range(6):
        world.trigger("d", f"r{number}")
    world.finish_all()
    assert most_at_once(world, lambda order: 1)[""] == 2


def test_max_active_tasks_holds_in_each_run(world: World) -> None:
    world.publish(wide("d", 9, max_active_tasks=2))
    world.scheduler()
    world.trigger("d", "r1")
    world.trigger("d", "r2")
    world.finish_all()
    assert most_at_once(world, lambda order: 1)[""] == 4


def test_max_active_runs_lets_queued_runs_wait_in_order(world: World) -> None:
    world.publish(make_dag("d", task("one"), max_active_runs=2))
    world.scheduler()
    for number in range(5):
        world.trigger("d", f"r{number}")
        world.clock.advance(1)
    world.settle()
    states = list(world.run_states().values())
    assert states == ["running", "running", "queued", "queued", "queued"]
    world.finish_all()
    assert [order.run.run_id for order in world.executors["a"].orders] == [
        f"r{number}" for number in range(5)
    ]
    (row,) = world.query(dags.dag.select())
    assert row.active_runs == 0


def test_deferred_tasks_keep_their_slots_where_the_pool_says_so(world: World) -> None:
    from tradewind.core.protocol import Deferred

    with world.store.begin() as tx:
        pools.put(tx, "p", 1, include_deferred=True)
    world.publish(make_dag("d", task("one", pool="p"), task("two", pool="p")))
    deferred = Deferred(trigger_classpath="t.T", trigger_kwargs={}, method="m", timeout_seconds=60)
    world.scheduler(script=lambda order: Plan(FAIL if order.resume else deferred))
    world.trigger("d")
    world.run_for(15)
    assert sorted(world.states().values()) == ["deferred", "scheduled"]
    assert world.occupied()["p"] == 1
    world.finish_all()
    assert world.occupied()["p"] == 0


def test_nothing_of_a_paused_dag_starts_but_what_runs_ends(world: World) -> None:
    world.publish(make_dag("d", task("one"), task("two", "one")))
    world.scheduler(script=lambda order: Plan(seconds=20))
    world.trigger("d")
    world.settle()
    with world.store.begin() as tx:
        dags.set_paused(tx, ["d"], True)
    world.notify()
    world.trigger("d", "r2")
    world.run_for(60)
    assert world.states() == {"one": "success", "two": "scheduled"}
    assert world.run_states() == {"r1": "running", "r2": "queued"}
    with world.store.begin() as tx:
        dags.set_paused(tx, ["d"], False)
    world.notify()
    world.finish_all()
    assert world.run_states() == {"r1": "success", "r2": "success"}


def test_a_counter_that_somebody_changed_is_set_right(world: World) -> None:
    world.add_pool("p", 1)
    with world.store.begin() as tx:
        tx.execute(pools.pool.update().where(pools.pool.c.name == "p").values(occupied=1))
    world.publish(make_dag("d", task("one", pool="p")))
    world.scheduler()
    world.trigger("d")
    world.finish_all(seconds=600)
    assert world.run_states() == {"r1": "success"}


def test_a_pool_may_be_deleted_while_its_tasks_run(world: World) -> None:
    world.add_pool("p", 1)
    world.publish(make_dag("d", task("one", pool="p")))
    world.scheduler(script=lambda order: Plan(seconds=5))
    world.trigger("d")
    world.settle()
    with world.store.begin() as tx:
        pools.remove(tx, "p", now=world.clock.now())
    world.finish_all()
    assert world.run_states() == {"r1": "success"}


def test_an_executor_that_nobody_set_up_fails_the_task_with_its_name(world: World) -> None:
    world.publish(make_dag("d", task("ours"), task("theirs", executor="moon", retries=2)))
    run_pk = world.trigger("d")
    world.scheduler()
    world.finish_all()
    assert world.states() == {"ours": "success", "theirs": "failed"}
    reason = world.instance("theirs").reason
    assert "no executor named 'moon'" in reason
    assert "Set up: local." in reason
    why = explain(world.store, run_pk, "theirs", -1, now=world.clock.now())
    assert reason in why[0].message
    assert world.executors["a"].started_tasks() == ["ours"]


def test_a_run_with_nothing_to_do_in_it_gives_its_place_to_the_next(world: World) -> None:
    """It begins and is over in one transaction, and the history says so in that order."""
    later = world.clock.now() + timedelta(days=1)
    world.publish(make_dag("d", task("t", start_date=later), max_active_runs=1))
    world.scheduler()
    for number in range(3):
        date = world.clock.now() + timedelta(minutes=number)
        world.trigger("d", f"r{number}", logical_date=date)
    world.finish_all()
    assert set(world.run_states().values()) == {"success"}
    assert violations(world.store, world.clock.now()) == []


def violations(store: Store, now: datetime) -> list[str]:
    return [violation.message for violation in check(store, now=now).violations]
