"""What people do to DAGs and runs, at any moment of a run."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from support.scheduling import FAIL, Plan, World, chain, make_dag, returns, task
from tradewind.core.dag import CronInterval, ParamSpec
from tradewind.core.errors import Conflict, NotFound, UserError
from tradewind.core.protocol import Deferred, Succeeded, WorkOrder
from tradewind.core.runs.clearing import Request
from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.scheduler import actions
from tradewind.scheduler.actions import RunChoice
from tradewind.scheduler.why import why
from tradewind.store import attempts, processes, task_instances, xcoms
from tradewind.store.engine import Store
from tradewind.store.schema import dag_run, event_log, trigger

AT = datetime(2026, 2, 20, tzinfo=UTC)


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def tasks(*task_ids: str, **more: bool) -> Request:
    return Request(task_ids=frozenset(task_ids), **more)  # type: ignore[arg-type]


# --- triggering ----------------------------------------------------------------------------------


def test_a_triggered_run_runs(world: World) -> None:
    dag = make_dag("d", task("one"), timetable=CronInterval(cron="0 0 * * *"))
    world.publish(dag)
    world.scheduler()
    now = world.clock.now()
    row = actions.trigger_run(
        world.store, "d", now=now, conf={"k": [1]}, logical_date=AT, note="n", user="me"
    )
    assert row.run_id == "manual__2026-03-01T12:00:00+00:00"
    assert (row.logical_date, row.interval_start, row.interval_end) == (
        AT,
        AT - timedelta(days=1),
        AT,
    )
    world.notify()
    world.finish_all()
    assert world.executors["a"].orders[0].run.conf == {"k": [1]}
    assert set(world.run_states().values()) == {"success"}


def test_a_run_without_a_logical_date_has_no_interval(world: World) -> None:
    world.publish(chain("d", 1))
    now = world.clock.now()
    first = actions.trigger_run(world.store, "d", now=now)
    second = actions.trigger_run(world.store, "d", now=now)
    assert (first.logical_date, first.interval_start) == (None, None)
    assert first.run_id != second.run_id


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"conf": {"n": "text"}}, UserError, "Invalid input for param n"),
        ({"run_id": "../x"}, UserError, "contains"),
        ({"run_id": "scheduled__1"}, UserError, "scheduled"),
        ({"partition_key": "x"}, UserError, "not partitioned"),
        ({"run_id": "taken"}, Conflict, "already"),
        ({"logical_date": AT}, Conflict, "already"),
    ],
)
def test_what_cannot_be_triggered(
    world: World, given: dict[str, object], error: type[Exception], says: str
) -> None:
    params = {"n": ParamSpec(default=1, schema={"type": "integer"})}
    world.publish(make_dag("d", task("one"), params=params))
    now = world.clock.now()
    actions.trigger_run(world.store, "d", now=now, run_id="taken", logical_date=AT)
    with pytest.raises(error, match=says):
        actions.trigger_run(world.store, "d", now=now, **given)  # type: ignore[arg-type]
    assert list(world.run_states()) == ["taken"]


def test_an_unknown_dag(world: World) -> None:
    with pytest.raises(NotFound, match="no DAG 'nope'"):
        actions.trigger_run(world.store, "nope", now=world.clock.now())


# --- clearing ------------------------------------------------------------------------------------


def test_clearing_runs_the_chosen_tasks_again(world: World) -> None:
    world.publish(chain("d", 3))
    world.scheduler(script=lambda order: Plan(returns(order.try_number)))
    pk = world.trigger("d")
    world.finish_all()
    request = tasks("t001", downstream=True)
    choice = RunChoice("d", ["r1"])
    now = world.clock.now()
    preview = actions.clear(world.store, choice, request, now=now, dry_run=True)
    assert [(a.task_id, a.state) for a in preview] == [("t001", "success"), ("t002", "success")]
    assert world.run_states() == {"r1": "success"}
    assert actions.clear(world.store, choice, request, now=now, user="me") == preview
    assert world.run_states() == {"r1": "queued"}
    world.notify()
    world.finish_all()
    assert world.run_states() == {"r1": "success"}
    tries = [(o.task_id, o.try_number) for o in world.executors["a"].orders]
    assert tries == [("t000", 1), ("t001", 1), ("t002", 1), ("t001", 2), ("t002", 2)]
    with world.store.read() as tx:
        values = {row.task_id: row.value for row in xcoms.of_run(tx, pk)}
    assert values == {"t000": 1, "t001": 2, "t002": 2}
    (logged,) = world.query(select(event_log).where(event_log.c.event == "clear"))
    assert (logged.dag_id, logged.run_id, logged.owner) == ("d", "r1", "me")


def test_clearing_keeps_how_it_ended_without_an_attempt(world: World) -> None:
    world.publish(chain("d", 3))
    failing = [Plan(FAIL)]
    world.scheduler(script=lambda order: failing.pop() if failing else Plan())
    pk = world.trigger("d")
    world.finish_all()
    for _ in range(2):  # the second one finds what the first one kept
        choice, now = RunChoice("d", ["r1"]), world.clock.now()
        actions.clear(world.store, choice, tasks("t000", downstream=True), now=now)
    world.notify()
    world.finish_all()
    assert world.run_states() == {"r1": "success"}
    with world.store.read() as tx:
        names = {ti.id: ti.task_id for ti in task_instances.of_runs(tx, [pk])[pk]}
        history = {
            name: [(row.try_number, row.outcome) for row in attempts.of_instance(tx, ti)]
            for ti, name in names.items()
        }
    assert history == {
        "t000": [(1, "failed"), (2, "success")],
        "t001": [(0, "upstream_failed"), (1, "success")],
        "t002": [(0, "upstream_failed"), (1, "success")],
    }


def test_clearing_a_running_task_ends_its_process_and_starts_again(world: World) -> None:
    world.publish(chain("d", 2))
    world.scheduler(script=lambda order: Plan(seconds=None))
    world.trigger("d")
    world.settle()
    executor = world.executors["a"]
    executor.script = lambda order: Plan()
    actions.clear(world.store, RunChoice("d", ["r1"]), tasks("t000"), now=world.clock.now())
    assert world.states()["t000"] == "restarting"
    assert world.occupied()["default_pool"] == 1  # it holds its slot until its process is gone
    world.notify()
    world.finish_all()
    assert list(executor.cancelled) == [executor.orders[0].attempt_id]
    assert world.run_states() == {"r1": "success"}
    assert executor.started_tasks() == ["t000", "t000", "t001"]
    assert set(world.occupied().values()) == {0}


def test_clearing_between_a_report_and_its_transaction(world: World) -> None:
    """The scheduler's model is out of date when it comes to store: it reads again."""
    world.publish(chain("d", 2))
    scheduler = world.scheduler(script=lambda order: Plan(seconds=None))
    world.trigger("d")
    world.settle()
    executor = world.executors["a"]
    executor.finish(executor.orders[0].attempt_id)
    actions.clear(world.store, RunChoice("d", ["r1"]), tasks("t000"), now=world.clock.now())
    scheduler.step()
    executor.script = lambda order: Plan()
    world.finish_all()
    assert world.run_states() == {"r1": "success"}
    assert executor.started_tasks() == ["t000", "t000", "t001"]


def test_clearing_a_deferred_task_drops_its_trigger(world: World) -> None:
    deferred = Deferred(trigger_classpath="t.T", trigger_kwargs={}, method="m")
    outcomes = iter([deferred, Succeeded()])
    world.publish(chain("d", 1))
    world.scheduler(script=lambda order: Plan(next(outcomes)))
    world.trigger("d")
    world.run_until(lambda: world.states() == {"t000": "deferred"})
    actions.clear(world.store, RunChoice("d", ["r1"]), Request(), now=world.clock.now())
    assert world.query(trigger.select()) == []
    world.notify()
    world.finish_all()
    assert world.run_states() == {"r1": "success"}


def test_only_failed_ones_of_past_and_future_runs(world: World) -> None:
    failing = True

    def script(order: WorkOrder) -> Plan:
        return Plan(FAIL if failing and order.task_id == "bad" else Succeeded())

    world.publish(make_dag("d", task("good"), task("bad")))
    world.scheduler(script=script)
    for day in range(3):
        world.trigger("d", f"r{day}", logical_date=AT + timedelta(days=day))
    world.finish_all()
    failing = False
    choice = RunChoice("d", ["r1"], past=True, future=True)
    cleared = actions.clear(world.store, choice, Request(only_failed=True), now=world.clock.now())
    assert sorted((a.run_id, a.task_id) for a in cleared) == [
        ("r0", "bad"),
        ("r1", "bad"),
        ("r2", "bad"),
    ]
    world.notify()
    world.finish_all()
    assert set(world.run_states().values()) == {"success"}


def test_an_unknown_run(world: World) -> None:
    world.publish(chain("d", 1))
    with pytest.raises(NotFound, match="no run 'r9'"):
        actions.clear(world.store, RunChoice("d", ["r9"]), Request(), now=world.clock.now())


# --- marking -------------------------------------------------------------------------------------


def test_marking_a_running_task_ends_its_process(world: World) -> None:
    world.publish(chain("d", 2))
    world.scheduler(script=lambda order: Plan(seconds=None if order.task_id == "t000" else 1))
    world.trigger("d")
    world.settle()
    actions.mark(
        world.store,
        RunChoice("d", ["r1"]),
        tasks("t000"),
        TaskInstanceState.SUCCESS,
        now=world.clock.now(),
    )
    world.notify()
    world.finish_all()
    assert world.states() == {"t000": "success", "t001": "success"}
    first = world.attempts()[0]
    assert list(world.executors["a"].cancelled) == [first.id]
    assert first.state == "fenced"
    assert world.history(first.id) == ["claim", "start", "fence"]
    assert set(world.occupied().values()) == {0}


def test_marking_a_failed_task_a_success_lets_the_run_go_on(world: World) -> None:
    world.publish(chain("d", 3))
    world.scheduler(script=lambda order: Plan(FAIL if order.task_id == "t000" else Succeeded()))
    world.trigger("d")
    world.finish_all()
    assert world.run_states() == {"r1": "failed"}
    actions.mark(
        world.store,
        RunChoice("d", ["r1"]),
        tasks("t000"),
        TaskInstanceState.SUCCESS,
        now=world.clock.now(),
    )
    world.notify()
    world.finish_all()
    assert set(world.states().values()) == {"success"}
    assert world.run_states() == {"r1": "success"}


def test_cancelling_a_run(world: World) -> None:
    world.publish(chain("d", 3))
    world.scheduler(script=lambda order: Plan(seconds=None))
    world.trigger("d")
    world.settle()
    now = world.clock.now()
    would = actions.cancel_run(world.store, "d", "r1", now=now, dry_run=True)
    assert [(a.task_id, a.state) for a in would] == [
        ("t000", "running"),
        ("t001", "none"),
        ("t002", "none"),
    ]
    actions.cancel_run(world.store, "d", "r1", now=now)
    assert world.run_states() == {"r1": "failed"}
    world.notify()
    world.settle()
    executor = world.executors["a"]
    assert list(executor.cancelled) == [executor.orders[0].attempt_id]
    assert set(world.occupied().values()) == {0}
    with pytest.raises(Conflict, match="is over"):
        actions.cancel_run(world.store, "d", "r1", now=now)


def test_marking_a_queued_run(world: World) -> None:
    world.publish(chain("d", 2), paused=True)
    world.scheduler()
    world.trigger("d")
    world.settle()
    actions.mark_run(world.store, "d", "r1", DagRunState.SUCCESS, now=world.clock.now())
    assert world.run_states() == {"r1": "success"}
    assert world.states() == {"t000": "skipped", "t001": "skipped"}


def test_deleting_a_dag(world: World) -> None:
    world.publish(chain("d", 1))
    world.scheduler(script=lambda order: Plan(seconds=5))
    world.trigger("d")
    world.settle()
    now = world.clock.now()
    with pytest.raises(Conflict, match="running runs: r1"):
        actions.delete_dag(world.store, "d", now=now)
    world.finish_all()
    actions.delete_dag(world.store, "d", now=now)
    assert world.query(dag_run.select()) == []
    with pytest.raises(NotFound):
        actions.delete_dag(world.store, "d", now=now)


# --- why -----------------------------------------------------------------------------------------


def test_why_a_task_waits(world: World) -> None:
    world.add_pool("p", 1)
    world.publish(make_dag("d", task("one", pool="p"), task("two", pool="p"), task("three", "one")))
    world.scheduler(script=lambda order: Plan(seconds=None))
    pk = world.trigger("d")
    world.settle()
    now = world.clock.now()

    def codes(task_id: str) -> list[str]:
        return [reason.code for reason in why(world.store, pk, task_id, -1, now=now)]

    assert codes("two") == ["no_scheduler", "pool_full"]
    with world.store.begin() as tx:
        alive = world.store.now(tx)
        processes.register(tx, "s", role="scheduler", hostname="h", pid=1, now=alive)
    assert codes("two") == ["pool_full"]
    assert codes("three") == ["upstream"]
    actions.set_paused(world.store, ["d"], True, now=now)
    assert codes("two") == ["dag_paused", "pool_full"]
    with pytest.raises(NotFound):
        why(world.store, pk, "two", 3, now=now)


def test_why_a_run_does_not_begin(world: World) -> None:
    world.publish(make_dag("d", task("one"), max_active_runs=1))
    world.scheduler(script=lambda order: Plan(seconds=None))
    with world.store.begin() as tx:
        alive = world.store.now(tx)
        processes.register(tx, "s", role="scheduler", hostname="h", pid=1, now=alive)
    now = world.clock.now()
    later = actions.trigger_run(world.store, "d", now=now, run_after=now + timedelta(days=1))
    world.trigger("d", "first")
    world.settle()
    second = world.trigger("d", "second")

    def codes(pk: int) -> list[str]:
        return [reason.code for reason in why(world.store, pk, "one", -1, now=now)]

    assert codes(later.id) == ["run_not_due"]
    assert codes(second) == ["max_active_runs"]
