"""What dies, stalls or comes late: nothing is lost, and nothing happens twice."""

import dataclasses
import random
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, exc

from support.scheduling import Plan, World, chain, fails_first, make_dag, returns, task, wide
from tradewind.core.errors import InfrastructureError, NotFound
from tradewind.core.runs.clearing import Request
from tradewind.core.states import TaskInstanceState
from tradewind.scheduler import actions
from tradewind.scheduler.actions import RunChoice
from tradewind.store import runs
from tradewind.store.engine import Store
from tradewind.store.schema import callback, dag_run


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_another_scheduler_takes_over_when_the_lease_ends(
    world: World, open_store: Callable[[], Store]
) -> None:
    world.publish(chain("d", 4))
    world.scheduler("a")
    world.trigger("d")
    world.run_until(lambda: len(world.executors["a"].orders) == 2)
    dead = world.kill("a")
    world.scheduler("b")
    world.run_for(10)
    if world.store.dialect == "sqlite":
        assert world.executors["b"].orders == []  # the lease still stands
    world.end_leases()
    world.finish_all()
    assert world.run_states() == {"r1": "success"}
    assert dead.started_tasks() == ["t000", "t001"]
    assert world.executors["b"].started_tasks() == ["t001", "t002", "t003"]
    lost = world.attempts()[1]
    assert (lost.state, lost.category) == ("fenced", "infra_lost")
    assert world.history(lost.id)[-1] == "fence"
    assert set(world.occupied().values()) == {0}


@pytest.mark.parametrize("is_alive", [True, False])
def test_what_is_cleared_waits_for_the_process_of_another_scheduler(
    world: World, is_alive: bool
) -> None:
    """`a` has lost the run to `b`, and what it had started works on; somebody marks it a success,
    and clears it. `b` waits until `a` has ended it, or else until its lease is over."""
    world.publish(make_dag("d", task("t")))
    world.scheduler("a", script=lambda order: Plan(seconds=None))
    world.trigger("d")
    world.settle()
    first, executor = world.schedulers.pop("a"), world.executors.pop("a")
    with world.store.begin() as tx:
        runs.release_leases(tx, "a")
    world.scheduler("b")
    world.settle()
    choice, which, now = RunChoice("d", ["r1"]), frozenset({"t"}), world.clock.now()
    actions.mark(world.store, choice, Request(task_ids=which), TaskInstanceState.SUCCESS, now=now)
    actions.clear(world.store, choice, Request(task_ids=which), now=now)
    world.notify()
    world.run_for(5)
    assert world.executors["b"].orders == []
    if is_alive:
        world.schedulers["a"], world.executors["a"] = first, executor
        world.notify()
        world.run_for(1)
        assert executor.cancelled
    else:
        world.end_leases()
    world.notify()
    world.run_for(1)
    assert world.executors["b"].started_tasks() == ["t"]
    world.finish_all()
    assert world.run_states() == {"r1": "success"}


def test_a_scheduler_that_slept_through_its_lease_writes_nothing(world: World) -> None:
    world.publish(chain("d", 3))
    world.scheduler("a", script=lambda order: Plan(seconds=None))
    world.trigger("d")
    world.settle()
    sleeper = world.schedulers.pop("a")
    asleep = world.executors.pop("a")
    world.scheduler("b")
    world.clock.advance(100)
    world.end_leases()
    world.run_until(lambda: world.states()["t000"] == "success")
    asleep.finish(asleep.orders[0].attempt_id)
    world.schedulers["a"], world.executors["a"] = sleeper, asleep
    world.finish_all()
    assert world.run_states() == {"r1": "success"}
    first = world.attempts()[0]
    assert first.state == "fenced"
    assert "finish" not in world.history(first.id)
    assert world.executors["b"].started_tasks() == ["t000", "t001", "t002"]


def test_an_outcome_that_comes_as_the_lease_has_ended_is_stored_all_the_same(world: World) -> None:
    """The scheduler leases the run again, and reads it, while it holds what is not stored."""
    world.publish(chain("d", 2))
    world.trigger("d")
    world.scheduler(script=lambda order: Plan(seconds=None))
    world.settle()
    executor = world.executors["a"]
    with world.store.begin() as tx:
        past = world.clock.now() - timedelta(seconds=1)
        tx.execute(dag_run.update().values(lease_until=past))
    executor.finish(executor.orders[0].attempt_id)
    world.notify()
    world.run_until(lambda: len(executor.orders) == 2)
    executor.finish(executor.orders[1].attempt_id)
    world.finish_all()
    assert {row.outcome for row in world.attempts()} == {"success"}


def test_a_report_for_a_run_that_somebody_else_leases_reaches_it(world: World) -> None:
    world.publish(chain("d", 2))
    world.scheduler("a", script=lambda order: Plan(returns(7), seconds=None))
    world.trigger("d")
    world.settle()
    with world.store.begin() as tx:  # the run goes to b, its attempt goes on at a
        tx.execute(dag_run.update().values(lease_until=None, lease_owner=None))
    world.scheduler("b")
    world.schedulers["b"].step()
    runner = world.executors["a"]
    runner.finish(runner.orders[0].attempt_id, Plan(returns(7)))
    world.finish_all()
    assert [order.task_id for order in runner.orders] == ["t000"]
    assert world.executors["b"].started_tasks() == ["t001"]
    first = world.attempts()[0]
    assert (first.state, first.outcome, first.owner) == ("ended", "success", "a")


class FlakyDatabase:
    """Fails chosen statements, before or after the database has done them."""

    def __init__(self, store: Store, fails: Callable[[int], bool], *, at_commit: bool) -> None:
        self.store = store
        self.fails = fails
        self.count = 0
        self.failed = 0
        self.on = True
        if at_commit:
            event.listen(store.engine, "commit", self._before_commit)
        else:
            event.listen(store.engine, "before_cursor_execute", self._before)

    def _before_commit(self, _tx: Any) -> None:
        self._maybe_fail()

    def _before(self, _tx: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "SELECT pg_catalog", "show ")):
            self._maybe_fail()

    def _maybe_fail(self) -> None:
        self.count += 1
        if self.on and self.fails(self.count):
            self.failed += 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise exc.OperationalError("injected", {}, error)


@pytest.mark.parametrize(
    ("at_commit", "rate"), [(False, 0.1), (True, 0.4)], ids=["statement", "commit"]
)
def test_a_database_error_at_any_moment_loses_nothing(
    world: World, at_commit: bool, rate: float
) -> None:
    world.publish(
        make_dag(
            "d",
            task("a", retries=2, retry_delay_seconds=1),
            task("b", "a"),
            task("c", "a"),
            task("e", "b", "c"),
        )
    )
    chance = random.Random(7)
    world.scheduler(script=fails_first(1))
    world.trigger("d", "r1")
    world.trigger("d", "r2")
    flaky = FlakyDatabase(world.store, lambda _: chance.random() < rate, at_commit=at_commit)

    def done() -> bool:
        flaky.on = False
        over = not world.active_runs()
        flaky.on = True
        return over

    world.run_until(done, seconds=36000)
    flaky.on = False
    world.run_for(20)
    assert flaky.failed > 5
    assert set(world.run_states().values()) == {"failed"}  # b and c have no retries
    executor = world.executors["a"]
    assert len({order.attempt_id for order in executor.orders}) == len(executor.orders)
    assert sorted(executor.started_tasks()) == sorted(["a", "a", "b", "c"] * 2)
    assert all(row.state == "ended" for row in world.attempts())
    assert set(world.occupied().values()) == {0}


def test_every_single_statement_may_fail_once(world: World) -> None:
    """The n-th statement fails, for every n of a run's life."""
    world.publish(chain("d", 2))
    world.scheduler()
    flaky = FlakyDatabase(world.store, lambda _: False, at_commit=False)
    for number in range(1, 60):
        flaky.count = 0
        flaky.fails = lambda count, number=number: count == number
        flaky.on = False
        world.trigger("d", f"r{number}")
        flaky.on = True
        flaky.count = 0

        def done() -> bool:
            before, flaky.on = flaky.count, False
            over = not world.active_runs()
            flaky.on, flaky.count = True, before
            return over

        world.run_until(done)
    flaky.on = False
    assert flaky.failed > 20
    assert set(world.run_states().values()) == {"success"}
    assert len(world.executors["a"].orders) == 59 * 2
    assert set(world.occupied().values()) == {0}


def test_a_scheduler_that_comes_back_under_its_name_goes_on(world: World) -> None:
    """A container that is restarted may get the same name again."""
    world.publish(chain("d", 2))
    scheduler = world.scheduler("a", script=lambda order: Plan(seconds=None))
    world.trigger("d")
    scheduler.step()
    world.run_for(6)  # its first attempt runs, and that is stored
    world.kill("a")
    world.scheduler("a")
    world.publish(chain("other", 1))
    world.trigger("other", "r2")
    world.finish_all()
    assert world.run_states() == {"r1": "success", "r2": "success"}
    assert [row.state for row in world.attempts()] == ["fenced", "ended", "ended", "ended"]


def test_a_snapshot_that_cannot_be_had_fails_its_tasks_in_the_end(world: World) -> None:
    def locate(digest: str) -> str:
        raise InfrastructureError(f"the storage does not have {digest}")

    world.publish(make_dag("d", task("one"), callbacks=["on_failure"]))
    scheduler = world.scheduler()
    scheduler._means = dataclasses.replace(scheduler._means, locate=locate)
    world.trigger("d")
    world.finish_all()
    world.run_for(1)
    assert world.run_states() == {"r1": "failed"}
    assert {row.reason for row in world.attempts()} == {
        "It could not be launched: the storage does not have d1"
    }
    assert len(world.attempts()) == 4  # the budget for infrastructure, and the last straw
    (row,) = world.query(callback.select())
    assert (row.state, row.error) == ("failed", "the storage does not have d1")


def test_stopping_drains_and_leaves_the_runs_to_others(world: World) -> None:
    world.publish(wide("d", 3))
    scheduler = world.scheduler("a", slots=1, script=lambda order: Plan(seconds=None))
    world.trigger("d")
    world.settle()
    scheduler.close()
    assert world.executors["a"].closed
    (row,) = world.query(dag_run.select())
    assert (row.state, row.lease_owner) == ("running", None)
    world.kill("a")
    world.scheduler("b")
    world.finish_all(seconds=20)
    assert world.run_states() == {"r1": "success"}
    assert len(world.executors["b"].orders) == 3


@pytest.fixture(autouse=True)
def _no_listeners(store: Store) -> Iterator[None]:
    yield
    store.engine.dispose()


# --- the machine --------------------------------------------------------------------------------


@pytest.mark.parametrize("by_seconds", [-7200, 7200])
def test_a_clock_that_is_set_anew_loses_no_attempt(world: World, by_seconds: float) -> None:
    world.publish(wide("d", 2))
    world.scheduler(script=lambda order: Plan(seconds=None))
    world.trigger("d")
    world.settle()
    executor = world.executors["a"]
    world.clock.set_anew(by_seconds)
    renewed = len(executor.renewals)
    assert world.settle() <= world.settings.poll_seconds
    assert len(executor.renewals) == renewed + 1
    assert executor.renewals[-1] == set(executor.running)
    world.run_for(60)
    assert {row.state for row in world.attempts()} <= {"queued", "running"}
    for attempt_id in list(executor.running):
        executor.finish(attempt_id)
    world.finish_all()
    assert world.run_states() == {"r1": "success"}
    assert len(world.attempts()) == 2


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (OSError("disk error"), "infra_lost"),
        (InfrastructureError("the storage is away"), "infra_lost"),
        (NotFound("The snapshot d1 is in no storage."), "snapshot_missing"),
    ],
)
def test_a_snapshot_that_is_away_for_a_while(world: World, error: Exception, category: str) -> None:
    away = True

    def locate(digest: str) -> str:
        if away:
            raise error
        return digest

    world.publish(make_dag("d", task("t")))
    world.trigger("d")
    world.scheduler(locate=locate)
    world.run_until(lambda: len(world.attempts()) == 2)
    assert world.attempts()[0].category == category
    assert str(error) in world.attempts()[0].reason
    away = False
    world.finish_all()
    assert world.run_states() == {"r1": "success"}


def test_a_snapshot_that_is_gone_for_good_fails_the_task(world: World) -> None:
    def locate(digest: str) -> str:
        raise NotFound(f"The snapshot {digest} is in no storage.")

    world.publish(make_dag("d", task("t")))
    world.trigger("d")
    world.scheduler(locate=locate)
    world.finish_all()
    assert world.run_states() == {"r1": "failed"}
    assert "in no storage" in world.instance("t").reason
    assert len(world.attempts()) == 4  # three are the infrastructure's own
