"""Runs and task instances as people and tasks ask for them, by what they know of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from tradewind.store.engine import AnyRow, Rows
from tradewind.store.schema import attempt, dag_run, dag_version, task_instance


@dataclass(frozen=True)
class RunFilter:
    """What is None does not matter. `after` and `before` bound the logical date, inclusively, or
    for runs without one the moment when they were due."""

    dag_id: str | None = None
    run_ids: Collection[str] | None = None
    logical_dates: Collection[datetime] | None = None
    states: Collection[str] | None = None
    run_type: str | None = None
    after: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class InstanceFilter:
    """Task instances of the runs that `RunFilter` finds. What is None does not matter."""

    task_ids: Collection[str] | None = None
    map_index: int | None = None
    states: Collection[str] | None = None


# --- runs -----------------------------------------------------------------------------------------


def runs(tx: Connection, wanted: RunFilter, *, limit: int | None = None) -> Rows:
    """Rows of `dag_run` with `version_number`, newest first."""
    return tx.execute(
        _select_runs()
        .where(*_of_runs(wanted))
        .order_by(dag_run.c.run_after.desc(), dag_run.c.id.desc())
        .limit(limit)
    ).all()


def run(tx: Connection, wanted: RunFilter) -> AnyRow | None:
    """The newest of the runs that are wanted, as in `runs`."""
    return next(iter(runs(tx, wanted, limit=1)), None)


def run_before(
    tx: Connection, dag_id: str, before: datetime, *, state: str | None = None
) -> AnyRow | None:
    """The run with the newest logical date before `before`, in that state if one is given."""
    statement = (
        _select_runs()
        .where(dag_run.c.dag_id == dag_id, dag_run.c.logical_date < before)
        .order_by(dag_run.c.logical_date.desc(), dag_run.c.id.desc())
        .limit(1)
    )
    if state is not None:
        statement = statement.where(dag_run.c.state == state)
    return tx.execute(statement).one_or_none()


def count_runs(tx: Connection, wanted: RunFilter) -> int:
    statement = select(func.count()).select_from(dag_run).where(*_of_runs(wanted))
    number: int = tx.execute(statement).scalar_one()
    return number


# --- task instances -------------------------------------------------------------------------------


def instances(
    tx: Connection,
    in_runs: RunFilter,
    wanted: InstanceFilter | None = None,
    *,
    limit: int | None = None,
) -> Rows:
    """Rows of `task_instance` with `dag_id`, `run_id`, `logical_date`, in the order of their runs,
    and within a run in the order of their making."""
    return tx.execute(
        select(task_instance, dag_run.c.dag_id, dag_run.c.run_id, dag_run.c.logical_date)
        .join(dag_run, dag_run.c.id == task_instance.c.run_pk)
        .where(*_of_runs(in_runs), *_of_instances(wanted or InstanceFilter()))
        .order_by(dag_run.c.run_after, dag_run.c.id, task_instance.c.id)
        .limit(limit)
    ).all()


def count_instances(tx: Connection, in_runs: RunFilter, wanted: InstanceFilter) -> int:
    statement = (
        select(func.count())
        .select_from(task_instance)
        .join(dag_run, dag_run.c.id == task_instance.c.run_pk)
        .where(*_of_runs(in_runs), *_of_instances(wanted))
    )
    number: int = tx.execute(statement).scalar_one()
    return number


def instance_of_attempt(
    tx: Connection, attempt_id: int, *, current_only: bool = False, lock: bool = False
) -> AnyRow | None:
    """The task instance of an attempt: `id`, `run_pk`, `task_id`, `map_index`, and the attempt's
    `queued_at`.

    `current_only`: only while no other attempt has taken its place and it has not ended. `lock`:
    the answer stays true until the transaction ends.
    """
    statement = (
        select(
            task_instance.c.id,
            task_instance.c.run_pk,
            task_instance.c.task_id,
            task_instance.c.map_index,
            attempt.c.queued_at,
        )
        .join(attempt, attempt.c.task_instance_id == task_instance.c.id)
        .where(attempt.c.id == attempt_id)
    )
    if current_only:
        statement = statement.where(is_current())
    if lock:
        statement = statement.with_for_update(read=True)
    return tx.execute(statement).one_or_none()


def is_current() -> ColumnElement[bool]:
    """Of a row of `attempt` joined to its `task_instance`: it may still report and write."""
    return (task_instance.c.attempt_id == attempt.c.id) & attempt.c.state.in_(["queued", "running"])


def _select_runs() -> Select[Any]:
    return select(dag_run, dag_version.c.number.label("version_number")).join(
        dag_version, dag_version.c.id == dag_run.c.version_id
    )


def _of_runs(wanted: RunFilter) -> list[ColumnElement[bool]]:
    moment = func.coalesce(dag_run.c.logical_date, dag_run.c.run_after)
    found: list[ColumnElement[bool]] = []
    if wanted.dag_id is not None:
        found.append(dag_run.c.dag_id == wanted.dag_id)
    if wanted.run_ids is not None:
        found.append(dag_run.c.run_id.in_(wanted.run_ids))
    if wanted.logical_dates is not None:
        found.append(dag_run.c.logical_date.in_(wanted.logical_dates))
    if wanted.states is not None:
        found.append(dag_run.c.state.in_(wanted.states))
    if wanted.run_type is not None:
        found.append(dag_run.c.run_type == wanted.run_type)
    if wanted.after is not None:
        found.append(moment >= wanted.after)
    if wanted.before is not None:
        found.append(moment <= wanted.before)
    return found


def _of_instances(wanted: InstanceFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.task_ids is not None:
        found.append(task_instance.c.task_id.in_(wanted.task_ids))
    if wanted.map_index is not None:
        found.append(task_instance.c.map_index == wanted.map_index)
    if wanted.states is not None:
        found.append(task_instance.c.state.in_(wanted.states))
    return found
