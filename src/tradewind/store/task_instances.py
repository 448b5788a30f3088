"""Statements about task instances: the columns that decisions move, and those that stay."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Insert, Update, bindparam, insert, select, update

from tradewind.core.dag import TaskSpec
from tradewind.core.protocol import Resume
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.states import TaskInstanceState
from tradewind.store.bulk import Given, insert_for_ids, insertion
from tradewind.store.schema import dag_run, task_instance

MOVING = tuple(name for name in TaskInstance.__struct_fields__ if name != "id")
"""The columns that `core.runs.instances.TaskInstance` holds."""

_moving = Given({"pk": task_instance.c.id, **{name: task_instance.c[name] for name in MOVING}})
_columns = [task_instance.c.run_pk, task_instance.c.id, *(task_instance.c[name] for name in MOVING)]


def values_of(instance: TaskInstance) -> dict[str, Any]:
    """Column values of the moving part."""
    values = {name: getattr(instance, name) for name in MOVING}
    values["resume"] = msgspec.to_builtins(instance.resume)
    return values


def save(tx: Connection, instances: Collection[TaskInstance]) -> None:
    """Write instances that have a row."""
    if instances:
        rows = [{"pk": instance.id, **values_of(instance)} for instance in instances]
        _moving.execute(tx, _save(tx.dialect.name), rows)


@cache
def _save(dialect: str) -> Update:
    row = _moving.values(dialect)
    return (
        update(task_instance)
        .where(task_instance.c.id == row["pk"])
        .values({name: row[name] for name in MOVING})
    )


_starts = Given(
    {
        "pk": task_instance.c.id,
        "attempt": task_instance.c.attempt_id,
        "started": task_instance.c.start_date,
        "first_started": task_instance.c.first_start_date,
    }
)


def mark_started(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """queued → running where `attempt` is still the instance's own, which is fence enough.

    Each row has `pk`, `attempt`, `started`, `first_started`.
    """
    if rows:
        _starts.execute(tx, _mark_started(tx.dialect.name), rows)


@cache
def _mark_started(dialect: str) -> Update:
    row = _starts.values(dialect)
    return (
        update(task_instance)
        .where(
            task_instance.c.id == row["pk"],
            task_instance.c.attempt_id == row["attempt"],
            task_instance.c.state == TaskInstanceState.QUEUED.value,
        )
        .values(
            state=TaskInstanceState.RUNNING.value,
            start_date=row["started"],
            first_start_date=row["first_started"],
        )
    )


_STAYING = ("operator", "pool", "pool_slots", "queue", "executor", "priority_weight")
_new = Given({name: task_instance.c[name] for name in ("run_pk", *MOVING, *_STAYING)})


def insert_new(tx: Connection, new: Sequence[tuple[int, TaskInstance, TaskSpec]]) -> None:
    """Insert instances, each with its run and its task, and set their `id`."""
    rows = [
        {
            "run_pk": run_pk,
            **values_of(instance),
            "operator": spec.operator,
            "pool": spec.pool,
            "pool_slots": spec.pool_slots,
            "queue": spec.queue,
            "executor": spec.executor,
            "priority_weight": spec.weight,
        }
        for run_pk, instance, spec in new
    ]
    ids = insert_for_ids(tx, _new, _insert(tx.dialect.name), rows)
    for (_, instance, _), pk in zip(new, ids, strict=True):
        instance.id = pk


@cache
def _insert(dialect: str) -> Insert:
    return insertion(dialect, _new, insert(task_instance))


def of_runs(tx: Connection, run_pks: Collection[int]) -> dict[int, list[TaskInstance]]:
    """All instances of these runs."""
    found: dict[int, list[TaskInstance]] = {pk: [] for pk in run_pks}
    for row in tx.execute(_of_runs, {"run_pks": list(run_pks)}):
        found[row[0]].append(_instance(row[1:]))
    return found


_of_runs = (
    select(*_columns)
    .where(task_instance.c.run_pk.in_(bindparam("run_pks", expanding=True)))
    .order_by(task_instance.c.id)
)


def _instance(values: Sequence[Any]) -> TaskInstance:
    pk, *moving = values
    instance = TaskInstance(id=pk, **dict(zip(MOVING, moving, strict=True)))
    instance.state = TaskInstanceState(instance.state)
    if instance.resume is not None:
        instance.resume = msgspec.convert(instance.resume, Resume)
    return instance


def states_in_run(
    tx: Connection, run_pk: int, task_ids: Iterable[str]
) -> dict[str, list[TaskInstanceState]]:
    """By task, the states of all its instances in the run."""
    rows = tx.execute(
        select(task_instance.c.task_id, task_instance.c.state).where(
            task_instance.c.run_pk == run_pk, task_instance.c.task_id.in_(list(task_ids))
        )
    )
    states: dict[str, list[TaskInstanceState]] = {}
    for task_id, state in rows:
        states.setdefault(task_id, []).append(TaskInstanceState(state))
    return states


def known_before(
    tx: Connection, dag_id: str, before: datetime, task_ids: Collection[str]
) -> frozenset[str]:
    """Those of the tasks that have an instance in any run with an earlier logical date."""
    rows = tx.execute(
        select(task_instance.c.task_id)
        .distinct()
        .join(dag_run, dag_run.c.id == task_instance.c.run_pk)
        .where(
            dag_run.c.dag_id == dag_id,
            dag_run.c.logical_date < before,
            task_instance.c.task_id.in_(task_ids),
        )
    )
    return frozenset(rows.scalars())


def by_ids(tx: Connection, ids: Collection[int]) -> dict[int, TaskInstance]:
    if not ids:
        return {}
    rows = tx.execute(select(*_columns).where(task_instance.c.id.in_(ids)))
    return {row[1]: _instance(row[1:]) for row in rows}
