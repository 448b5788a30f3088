"""Statements about the history: what happened to attempts, instances and runs, in order.

Rows of one run get ids in the order in which they are committed, because whoever writes them has
moved the run's revision first. What many runs share is locked before rows are written, so the order
of ids is that of commits there, too.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Select, bindparam, func, insert, or_, select

from tradewind.core.states import DagRunType
from tradewind.store.attempts import NOT_EXECUTED
from tradewind.store.bulk import Given, insertion
from tradewind.store.engine import AnyRow, Rows
from tradewind.store.schema import (
    attempt,
    dag_run,
    dag_version,
    event_log,
    history,
    pool,
    process,
    task_instance,
)

POOL_CHANGED = "pool_changed"
"""The event of `event_log` in which a pool's size before and after is told."""

CLEANED = "clean"
"""The event of `event_log` in which `db clean` tells what it deleted."""

_PAGE = 1000  # rows that a stream holds at a time


def add(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Each row has all columns of `history` but the id."""
    if rows:
        _given.execute(tx, _insert(tx.dialect.name), rows)


_given = Given({name: of for name, of in history.c.items() if name != "id"})


@cache
def _insert(dialect: str) -> Insert:
    return insertion(dialect, _given, insert(history))


def freeze(tx: Connection) -> None:
    """Have all reads of this transaction see the same moment (SQLite's always do).

    Call it before anything else.
    """
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _stream(tx: Connection, statement: Select[Any]) -> Iterator[AnyRow]:
    """All rows, a page at a time in memory."""
    yield from tx.execute(statement, execution_options={"yield_per": _PAGE})


# --- runs -----------------------------------------------------------------------------------------


def run_batches(
    tx: Connection, *, dag_id: str | None, since: datetime | None, size: int
) -> Iterator[list[int]]:
    """All runs, or those of a DAG and those that were not over at a moment, in batches with about
    `size` instances each."""
    statement = _run_sizes
    if dag_id is not None:
        statement = statement.where(dag_run.c.dag_id == dag_id)
    if since is not None:
        statement = statement.where(or_(dag_run.c.end_date.is_(None), dag_run.c.end_date >= since))
    batch: list[int] = []
    instances = 0
    for pk, count in _stream(tx, statement):
        batch.append(pk)
        instances += count + 1
        if instances >= size:
            yield batch
            batch, instances = [], 0
    if batch:
        yield batch


_run_sizes = (
    select(dag_run.c.id, func.count(task_instance.c.id))
    .outerjoin(task_instance, task_instance.c.run_pk == dag_run.c.id)
    .group_by(dag_run.c.id)
    .order_by(dag_run.c.id)
)


def of_runs(tx: Connection, run_pks: Collection[int]) -> Rows:
    return tx.execute(_of_runs, {"run_pks": list(run_pks)}).all()


_of_runs = (
    select(history)
    .where(history.c.run_pk.in_(bindparam("run_pks", expanding=True)))
    .order_by(history.c.id)
)


def attempts_of_runs(tx: Connection, run_pks: Collection[int]) -> Rows:
    """Those that were executed."""
    return tx.execute(_attempts_of_runs, {"run_pks": list(run_pks)}).all()


_attempts_of_runs = (
    select(
        attempt.c.id,
        attempt.c.run_pk,
        attempt.c.task_instance_id,
        attempt.c.state,
        attempt.c.outcome,
        attempt.c.lease_until,
    )
    .where(
        attempt.c.run_pk.in_(bindparam("run_pks", expanding=True)),
        attempt.c.executor != NOT_EXECUTED,
    )
    .order_by(attempt.c.id)
)


# --- what runs share ------------------------------------------------------------------------------

_SHARED = (
    *("begin", "over", "claim", "vacate", "finish", "fence"),
    *("end", "resume", "mark", "clear"),
)


def all_in_order(tx: Connection, *, since: datetime | None) -> Iterator[AnyRow]:
    """What takes and gives back, of all runs, from a moment on; with what an attempt takes."""
    statement = _all_in_order
    if since is not None:
        first = select(func.min(history.c.id)).where(history.c.at >= since).scalar_subquery()
        statement = statement.where(history.c.id >= first)
    yield from _stream(tx, statement)


_all_in_order = (
    select(
        history,
        dag_run.c.dag_id,
        dag_run.c.run_id,
        dag_run.c.version_id,
        dag_run.c.backfill_id,
        task_instance.c.task_id,
        task_instance.c.pool,
        task_instance.c.pool_slots,
        attempt.c.owner,
        attempt.c.executor,
    )
    .join(dag_run, dag_run.c.id == history.c.run_pk)
    .outerjoin(attempt, attempt.c.id == history.c.attempt_id)
    .outerjoin(task_instance, task_instance.c.id == attempt.c.task_instance_id)
    .where(history.c.event.in_(_SHARED))
    .order_by(history.c.id)
)


def pool_changes(tx: Connection) -> Rows:
    """`at` and `extra` (name, before, slots) of each, oldest first."""
    return tx.execute(_pool_changes).all()


_pool_changes = (
    select(event_log.c.at, event_log.c.extra)
    .where(event_log.c.event == POOL_CHANGED)
    .order_by(event_log.c.id)
)


def pool_sizes(tx: Connection) -> Rows:
    return tx.execute(_pool_sizes).all()


_pool_sizes = select(pool.c.name, pool.c.slots, pool.c.include_deferred)


def last_beat(tx: Connection) -> datetime | None:
    """When a scheduler was last heard of, of those that have not said good-bye."""
    return tx.execute(_last_beat).scalar()


_last_beat = select(func.max(process.c.heartbeat_at)).where(process.c.role == "scheduler")


def runs_cleaned_before(tx: Connection) -> datetime | None:
    """Runs that ended before then may have been deleted."""
    moments = [
        datetime.fromisoformat(extra["before"])
        for extra in tx.execute(_cleanings).scalars()
        if dag_run.name in extra["tables"]
    ]
    return max(moments, default=None)


_cleanings = select(event_log.c.extra).where(event_log.c.event == CLEANED)


# --- schedules ------------------------------------------------------------------------------------


def scheduled_dags(tx: Connection, *, dag_id: str | None) -> list[str]:
    statement = _scheduled_dags
    if dag_id is not None:
        statement = statement.where(dag_run.c.dag_id == dag_id)
    return sorted(tx.execute(statement).scalars())


_scheduled_dags = (
    select(dag_run.c.dag_id).where(dag_run.c.run_type == DagRunType.SCHEDULED.value).distinct()
)


def scheduled_runs(tx: Connection, dag_id: str, *, since: datetime | None) -> Iterator[AnyRow]:
    """A DAG's scheduled runs by date, with the `number` of their version."""
    statement = (
        select(
            dag_run.c.run_id,
            dag_run.c.logical_date,
            dag_run.c.interval_start,
            dag_run.c.interval_end,
            dag_run.c.run_after,
            dag_run.c.partition_key,
            dag_version.c.number,
        )
        .join(dag_version, dag_version.c.id == dag_run.c.version_id)
        .where(dag_run.c.dag_id == dag_id, dag_run.c.run_type == DagRunType.SCHEDULED.value)
        .order_by(
            func.coalesce(dag_run.c.logical_date, dag_run.c.run_after),
            dag_run.c.partition_key,
            dag_run.c.id,
        )
    )
    if since is not None:
        statement = statement.where(dag_run.c.run_after >= since)
    yield from _stream(tx, statement)


def documents(tx: Connection, dag_id: str) -> dict[int, bytes]:
    """The DAG's versions that are kept, by number."""
    rows = tx.execute(
        select(dag_version.c.number, dag_version.c.document).where(dag_version.c.dag_id == dag_id)
    )
    return {number: document for number, document in rows}


def has_run(tx: Connection, dag_id: str, logical_date: datetime) -> bool:
    statement = select(dag_run.c.id).where(
        dag_run.c.dag_id == dag_id, dag_run.c.logical_date == logical_date
    )
    return tx.execute(statement.limit(1)).first() is not None
