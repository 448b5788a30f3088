"""`history check` finds each kind of breach: a good history, broken in one place.

The good one comes from a real scheduler with a fake executor; what breaks it is SQL, as a bug of
the engine would leave it.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, insert, literal_column, select, update

from support.scheduling import FAIL, Plan, World, make_dag, returns, task
from tradewind.core.dag import Expansion, MappedArgument, XComLength
from tradewind.core.history.vocabulary import Findings, Statement
from tradewind.core.protocol import Deferred, WorkOrder
from tradewind.core.states import TriggerRule
from tradewind.scheduler.history import examine
from tradewind.store import inbox
from tradewind.store.engine import Store
from tradewind.store.schema import attempt, dag_run, history, pool, task_instance

pytestmark = pytest.mark.tampers

Tamper = Callable[[Connection], None]


class _Undo(Exception):
    pass


def found(store: Store, tamper: Tamper = lambda tx: None, **about: object) -> Findings:
    """What is found after tampering, all of which is undone."""
    findings = Findings()
    try:
        with store.begin() as tx:
            tamper(tx)
            findings = examine(tx, now=store.clock.now(), **about)  # type: ignore[arg-type]
            raise _Undo
    except _Undo:
        return findings


def broken(store: Store, tamper: Tamper = lambda tx: None) -> set[str]:
    return {violation.statement.value for violation in found(store, tamper).violations}


# --- the history ----------------------------------------------------------------------------------


def behaviour(order: WorkOrder) -> Plan:
    if order.task_id == "retried" and order.try_number == 1:
        return Plan(FAIL)
    if order.task_id == "waits" and order.resume is None:
        return Plan(Deferred(trigger_classpath="x", trigger_kwargs={}, method="go", kwargs={}))
    return Plan(returns([1, 2, 3], 3) if order.task_id == "first" else returns(1))


@pytest.fixture
def world(store: Store) -> World:
    """Two runs at once, with every kind of limit and of task, both over."""
    over_first = Expansion(arguments=[MappedArgument(name="x", source=XComLength(task_id="first"))])
    world = World(store, parallelism=6)
    world.add_pool("narrow", 2)
    world.publish(
        make_dag(
            "d",
            task("first"),
            task("mapped", "first", expansion=over_first, pool="narrow"),
            task("alone", "first", max_active_tis_per_dag=1),
            task("single", "first", expansion=over_first, max_active_tis_per_dagrun=1),
            task("retried", "first", retries=1),
            task("waits", "first"),
            task("any", "alone", "retried", trigger_rule=TriggerRule.ONE_SUCCESS),
            task("last", "mapped", "single", "retried", "waits"),
            max_active_runs=2,
            max_active_tasks=5,
        )
    )
    world.scheduler(script=behaviour)
    for run_id in ("r1", "r2"):
        world.trigger("d", run_id)
    world.run_until(lambda: waiting(world) == 2)
    fire_triggers(world)
    world.finish_all()
    assert set(world.run_states().values()) == {"success"}
    return world


def waiting(world: World) -> int:
    return len(world.query(select(task_instance).where(task_instance.c.state == "deferred")))


def fire_triggers(world: World) -> None:
    with world.store.begin() as tx:
        for row in tx.execute(select(task_instance).where(task_instance.c.state == "deferred")):
            resume = {"method": "go", "kwargs": {}}
            event = {"run_pk": row.run_pk, "kind": "trigger_event", "payload": resume}
            ids = {"task_instance_id": row.id, "attempt_id": None}
            inbox.put(tx, [event | ids], now=world.clock.now())
    world.notify()


def attempt_of(tx: Connection, task_id: str, map_index: int = -1) -> int:
    """The last attempt of a task in the first run."""
    return tx.execute(
        select(func.max(attempt.c.id))
        .join(task_instance, task_instance.c.id == attempt.c.task_instance_id)
        .where(
            task_instance.c.task_id == task_id,
            task_instance.c.map_index == map_index,
            task_instance.c.run_pk == select(func.min(dag_run.c.id)).scalar_subquery(),
        )
    ).scalar_one()


def event_id(tx: Connection, attempt_id: int, event: str) -> int:
    statement = select(history.c.id).where(
        history.c.attempt_id == attempt_id, history.c.event == event
    )
    return tx.execute(statement).scalar_one()


def spread(tx: Connection) -> None:
    """Make room between the events."""
    tx.execute(update(history).values(id=history.c.id * 1000 + 1_000_000))


def copy_event(tx: Connection, source: int, new_id: int, **changes: object) -> None:
    columns = [column.name for column in history.columns]
    row = tx.execute(select(history).where(history.c.id == source)).one()
    values = dict(zip(columns, row, strict=True)) | {"id": new_id} | changes
    tx.execute(insert(history).values(values))


# --- what breaks it -------------------------------------------------------------------------------


def second_attempt_beside(tx: Connection) -> None:
    """Two schedulers have claimed the same instance."""
    spread(tx)
    one = attempt_of(tx, "alone")
    row = tx.execute(select(attempt).where(attempt.c.id == one)).mappings().one()
    other = {**row, "id": 10_000, "generation": 99, "owner": "b"}
    tx.execute(insert(attempt).values(other))
    claim, finish = event_id(tx, one, "claim"), event_id(tx, one, "finish")
    copy_event(tx, claim, claim + 1, attempt_id=10_000)
    copy_event(tx, finish, finish + 1, attempt_id=10_000)


def start_after_the_end(tx: Connection) -> None:
    spread(tx)
    finish = event_id(tx, attempt_of(tx, "last"), "finish")
    copy_event(tx, finish, finish + 1, event="start", detail=None)


def never_claimed(tx: Connection) -> None:
    claim = event_id(tx, attempt_of(tx, "last"), "claim")
    tx.execute(history.delete().where(history.c.id == claim))


def finish_after_the_fence(tx: Connection) -> None:
    """A late report was believed."""
    spread(tx)
    finish = event_id(tx, attempt_of(tx, "last"), "finish")
    copy_event(tx, finish, finish - 1, event="fence", detail="its lease ended")


def outcome_overwritten(tx: Connection) -> None:
    tx.execute(
        update(attempt).where(attempt.c.id == attempt_of(tx, "any")).values(outcome="failed")
    )


def state_overwritten(tx: Connection) -> None:
    tx.execute(update(task_instance).where(task_instance.c.task_id == "any").values(state="failed"))


def finish_forgotten(tx: Connection) -> None:
    """The report came, and the instance waits as if it had not."""
    tx.execute(
        update(task_instance).where(task_instance.c.task_id == "any").values(state="scheduled")
    )


def finish_deleted(tx: Connection) -> None:
    finish = event_id(tx, attempt_of(tx, "any"), "finish")
    tx.execute(history.delete().where(history.c.id == finish))


def claimed_again_after_success(tx: Connection) -> None:
    spread(tx)
    one = attempt_of(tx, "any")
    row = tx.execute(select(attempt).where(attempt.c.id == one)).mappings().one()
    tx.execute(insert(attempt).values({**row, "id": 10_000, "generation": 99}))
    claim, finish = event_id(tx, one, "claim"), event_id(tx, one, "finish")
    copy_event(tx, claim, finish + 1, attempt_id=10_000)
    copy_event(tx, finish, finish + 2, attempt_id=10_000)


def claimed_before(upstream: str, downstream: str) -> Tamper:
    """A task was claimed before what it waits for had ended."""

    def tamper(tx: Connection) -> None:
        spread(tx)
        finish = event_id(tx, attempt_of(tx, upstream), "finish")
        for event in ("claim", "start"):
            mine = event_id(tx, attempt_of(tx, downstream), event)
            place = finish - 20 if event == "claim" else finish - 19
            tx.execute(update(history).where(history.c.id == mine).values(id=place))

    return tamper


def upstream_had_failed(tx: Connection) -> None:
    """all_success, and one of them is not."""
    one = attempt_of(tx, "waits")
    tx.execute(update(attempt).where(attempt.c.id == one).values(outcome="failed"))
    tx.execute(
        update(history).where(history.c.id == event_id(tx, one, "finish")).values(detail="failed")
    )
    ti = select(attempt.c.task_instance_id).where(attempt.c.id == one).scalar_subquery()
    tx.execute(update(task_instance).where(task_instance.c.id == ti).values(state="failed"))


def pool_was_smaller(tx: Connection) -> None:
    tx.execute(update(pool).where(pool.c.name == "narrow").values(slots=1))


def limits_of_claims(detail: str) -> Tamper:
    def tamper(tx: Connection) -> None:
        tx.execute(update(history).where(history.c.event == "claim").values(detail=detail))

    return tamper


def fewer_runs_allowed(tx: Connection) -> None:
    tx.execute(update(history).where(history.c.event == "begin").values(detail="1"))


def released_later(task_id: str, map_index: int = -1) -> Tamper:
    """An attempt went on for longer than its successors waited."""

    def tamper(tx: Connection) -> None:
        spread(tx)
        one = attempt_of(tx, task_id, map_index)
        last = tx.execute(select(func.max(history.c.id))).scalar_one()
        over = literal_column(str(last + 1))
        finish = event_id(tx, one, "finish")
        tx.execute(update(history).where(history.c.id == finish).values(id=over))

    return tamper


def left_alone(tx: Connection) -> None:
    """A lease had ended long before anybody noticed, while others were at work."""
    one = attempt_of(tx, "last")
    first = tx.execute(select(func.min(history.c.at))).scalar_one()
    tx.execute(
        update(attempt).where(attempt.c.id == one).values(lease_until=first - timedelta(hours=1))
    )


def renewed_too_late(tx: Connection) -> None:
    one = event_id(tx, attempt_of(tx, "last"), "claim")
    at = tx.execute(select(history.c.at).where(history.c.id == one)).scalar_one()
    since = (at - timedelta(hours=1)).isoformat()
    copy_event(tx, one, 1_000_000, event="renew", detail=since)


def outlives_its_run(tx: Connection) -> None:
    one = attempt_of(tx, "last")
    finish = event_id(tx, one, "finish")
    tx.execute(history.delete().where(history.c.id == finish))
    tx.execute(update(attempt).where(attempt.c.id == one).values(state="running", outcome=None))


BREACHES: dict[str, list[Tamper]] = {
    "one_at_a_time": [second_attempt_beside, start_after_the_end, never_claimed],
    "nothing_lost": [
        finish_after_the_fence,
        outcome_overwritten,
        state_overwritten,
        finish_forgotten,
        finish_deleted,
        claimed_again_after_success,
    ],
    "trigger_rule": [
        claimed_before("first", "alone"),
        claimed_before("waits", "last"),
        upstream_had_failed,
    ],
    "limits": [
        pool_was_smaller,
        limits_of_claims("3 8"),
        limits_of_claims("6 3"),
        fewer_runs_allowed,
        released_later("alone"),
        released_later("single", 0),
    ],
    "leases": [left_alone, renewed_too_late, outlives_its_run],
}


def test_a_good_history_and_each_breach_of_it(world: World) -> None:
    """One world for all, because making it takes longest."""
    good = found(world.store)
    assert good.violations == []
    assert not good.left_out
    checked = set(good.checked)
    assert checked == set(Statement) - {Statement.SLOTS}
    for statement, tampers in BREACHES.items():
        for tamper in tampers:
            assert statement in broken(world.store, tamper), (statement, tamper)
