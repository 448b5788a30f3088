"""One scheduler: runs from queued to their end."""

from datetime import timedelta

import pytest

from support.scheduling import FAIL, Plan, World, chain, fails_first, make_dag, returns, task, wide
from tradewind.core.dag import Expansion, MappedArgument, XComLength
from tradewind.core.protocol import (
    Deferred,
    Rescheduled,
    Resume,
    Skipped,
    Succeeded,
    Usage,
    WorkOrder,
)
from tradewind.core.states import TriggerRule
from tradewind.store import inbox, triggers, xcoms
from tradewind.store.engine import Store, count_statements
from tradewind.store.schema import trigger


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def mapped(task_id: str, over: str, **more: object) -> object:
    argument = MappedArgument(name="x", source=XComLength(task_id=over))
    return task(task_id, over, expansion=Expansion(arguments=[argument]), **more)


def test_a_chain_runs_in_order(world: World) -> None:
    world.publish(chain("d", 5))
    world.scheduler()
    world.trigger("d")
    world.finish_all()
    assert world.run_states() == {"r1": "success"}
    assert world.executors["a"].started_tasks() == [f"t{n:03}" for n in range(5)]
    assert set(world.states().values()) == {"success"}
    assert set(world.occupied().values()) == {0}


def test_what_the_last_task_used_is_stored_without_waiting_for_other_news(world: World) -> None:
    usage = Usage(cpu_seconds=1.5, peak_memory_bytes=1000)
    world.publish(chain("d", 1))
    world.scheduler(script=lambda order: Plan(usage=usage, lingers_seconds=0.5))
    world.trigger("d")
    world.finish_all()

    ended = world.clock.now()

    def stored() -> list[tuple[float | None, int | None]]:
        return [(row.cpu_seconds, row.peak_memory_bytes) for row in world.attempts()]

    assert stored() == [(None, None)]
    world.run_until(lambda: stored() == [(1.5, 1000)])
    assert (world.clock.now() - ended).total_seconds() < 1  # of virtual time


def test_a_link_of_a_chain_costs_six_statements_at_most(world: World) -> None:
    def script(order: WorkOrder) -> Plan:
        return Plan(returns("x"), seconds=0.01)

    world.publish(chain("d", 42))
    world.scheduler(script=script)
    world.trigger("d")
    executor = world.executors["a"]
    world.run_until(lambda: len(executor.orders) == 1)
    with count_statements(world.store) as counter:
        world.run_until(lambda: len(executor.orders) == 41)
    assert counter.count <= 40 * 6


def test_a_long_task_costs_one_more_statement_for_its_start(world: World) -> None:
    world.publish(chain("d", 12))
    world.scheduler(script=lambda order: Plan(seconds=1.0))
    world.trigger("d")
    executor = world.executors["a"]
    world.run_until(lambda: len(executor.orders) == 1)
    with count_statements(world.store) as counter:
        world.run_until(lambda: len(executor.orders) == 11)
    assert counter.count <= 10 * 6 + 2 * 30  # and up to two looks around, as 10 s have passed


def test_tasks_in_parallel_cost_far_fewer_statements(world: World) -> None:
    world.publish(wide("d", 200))
    world.scheduler(slots=20)
    world.trigger("d")
    executor = world.executors["a"]
    world.run_until(lambda: len(executor.orders) >= 20)
    with count_statements(world.store) as counter:
        world.finish_all()
    assert counter.count <= 200 * 2
    assert executor.most_running == 20


def test_nothing_to_do_touches_the_database_only_for_the_slow_look(world: World) -> None:
    world.publish(chain("d", 1))
    world.scheduler()
    world.trigger("d")
    world.finish_all()
    world.run_for(11)
    with count_statements(world.store) as counter:
        assert world.schedulers["a"].step() > 5
        world.clock.advance(5)
        assert world.schedulers["a"].step() > 0
    assert counter.statements == []


def test_a_look_that_finds_nothing_costs_one_statement(world: World) -> None:
    world.publish(chain("d", 1))
    world.scheduler()
    world.trigger("d")
    world.finish_all()
    world.run_for(11)
    world.clock.advance(11)
    with count_statements(world.store) as counter:
        world.schedulers["a"].step()
    assert len(counter.statements) == 1


def test_the_work_order_says_all_that_a_runner_needs(world: World) -> None:
    world.publish(make_dag("d", task("one", queue="q")), digest="abc")
    world.scheduler()
    at = world.clock.now() - timedelta(days=1)
    world.trigger("d", "r/1", logical_date=at, conf={"k": 1}, note="why")
    world.finish_all()
    (order,) = world.executors["a"].orders
    assert (order.source.root, order.source.file, order.source.bundle) == (
        "/snapshots/abc",
        "d.py",
        "dags",
    )
    assert (order.run.conf, order.run.logical_date, order.run.version_number) == ({"k": 1}, at, 1)
    assert order.run.start_date is not None
    assert order.log_file == "dag_id=d/run_id=r/1/task_id=one/attempt=1.log"
    assert order.queue == "q"


def test_an_attempt_has_its_history_and_verdict(world: World) -> None:
    world.publish(make_dag("d", task("one", retries=1, retry_delay_seconds=60)))
    world.scheduler(script=fails_first(1))
    world.trigger("d")
    world.finish_all()
    first, second = world.attempts()
    assert (first.state, first.outcome, first.category) == ("ended", "failed", "user_code")
    assert (second.state, second.outcome, second.category) == ("ended", "success", None)
    assert (first.generation, second.generation) == (1, 2)
    assert first.hostname == "fake"
    assert world.history(first.id) == ["claim", "start", "finish"]
    assert second.queued_at - first.ended_at >= timedelta(seconds=60)
    assert second.queued_at <= second.launched_at <= second.started_at


def test_a_try_that_is_lost_to_the_infrastructure_keeps_its_number(world: World) -> None:
    def script(order: WorkOrder) -> Plan:
        lost = len(world.executors["a"].orders) == 1
        return Plan(None, category="infra_lost", reason="the host is gone") if lost else Plan()

    world.publish(make_dag("d", task("one")))
    world.scheduler(script=script)
    world.trigger("d")
    world.finish_all()
    first, second = world.executors["a"].orders
    assert (first.try_number, second.try_number) == (1, 1)
    assert first.log_file.endswith("/attempt=1.log")
    assert second.log_file.endswith("/attempt=1.2.log")
    assert world.run_states() == {"r1": "success"}


def test_xcoms_are_stored_and_a_new_try_begins_without_them(world: World) -> None:
    def script(order: WorkOrder) -> Plan:
        if order.task_id == "one":
            return Plan(returns([1, 2], length=2))
        return Plan(FAIL)

    world.publish(make_dag("d", task("one"), task("two", "one")))
    world.scheduler(script=script)
    pk = world.trigger("d")
    world.finish_all()
    with world.store.read() as tx:
        (row,) = xcoms.of_run(tx, pk)
    assert (row.task_id, row.key, row.value) == ("one", "return_value", [1, 2])
    assert world.run_states() == {"r1": "failed"}


def test_a_mapped_task_is_expanded_and_reduced(world: World) -> None:
    def script(order: WorkOrder) -> Plan:
        return Plan(returns([1, 2, 3], length=3) if order.task_id == "list" else returns(0))

    world.publish(make_dag("d", task("list"), mapped("each", "list"), task("sum", "each")))
    world.scheduler(script=script)
    world.trigger("d")
    world.finish_all()
    assert world.states() == {
        "list": "success",
        "each[0]": "success",
        "each[1]": "success",
        "each[2]": "success",
        "sum": "success",
    }
    orders = [o for o in world.executors["a"].orders if o.task_id == "each"]
    assert orders[1].log_file.endswith("task_id=each/map_index=1/attempt=1.log")


def test_skips_and_trigger_rules(world: World) -> None:
    def script(order: WorkOrder) -> Plan:
        outcomes = {"branch": Succeeded(skip=["left"]), "odd": Skipped()}
        return Plan(outcomes.get(order.task_id, Succeeded()))

    join = task("join", "left", "right", trigger_rule=TriggerRule.NONE_FAILED)
    world.publish(
        make_dag("d", task("branch"), task("left", "branch"), task("right", "branch"), join)
    )
    world.scheduler(script=script)
    world.trigger("d")
    world.finish_all()
    assert world.states() == {
        "branch": "success",
        "left": "skipped",
        "right": "success",
        "join": "success",
    }


def test_a_rescheduled_sensor_waits_without_a_slot(world: World) -> None:
    def script(order: WorkOrder) -> Plan:
        if len(world.executors["a"].orders) < 3:
            return Plan(Rescheduled(at=world.clock.now() + timedelta(seconds=60)))
        return Plan()

    world.publish(make_dag("d", task("sensor")))
    world.scheduler(script=script)
    world.trigger("d")
    world.run_until(lambda: world.states() == {"sensor": "up_for_reschedule"})
    world.run_for(2)
    assert set(world.occupied().values()) == {0}
    world.finish_all()
    orders = world.executors["a"].orders
    assert [order.try_number for order in orders] == [1, 1, 1]
    assert orders[2].first_start_date == orders[1].first_start_date
    assert world.run_states() == {"r1": "success"}


def test_a_deferred_task_goes_on_when_its_trigger_fires(world: World) -> None:
    def script(order: WorkOrder) -> Plan:
        if order.resume is None:
            return Plan(Deferred(trigger_classpath="t.T", trigger_kwargs={"n": 1}, method="go_on"))
        return Plan()

    world.publish(make_dag("d", task("one")))
    world.scheduler(script=script)
    pk = world.trigger("d")
    world.run_until(lambda: world.states() == {"one": "deferred"})
    (row,) = world.query(trigger.select())
    assert (row.classpath, row.kwargs, row.digest) == ("t.T", {"n": 1}, "d1")
    with world.store.begin() as tx:
        triggers.remove(tx, [row.id])
        fired = {
            "run_pk": pk,
            "task_instance_id": row.task_instance_id,
            "attempt_id": None,
            "kind": "trigger_event",
            "payload": {"method": "go_on", "event": {"answer": 42}},
        }
        inbox.put(tx, [fired], now=world.clock.now())
    world.notify()
    world.finish_all()
    assert world.executors["a"].orders[1].resume == Resume(method="go_on", event={"answer": 42})
    assert world.run_states() == {"r1": "success"}
    assert world.query(trigger.select()) == []


def test_a_deferral_times_out(world: World) -> None:
    def script(order: WorkOrder) -> Plan:
        if order.resume is None:
            deferred = Deferred(
                trigger_classpath="t.T", trigger_kwargs={}, method="go_on", timeout_seconds=90
            )
            return Plan(deferred)
        assert order.resume.timed_out
        return Plan(FAIL)

    world.publish(make_dag("d", task("one")))
    world.scheduler(script=script)
    world.trigger("d")
    world.finish_all()
    assert world.run_states() == {"r1": "failed"}
    assert world.query(trigger.select()) == []


def test_dagrun_timeout_ends_the_run_and_its_processes(world: World) -> None:
    world.publish(make_dag("d", task("one"), dagrun_timeout_seconds=30))
    world.scheduler(script=lambda order: Plan(seconds=None))
    world.trigger("d")
    world.finish_all()
    world.settle()
    assert world.run_states() == {"r1": "failed"}
    assert world.states() == {"one": "skipped"}
    executor = world.executors["a"]
    assert list(executor.cancelled) == [executor.orders[0].attempt_id]
    (row,) = world.attempts()
    assert row.state == "fenced"
    assert set(world.occupied().values()) == {0}


def test_a_late_report_of_a_fenced_attempt_is_refused(world: World) -> None:
    world.publish(make_dag("d", task("one"), task("two"), fail_fast=True))
    outcomes = {"one": Plan(FAIL, seconds=5), "two": Plan(seconds=None)}
    world.scheduler(script=lambda order: outcomes[order.task_id])
    executor = world.executors["a"]
    executor.cancel = lambda attempt_id, reason: None  # type: ignore[method-assign]  # deaf
    world.trigger("d")
    world.finish_all()
    late = next(order.attempt_id for order in executor.orders if order.task_id == "two")
    assert world.states() == {"one": "failed", "two": "failed"}
    executor.finish(late)
    world.run_for(11)
    assert world.states() == {"one": "failed", "two": "failed"}
    assert world.history(late) == ["claim", "start", "fence", "vacate", "refuse"]


def test_5000_tasks_in_one_run(sqlite_url: str) -> None:
    world = World(Store(sqlite_url))
    world.publish(wide("d", 5000))
    world.scheduler(slots=500)
    world.trigger("d")
    world.finish_all()
    assert world.run_states() == {"r1": "success"}
