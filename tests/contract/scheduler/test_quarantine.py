"""A run that the scheduler fails on is set aside; everything else goes on."""

from typing import Any

import pytest
from sqlalchemy import event, select

from support.scheduling import Plan, World, chain, make_dag, task
from tradewind.core.dag import CronInterval
from tradewind.store import runs
from tradewind.store.engine import Store
from tradewind.store.schema import attempt, dag, dag_version, inbox, task_instance


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def document_of(world: World, dag_id: str) -> bytes:
    (row,) = world.query(select(dag_version.c.document).where(dag_version.c.dag_id == dag_id))
    document: bytes = row.document
    return document


def set_document(world: World, dag_id: str, document: bytes) -> None:
    with world.store.begin() as tx:
        of_dag = dag_version.c.dag_id == dag_id
        tx.execute(dag_version.update().where(of_dag).values(document=document))


def test_a_run_that_cannot_be_read_holds_no_other_up(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.publish(chain("bad", 2))
    world.publish(chain("good", 3))
    good_document = document_of(world, "bad")
    set_document(world, "bad", b"nonsense")
    world.trigger("bad", "broken")
    world.trigger("good", "fine")
    world.scheduler()
    world.run_until(lambda: world.run_states()["fine"] == "success")
    assert world.run_states()["broken"] in ("queued", "running")
    assert "is set aside for 5 s" in caplog.text
    world.run_for(60)
    assert "is set aside for 20 s" in caplog.text
    set_document(world, "bad", good_document)
    world.finish_all()
    assert world.run_states() == {"broken": "success", "fine": "success"}


def test_a_run_that_cannot_be_stored_holds_no_other_up(world: World) -> None:
    world.publish(chain("bad", 2))
    world.publish(chain("good", 3))
    world.trigger("bad", "broken")
    world.trigger("good", "fine")

    def refuse(_tx: Any, _cursor: Any, _statement: str, parameters: Any, *_rest: Any) -> None:
        if "dag_id=bad/" in str(parameters):
            raise ZeroDivisionError("a bug")

    event.listen(world.store.engine, "before_cursor_execute", refuse)
    world.scheduler()
    world.run_until(lambda: world.run_states()["fine"] == "success")
    assert world.run_states()["broken"] == "queued"
    event.remove(world.store.engine, "before_cursor_execute", refuse)
    world.finish_all()
    assert world.run_states() == {"broken": "success", "fine": "success"}
    assert set(world.occupied().values()) == {0}


def test_what_is_reported_about_a_run_set_aside_is_kept(world: World) -> None:
    world.publish(chain("bad", 2))
    run_pk = world.trigger("bad")
    executor_of = world.executors
    world.scheduler(script=lambda order: Plan(seconds=None))
    world.settle()
    first = executor_of["a"].orders[0]
    with world.store.begin() as tx:
        second = task_instance.c.task_id == "t001"
        tx.execute(task_instance.update().where(second).values(state="bogus"))
    world.schedulers["a"].wake()
    with world.store.begin() as tx:  # have it read again
        runs.set_attention(tx, [run_pk])
    world.notify()
    world.settle()
    executor_of["a"].finish(first.attempt_id)
    world.run_for(20)
    assert "finished" in [row.kind for row in world.query(select(inbox))]
    with world.store.begin() as tx:
        tx.execute(task_instance.update().where(second).values(state="none"))
    world.run_until(lambda: len(executor_of["a"].orders) == 2)
    assert world.states()["t000"] == "success"
    assert len(world.attempts()) == 2
    executor_of["a"].finish(executor_of["a"].orders[1].attempt_id)
    world.finish_all()
    assert world.run_states() == {"r1": "success"}


@pytest.mark.parametrize(("seconds", "stored"), [(0.0, "queued"), (5.0, "running")])
def test_what_has_ended_runs_once_though_the_scheduler_fails_meanwhile(
    world: World, seconds: float, stored: str
) -> None:
    """Runs are tried one by one then; what came in about the others waits in the inbox."""
    world.publish(make_dag("d", task("t")))
    for number in range(3):
        world.trigger("d", f"r{number}")
    world.scheduler(script=lambda order: Plan(seconds=seconds))
    executor, seen = world.executors["a"], []

    def fail_once(tx: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        have_ended = executor.orders and not executor.running
        if have_ended and not seen and statement.startswith("UPDATE dag_run SET state"):
            seen.extend(tx.execute(select(attempt.c.state)).scalars())
            raise ZeroDivisionError("a bug")

    event.listen(world.store.engine, "before_cursor_execute", fail_once)
    world.run_for(60)
    event.remove(world.store.engine, "before_cursor_execute", fail_once)
    assert seen == [stored] * 3
    assert len(executor.orders) == 3
    assert {row.outcome for row in world.attempts()} == {"success"}
    assert world.run_states() == {"r0": "success", "r1": "success", "r2": "success"}


def test_an_outcome_stands_though_the_process_ends_while_its_run_is_set_aside(
    world: World,
) -> None:
    """What waits in the inbox is older than what has just come in."""
    world.publish(chain("d", 2))
    run_pk = world.trigger("d")
    world.scheduler(script=lambda order: Plan(seconds=None))
    world.settle()
    executor = world.executors["a"]
    second = task_instance.c.task_id == "t001"
    with world.store.begin() as tx:
        tx.execute(task_instance.update().where(second).values(state="bogus"))
        runs.set_attention(tx, [run_pk])
    world.notify()
    world.settle()
    executor.finish(executor.orders[0].attempt_id, Plan(lingers_seconds=5.0))
    world.settle()
    assert "finished" in [row.kind for row in world.query(select(inbox))]
    with world.store.begin() as tx:
        tx.execute(task_instance.update().where(second).values(state="none"))
    world.run_until(lambda: len(executor.orders) == 2)
    assert [order.task_id for order in executor.orders] == ["t000", "t001"]
    executor.finish(executor.orders[1].attempt_id)
    world.finish_all()
    assert {row.outcome for row in world.attempts()} == {"success"}


def test_a_schedule_that_cannot_be_read_holds_no_other_up(world: World) -> None:
    daily = CronInterval(cron="0 * * * *", timezone="UTC")
    for dag_id in ("bad", "good"):
        document = make_dag(dag_id, task("t"), timetable=daily)
        world.publish(document)
        world.plan_next(document)
    set_document(world, "bad", b"nonsense")
    world.scheduler()
    world.run_for(2 * 3600)
    states = world.query(select(dag.c.dag_id, dag.c.next_run_after).order_by(dag.c.dag_id))
    assert states[0].next_run_after < world.clock.now() < states[1].next_run_after
    assert "success" in world.run_states().values()
