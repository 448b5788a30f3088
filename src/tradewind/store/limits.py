"""Statements about everything that is counted: pools, tasks with a limit, and all tasks together.

A counter only moves in the transaction that moves the task instances it counts. It is locked before
it is read, and raised under a condition, so that it holds however many schedulers claim.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from tradewind.core.states import OCCUPYING_STATES, DagRunState, TaskInstanceState
from tradewind.store.engine import AnyRow, insert
from tradewind.store.schema import dag, dag_run, pool, task_instance, task_limit

EVERYTHING = ("", "")
"""The `task_limit` row that counts all task instances, against `core.parallelism`."""

TaskKey = tuple[str, str]  # DAG id, task id

_occupying = [state.value for state in OCCUPYING_STATES]


def lock_pools(tx: Connection, names: Collection[str]) -> dict[str, AnyRow]:
    """The pools' rows, locked until the end of the transaction. Unknown names are left out."""
    return {row.name: row for row in tx.execute(_lock_pools, {"names": list(names)})}


_lock_pools = (
    select(pool)
    .where(pool.c.name.in_(bindparam("names", expanding=True)))
    .order_by(pool.c.name)
    .with_for_update()
)


def lock_tasks(tx: Connection, keys: Collection[TaskKey]) -> dict[TaskKey, int]:
    """How many instances of these tasks hold a slot; rows are made where there are none."""
    wanted = sorted(keys)
    locked = _lock_tasks(tx, wanted)
    if missing := [key for key in wanted if key not in locked]:
        tx.execute(
            insert(tx, task_limit).on_conflict_do_nothing(),
            [{"dag_id": dag_id, "task_id": task_id} for dag_id, task_id in missing],
        )
        locked = _lock_tasks(tx, wanted)
    return locked


def _lock_tasks(tx: Connection, wanted: list[TaskKey]) -> dict[TaskKey, int]:
    rows = tx.execute(_lock_tasks_named, {"wanted": wanted})
    return {(row.dag_id, row.task_id): row.occupied for row in rows}


_lock_tasks_named = (
    select(task_limit)
    .where(
        tuple_(task_limit.c.dag_id, task_limit.c.task_id).in_(bindparam("wanted", expanding=True))
    )
    .order_by(task_limit.c.dag_id, task_limit.c.task_id)
    .with_for_update()
)


class Moved(NamedTuple):
    """`done` False: a counter would have become too high, and the transaction must roll back.
    `made_room`: one that was full is so no longer, which others may be waiting for."""

    done: bool = True
    made_room: bool = False


_move_pool = (
    update(pool)
    .where(
        pool.c.name == bindparam("pool_name"),
        or_(
            bindparam("change") <= 0,
            pool.c.slots < 0,
            pool.c.occupied + bindparam("change") <= pool.c.slots,
        ),
    )
    .values(occupied=pool.c.occupied + bindparam("change"))
    .returning(pool.c.occupied, pool.c.slots)
)


def move_pools(tx: Connection, changes: Mapping[str, int]) -> Moved:
    """Add the changes to the pools' occupied slots. A pool that is gone counts nothing."""
    made_room = False
    for name in sorted(changes):
        change = changes[name]
        row = tx.execute(_move_pool, {"pool_name": name, "change": change}).one_or_none()
        if row is None and change > 0:
            return Moved(done=False)
        if row is not None and change < 0:
            made_room = made_room or row.occupied - change >= row.slots >= 0
    return Moved(made_room=made_room)


_move_task = (
    update(task_limit)
    .where(
        task_limit.c.dag_id == bindparam("of_dag"),
        task_limit.c.task_id == bindparam("of_task"),
        or_(
            bindparam("change") <= 0,
            task_limit.c.occupied + bindparam("change") <= bindparam("allowed"),
        ),
    )
    .values(occupied=task_limit.c.occupied + bindparam("change"))
    .returning(task_limit.c.occupied)
)


def move_tasks(tx: Connection, changes: Mapping[TaskKey, tuple[int, int]]) -> Moved:
    """As `move_pools`, for tasks: each change comes with what is allowed."""
    made_room = False
    for (dag_id, task_id), (change, allowed) in sorted(changes.items()):
        values = {"of_dag": dag_id, "of_task": task_id, "change": change, "allowed": allowed}
        occupied = tx.execute(_move_task, values).scalar()
        if occupied is None and change > 0:
            return Moved(done=False)
        if occupied is not None and change < 0:
            made_room = made_room or occupied - change >= allowed
    return Moved(made_room=made_room)


_move_runs = (
    update(dag)
    .where(dag.c.dag_id == bindparam("of_dag"))
    .values(active_runs=dag.c.active_runs + bindparam("change"))
)


def move_active_runs(tx: Connection, changes: Mapping[str, int]) -> None:
    """Add to the DAGs' numbers of running runs (those of backfills are not counted)."""
    rows = [{"of_dag": dag_id, "change": changes[dag_id]} for dag_id in sorted(changes)]
    if rows:
        tx.execute(_move_runs, rows)


# --- counted again from the rows ------------------------------------------------------------------


def recount_pools(tx: Connection) -> list[str]:
    """Set every pool to what its task instances really hold; the names of those that were wrong.

    The rows are locked first and counted by the next statement, so that no claim falls in between.
    """
    tx.execute(_lock_all_pools).all()
    return sorted(tx.execute(_recount_pools()).scalars())


_lock_all_pools = select(pool.c.name).order_by(pool.c.name).with_for_update()


@cache
def _recount_pools() -> ReturningUpdate[str]:
    holds = or_(
        task_instance.c.state.in_(_occupying),
        and_(task_instance.c.state == TaskInstanceState.DEFERRED.value, pool.c.include_deferred),
    )
    truth = (
        select(func.coalesce(func.sum(task_instance.c.pool_slots), 0))
        .where(task_instance.c.pool == pool.c.name, holds)
        .scalar_subquery()
    )
    return (
        update(pool).where(pool.c.occupied != truth).values(occupied=truth).returning(pool.c.name)
    )


def recount_tasks(tx: Connection) -> list[TaskKey]:
    """As `recount_pools`, for tasks."""
    tx.execute(_lock_all_tasks).all()
    return sorted((row.dag_id, row.task_id) for row in tx.execute(_recount_tasks()))


_key = (task_limit.c.dag_id, task_limit.c.task_id)
_lock_all_tasks = select(*_key).order_by(*_key).with_for_update()


@cache
def _recount_tasks() -> ReturningUpdate[Any]:
    everything = and_(task_limit.c.dag_id == "", task_limit.c.task_id == "")
    truth = (
        select(func.count())
        .select_from(task_instance.join(dag_run, dag_run.c.id == task_instance.c.run_pk))
        .where(
            task_instance.c.state.in_(_occupying),
            or_(
                everything,
                and_(
                    dag_run.c.dag_id == task_limit.c.dag_id,
                    task_instance.c.task_id == task_limit.c.task_id,
                ),
            ),
        )
        .scalar_subquery()
    )
    return (
        update(task_limit)
        .where(task_limit.c.occupied != truth)
        .values(occupied=truth)
        .returning(task_limit.c.dag_id, task_limit.c.task_id)
    )


def recount_active_runs(tx: Connection) -> list[str]:
    """As `recount_pools`, for the DAGs' numbers of running runs."""
    tx.execute(_lock_all_dags).all()
    return sorted(tx.execute(_recount_active_runs()).scalars())


_lock_all_dags = select(dag.c.dag_id).order_by(dag.c.dag_id).with_for_update()


@cache
def _recount_active_runs() -> ReturningUpdate[str]:
    truth = (
        select(func.count())
        .where(
            dag_run.c.dag_id == dag.c.dag_id,
            dag_run.c.state == DagRunState.RUNNING.value,
            dag_run.c.backfill_id.is_(None),
        )
        .scalar_subquery()
    )
    return (
        update(dag)
        .where(dag.c.active_runs != truth)
        .values(active_runs=truth)
        .returning(dag.c.dag_id)
    )


def occupied_tasks(tx: Connection) -> dict[TaskKey, int]:
    """The counters of tasks, and of everything, that are not 0."""
    return {(row.dag_id, row.task_id): row.occupied for row in tx.execute(_occupied_tasks)}


_occupied_tasks = select(task_limit).where(task_limit.c.occupied > 0)


def task_occupied(tx: Connection, key: TaskKey) -> int:
    """How many instances of a task with a limit hold a slot, in any run."""
    found: int | None = tx.execute(
        select(task_limit.c.occupied).where(
            task_limit.c.dag_id == key[0], task_limit.c.task_id == key[1]
        )
    ).scalar()
    return found or 0
