"""Runs that time, assets and people's backfills make, and what depends on the run before."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from support.scheduling import FAIL, Plan, World, make_dag, task
from tradewind.core.dag import (
    AssetAliasRef,
    AssetAll,
    AssetAny,
    AssetCondition,
    AssetNameRef,
    AssetRef,
    AssetSchedule,
    AssetUriRef,
    ContinuousSchedule,
    CronInterval,
    CronTrigger,
    DeltaInterval,
    OnceSchedule,
    PartitionedAssets,
    PartitionMapperSpec,
    SerializedDag,
)
from tradewind.core.errors import Conflict, UserError
from tradewind.core.protocol import OutletEvent, Succeeded, WorkOrder
from tradewind.scheduler import backfills
from tradewind.scheduler.backfills import BackfillRequest, Reprocess
from tradewind.store import asset_events, dags
from tradewind.store.asset_events import Source
from tradewind.store.engine import Store
from tradewind.store.schema import backfill, dag, dag_run

DAY = timedelta(days=1)


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=UTC)


def daily(dag_id: str = "d", **more: object) -> SerializedDag:
    more.setdefault("start_date", at(24))
    more.setdefault("catchup", True)
    return make_dag(dag_id, task("one"), timetable=CronTrigger(crons=["0 0 * * *"]), **more)


def scheduled(world: World) -> list[str]:
    rows = world.query(
        select(dag_run.c.logical_date)
        .where(dag_run.c.run_type == "scheduled")
        .order_by(dag_run.c.logical_date)
    )
    return [row.logical_date.strftime("%m-%d") for row in rows]


def test_catchup_makes_one_run_for_each_slot(world: World) -> None:
    world.publish(daily())
    world.scheduler()
    world.plan_next(daily())
    world.run_for(60)
    assert scheduled(world) == ["02-24", "02-25", "02-26", "02-27", "02-28", "03-01"]
    assert set(world.run_states().values()) == {"success"}
    assert "scheduled__2026-02-24T00:00:00+00:00" in world.run_states()
    world.clock.advance(DAY.total_seconds())
    world.run_for(20)
    assert scheduled(world)[-1] == "03-02"


def test_without_catchup_only_the_newest_slot_runs(world: World) -> None:
    dag_ = daily(catchup=False)
    world.publish(dag_)
    world.scheduler()
    world.plan_next(dag_)
    world.run_for(60)
    assert scheduled(world) == ["03-01"]


def test_scheduled_runs_are_made_only_while_max_active_runs_leaves_room(world: World) -> None:
    dag_ = daily(max_active_runs=2)
    world.publish(dag_)
    world.scheduler(script=lambda order: Plan(seconds=None))
    world.plan_next(dag_)
    world.run_for(30)
    assert scheduled(world) == ["02-24", "02-25"]
    executor = world.executors["a"]
    executor.finish(executor.orders[0].attempt_id)
    world.run_for(1)
    assert scheduled(world) == ["02-24", "02-25", "02-26"]


def test_each_slot_yields_one_run_under_two_schedulers(
    world: World, open_store: Callable[[], Store]
) -> None:
    world.publish(daily())
    world.scheduler("a")
    other = open_store()
    other.clock = world.clock
    world.scheduler("b", store=other)
    world.plan_next(daily())
    world.run_for(60)
    assert scheduled(world) == ["02-24", "02-25", "02-26", "02-27", "02-28", "03-01"]


def test_paused_dags_get_no_new_scheduled_runs(world: World) -> None:
    world.publish(daily(), paused=True)
    world.scheduler()
    world.plan_next(daily())
    world.run_for(60)
    assert scheduled(world) == []


def test_without_catchup_a_long_pause_is_not_made_up_for(world: World) -> None:
    dag_ = daily(catchup=False)
    world.publish(dag_, paused=True)
    world.scheduler()
    world.plan_next(dag_)
    world.clock.advance(5 * DAY.total_seconds())
    with world.store.begin() as tx:
        dags.set_paused(tx, ["d"], False)
    world.notify()
    world.run_for(60)
    assert scheduled(world) == ["03-06"]


def test_an_interval_timetable_runs_when_its_interval_is_over(world: World) -> None:
    dag_ = make_dag(
        "d",
        task("one"),
        timetable=CronInterval(cron="0 0 * * *"),
        start_date=at(27),
        catchup=True,
    )
    world.publish(dag_)
    world.scheduler()
    world.plan_next(dag_)
    world.run_for(60)
    rows = world.query(select(dag_run).order_by(dag_run.c.id))
    assert [(r.logical_date, r.interval_end, r.run_after) for r in rows] == [
        (at(27), at(28), at(28)),
        (at(28), at(28) + DAY, at(28) + DAY),
    ]
    assert rows[0].run_id == "scheduled__2026-02-28T00:00:00+00:00"


def test_once_and_continuous(world: World) -> None:
    once = make_dag("once", task("one"), timetable=OnceSchedule(), start_date=at(27))
    always = make_dag("always", task("one"), timetable=ContinuousSchedule(), start_date=at(28))
    world.publish(once)
    world.publish(always)
    world.scheduler(script=lambda order: Plan(seconds=10))
    world.plan_next(once)
    world.plan_next(always)
    world.run_for(35)
    rows = world.query(select(dag_run).order_by(dag_run.c.dag_id, dag_run.c.id))
    assert [row.logical_date for row in rows if row.dag_id == "once"] == [at(27)]
    continuous = [row for row in rows if row.dag_id == "always"]
    assert 3 <= len(continuous) <= 5
    assert [row.state for row in continuous[:-1]] == ["success"] * (len(continuous) - 1)
    for earlier, later in pairwise(continuous):
        assert later.interval_start == earlier.interval_end


def test_max_consecutive_failed_dag_runs_pauses_the_dag(world: World) -> None:
    dag_ = daily(max_consecutive_failed_dag_runs=2, max_active_runs=1)
    world.publish(dag_)
    world.scheduler(script=lambda order: Plan(FAIL))
    world.plan_next(dag_)
    world.run_for(60)
    assert scheduled(world) == ["02-24", "02-25"]
    (row,) = world.query(dag.select())
    assert row.is_paused


# --- the run before ------------------------------------------------------------------------------


def depending(**more: object) -> SerializedDag:
    return make_dag(
        "d",
        task("one", depends_on_past=True, **more),
        task("two", "one"),
        timetable=CronTrigger(crons=["0 0 * * *"]),
        start_date=at(27),
        catchup=True,
    )


def test_depends_on_past_waits_for_the_run_before(world: World) -> None:
    world.publish(depending())
    world.scheduler(script=lambda order: Plan(seconds=60))
    world.plan_next(depending())
    world.finish_all()
    orders = [o for o in world.executors["a"].orders if o.task_id == "one"]
    assert [order.run.logical_date for order in orders] == [at(27), at(28), at(28) + DAY]
    attempts = [row for row in world.attempts() if row.id in {o.attempt_id for o in orders}]
    for earlier, later in pairwise(attempts):
        assert later.queued_at >= earlier.ended_at


def test_a_failure_in_the_past_keeps_the_next_run_waiting(world: World) -> None:
    def script(order: WorkOrder) -> Plan:
        return Plan(FAIL if order.run.logical_date == at(28) else Succeeded())

    world.publish(depending())
    world.scheduler(script=script)
    world.plan_next(depending())
    world.run_for(120)
    assert list(world.run_states().values()) == ["success", "failed", "running"]
    third = world.query(select(dag_run.c.id).order_by(dag_run.c.id))[2].id
    assert world.states(third) == {"one": "none", "two": "none"}


def test_depends_on_past_over_two_schedulers(world: World, open_store: Callable[[], Store]) -> None:
    world.publish(depending())
    world.scheduler("a", script=lambda order: Plan(seconds=60))
    world.plan_next(depending())
    world.settle()
    with world.store.begin() as tx:  # the second run goes to b
        second = world.query(select(dag_run.c.id).order_by(dag_run.c.id))[1].id
        tx.execute(
            dag_run.update()
            .where(dag_run.c.id == second)
            .values(lease_owner=None, lease_until=None)
        )
    other = open_store()
    other.clock = world.clock
    scheduler = world.scheduler("b", store=other, script=lambda order: Plan(seconds=60))
    scheduler.step()
    world.run_for(40)
    world.finish_all()
    assert set(world.run_states().values()) == {"success"}
    assert world.executors["b"].orders


# --- assets --------------------------------------------------------------------------------------


def asset(name: str) -> AssetRef:
    return AssetRef(name=name, uri=f"s3://{name}")


def emits(**outlets: OutletEvent | list[OutletEvent]) -> Callable[[WorkOrder], Plan]:
    def script(order: WorkOrder) -> Plan:
        events = outlets.get(order.task_id, [])
        return Plan(Succeeded(outlet_events=events if isinstance(events, list) else [events]))

    return script


def event(name: str, key: str | None = None) -> OutletEvent:
    return OutletEvent(asset_name=name, asset_uri=f"s3://{name}", partition_key=key, alias="al")


def test_an_asset_condition_waits_for_all_and_starts_anew(world: World) -> None:
    both = AssetSchedule(condition=AssetAll(conditions=[asset("a"), asset("b")]))
    world.publish(make_dag("make_a", task("make_a", outlets=[asset("a")])))
    world.publish(make_dag("make_b", task("make_b", outlets=[asset("b")])))
    world.publish(make_dag("both", task("use"), timetable=both))
    world.scheduler(script=emits(make_a=event("a"), make_b=event("b")))
    world.trigger("make_a", "a1")
    world.run_for(5)
    world.trigger("make_a", "a2")
    world.run_for(5)
    assert "use" not in world.executors["a"].started_tasks()
    world.trigger("make_b", "b1")
    world.run_for(5)
    world.trigger("make_b", "b2")
    world.run_for(15)
    (order,) = [o for o in world.executors["a"].orders if o.task_id == "use"]
    assert [e.source_run_id for e in order.run.consumed_asset_events] == ["a1", "a2", "b1"]
    assert order.run.run_type == "asset_triggered"
    assert order.run.logical_date is None
    assert order.run.run_id.startswith("asset_triggered__2026-03-01T12:")


@pytest.mark.parametrize(
    "condition",
    [
        asset("a"),
        AssetNameRef(name="a"),
        AssetUriRef(uri="s3://a"),
        AssetAliasRef(name="al"),
        AssetAny(conditions=[AssetUriRef(uri="s3://other"), AssetAliasRef(name="al")]),
    ],
)
def test_partitions_make_a_run_each(world: World, condition: AssetCondition) -> None:
    identity = PartitionMapperSpec(kind="IdentityMapper")
    timetable = PartitionedAssets(condition=condition, default_mapper=identity)
    world.publish(make_dag("make", task("make", outlets=[asset("a")])))
    world.publish(make_dag("use", task("use"), timetable=timetable))
    world.scheduler(script=emits(make=[event("a", "x"), event("a", "y"), event("a")]))
    world.trigger("make")
    world.run_for(15)
    orders = [o for o in world.executors["a"].orders if o.task_id == "use"]
    assert sorted(str(order.run.partition_key) for order in orders) == ["x", "y"]
    assert [len(order.run.consumed_asset_events) for order in orders] == [1, 1]


def test_a_watchers_event_feeds_no_partition(world: World) -> None:
    identity = PartitionMapperSpec(kind="IdentityMapper")
    partitioned = PartitionedAssets(condition=asset("a"), default_mapper=identity)
    world.publish(make_dag("use", task("use"), timetable=partitioned))
    world.publish(make_dag("plain", task("t"), timetable=AssetSchedule(condition=asset("a"))))
    world.scheduler()
    with world.store.begin() as tx:  # as the triggerer does it
        (stored,) = asset_events.add_events(tx, Source(), [event("a")], now=world.clock.now())
        asset_events.queue(tx, [(dag_id, stored.id) for dag_id in stored.consumers])
    world.notify()
    world.run_for(15)
    assert world.executors["a"].started_tasks() == ["t"]
    with world.store.read() as tx:
        assert asset_events.queued(tx) == []


# --- backfills -----------------------------------------------------------------------------------


def request(**more: object) -> BackfillRequest:
    more.setdefault("from_date", at(24))
    more.setdefault("to_date", at(27))
    return BackfillRequest(dag_id="d", **more)  # type: ignore[arg-type]


def test_a_backfill_runs_its_slots_within_its_own_limit(world: World) -> None:
    world.publish(daily(catchup=False, max_active_runs=1))
    world.scheduler()
    backfill_id, planned = backfills.create(
        world.store, request(max_active_runs=2, conf={"k": 1}), now=world.clock.now()
    )
    assert [str(run.logical_date)[:10] for run in planned] == [
        "2026-02-24",
        "2026-02-25",
        "2026-02-26",
        "2026-02-27",
    ]
    world.notify()
    world.settle()
    assert list(world.run_states().values()).count("running") == 2
    world.run_for(20)
    orders = world.executors["a"].orders
    assert [order.run.logical_date for order in orders] == [at(24), at(25), at(26), at(27)]
    assert (orders[0].run.run_type, orders[0].run.conf) == ("backfill", {"k": 1})
    (row,) = world.query(backfill.select())
    assert (row.id, row.completed_at is not None) == (backfill_id, True)


def test_a_backfill_of_too_many_runs_is_refused(world: World) -> None:
    world.publish(make_dag("d", task("t"), timetable=DeltaInterval(delta=1e-6)))
    with pytest.raises(UserError, match="more than 100,000 runs") as refused:
        backfills.create(world.store, request(), now=world.clock.now())
    assert refused.value.hint is not None
    assert world.run_states() == {}


def test_a_backfill_may_run_backwards(world: World) -> None:
    world.publish(daily())
    world.scheduler(slots=1)
    backfills.create(
        world.store,
        request(run_backwards=True, max_active_runs=1),
        now=world.clock.now(),
    )
    world.notify()
    world.finish_all()
    orders = world.executors["a"].orders
    assert [order.run.logical_date for order in orders] == [at(27), at(26), at(25), at(24)]


def test_a_backfill_leaves_out_what_ran_unless_told_otherwise(world: World) -> None:
    def script(order: WorkOrder) -> Plan:
        first = order.run.run_type == "scheduled"
        return Plan(FAIL if first and order.run.logical_date == at(25) else Succeeded())

    world.publish(daily())
    world.scheduler(script=script)
    world.plan_next(daily())
    world.run_for(30)
    now = world.clock.now()
    _, planned = backfills.create(world.store, request(), now=now, dry_run=True)
    assert [run.skipped for run in planned] == ["already exists"] * 4
    _, planned = backfills.create(world.store, request(reprocess=Reprocess.FAILED), now=now)
    skipped = [run.skipped for run in planned]
    assert skipped == ["already exists", None, "already exists", "already exists"]
    world.notify()
    world.run_for(30)
    again = [o for o in world.executors["a"].orders if o.run.run_type == "backfill"]
    assert [(o.run.logical_date, o.try_number) for o in again] == [(at(25), 2)]
    assert set(world.run_states().values()) == {"success"}


def test_a_paused_and_a_cancelled_backfill(world: World) -> None:
    world.publish(daily())
    world.scheduler(script=lambda order: Plan(seconds=20))
    now = world.clock.now()
    backfill_id, _ = backfills.create(world.store, request(max_active_runs=1), now=now)
    assert backfill_id is not None
    with pytest.raises(Conflict):
        backfills.create(world.store, request(), now=now)
    world.notify()
    world.settle()
    backfills.set_paused(world.store, backfill_id, True, now=now)
    world.run_for(60)
    assert list(world.run_states().values()) == ["success", "queued", "queued", "queued"]
    backfills.set_paused(world.store, backfill_id, False, now=now)
    world.notify()
    world.settle()
    backfills.cancel(world.store, backfill_id, now=world.clock.now())
    world.notify()
    world.finish_all()
    assert list(world.run_states().values()) == ["success", "success", "failed", "failed"]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"from_date": at(27), "to_date": at(24)}, "before it begins"),
        ({"from_date": at(24) + 365 * DAY, "to_date": at(24) + 366 * DAY}, "future"),
        ({"max_active_runs": 0}, "at least 1"),
    ],
)
def test_backfills_that_make_no_sense(
    world: World, more: dict[str, object], complaint: str
) -> None:
    world.publish(daily())
    with pytest.raises(UserError, match=complaint):
        backfills.create(world.store, request(**more), now=world.clock.now())


def test_a_dag_without_a_schedule_has_nothing_to_fill(world: World) -> None:
    world.publish(make_dag("d", task("one")))
    with pytest.raises(UserError, match="nothing to run"):
        backfills.create(world.store, request(), now=world.clock.now())
    with world.store.read() as tx:
        assert dags.get(tx, "d") is not None


# --- many ----------------------------------------------------------------------------------------


def test_1000_active_runs(sqlite_url: str) -> None:
    world = World(Store(sqlite_url))
    world.publish(make_dag("d", task("one"), task("two", "one"), max_active_runs=1000))
    world.scheduler(slots=100)
    now = world.clock.now()
    with world.store.begin() as tx:
        row = dags.get(tx, "d")
        assert row is not None
        tx.execute(
            dag_run.insert(),
            [
                {
                    "dag_id": "d",
                    "run_id": f"r{n}",
                    "run_type": "manual",
                    "state": "queued",
                    "version_id": row.version_id,
                    "bundle_name": "dags",
                    "digest": "d1",
                    "run_after": now,
                    "queued_at": now,
                }
                for n in range(1000)
            ],
        )
    world.finish_all()
    assert list(world.run_states().values()) == ["success"] * 1000
    assert len(world.executors["a"].orders) == 2000
