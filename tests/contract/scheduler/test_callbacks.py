"""Callbacks that no attempt runs itself, and deadlines that bring some about."""

from datetime import timedelta

import pytest

from support.scheduling import FAIL, Plan, World, chain, make_dag, task
from tradewind.core.dag import DeadlineSpec
from tradewind.core.protocol import Succeeded
from tradewind.store.engine import Store
from tradewind.store.schema import callback, deadline


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_the_dags_own_callbacks(world: World) -> None:
    callbacks = ["on_success", "on_failure"]
    world.publish(make_dag("d", task("one"), callbacks=callbacks), digest="abc")
    world.scheduler(script=lambda o: Plan(FAIL if o.run.run_id == "bad" else Succeeded()))
    world.trigger("d", "good")
    world.trigger("d", "bad")
    world.finish_all()
    world.run_for(1)
    orders = {order.run.run_id: order for order in world.executors["a"].callbacks}
    assert orders["good"].kinds == ["on_success"]
    assert (orders["bad"].kinds, orders["bad"].reason) == (["on_failure"], "task_failure")
    assert orders["bad"].task_id is None
    assert orders["bad"].run.state == "failed"
    assert orders["bad"].source.root == "/snapshots/abc"
    assert [row.state for row in world.query(callback.select())] == ["success", "success"]


def test_a_lost_attempts_callback_names_its_task(world: World) -> None:
    world.publish(make_dag("d", task("one", callbacks=["on_failure"])))
    world.scheduler(script=lambda o: Plan(None, category="oom", reason="it ate all memory"))
    world.trigger("d")
    world.finish_all()
    world.run_for(1)
    (order,) = world.executors["a"].callbacks
    assert (order.task_id, order.kinds, order.reason, order.try_number) == (
        "one",
        ["on_failure"],
        "it ate all memory",
        1,
    )
    (row,) = world.attempts()
    assert (row.outcome, row.category, row.reason) == ("failed", "oom", "it ate all memory")


def test_an_error_in_a_callback_is_recorded_and_changes_nothing(world: World) -> None:
    world.publish(make_dag("d", task("one"), callbacks=["on_success"]))
    world.scheduler()
    world.executors["a"].callback_errors = ["ValueError: no"]
    world.trigger("d")
    world.finish_all()
    world.run_for(1)
    (row,) = world.query(callback.select())
    assert (row.state, row.error) == ("failed", "ValueError: no")
    assert world.run_states() == {"r1": "success"}


def test_a_callback_whose_process_vanished_runs_again(world: World) -> None:
    world.publish(make_dag("d", task("one"), callbacks=["on_success"]))
    world.scheduler("a")
    world.executors["a"].hang_callbacks = True
    world.trigger("d")
    world.finish_all()
    dead = world.kill("a")
    assert len(dead.callbacks) == 1
    past = world.clock.now() - timedelta(days=365)
    with world.store.begin() as tx:
        tx.execute(callback.update().values(lease_until=past))
    world.scheduler("b")
    world.run_for(15)
    assert len(world.executors["b"].callbacks) == 1
    (row,) = world.query(callback.select())
    assert (row.state, row.tries) == ("success", 2)


def deadlined(seconds: float, reference: str = "DagRunQueuedAtDeadline") -> DeadlineSpec:
    return DeadlineSpec(reference=reference, interval_seconds=seconds)


def test_a_missed_deadline_calls_back(world: World) -> None:
    from tradewind.scheduler.actions import trigger_run

    dag = make_dag("d", task("one"), deadlines=[deadlined(1000), deadlined(30)])
    world.publish(dag)
    world.scheduler(script=lambda o: Plan(seconds=60))
    trigger_run(world.store, "d", now=world.clock.now())
    world.notify()
    world.run_for(31)
    (order,) = world.executors["a"].callbacks
    assert order.kinds == ["deadline:1"]
    world.finish_all()
    rows = world.query(deadline.select())
    assert [(row.position, row.missed) for row in rows] == [(1, True)]  # the other was met


def test_callbacks_are_not_looked_for_where_there_are_none(world: World) -> None:
    world.publish(chain("d", 2))
    world.scheduler()
    world.trigger("d")
    world.finish_all()
    assert world.query(callback.select()) == []
