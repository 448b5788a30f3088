"""Statements about attempts: launch intents, leases and verdicts."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Select,
    Update,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from tradewind.core.states import AttemptState, TaskInstanceState
from tradewind.store.bulk import Given, insert_for_ids, insertion
from tradewind.store.engine import Rows
from tradewind.store.runs import lease_clock, lease_end, lease_length, lease_moment
from tradewind.store.schema import attempt, dag_run, task_instance

NOT_EXECUTED = ""
"""The executor of a row that stands for a try which ended without an attempt."""

LIVE = (AttemptState.QUEUED.value, AttemptState.RUNNING.value)


def insert_intents(
    tx: Connection, rows: list[dict[str, Any]], *, now: datetime, lease_seconds: float
) -> list[int]:
    """Insert launch intents, leased from now; their ids in the rows' order."""
    length = lease_length(tx, now, lease_seconds)
    return insert_for_ids(tx, _intents, _insert_intents(tx.dialect.name), rows, **length)


_intents = Given(
    {
        name: attempt.c[name]
        for name in (
            "task_instance_id",
            "run_pk",
            "try_number",
            "generation",
            "state",
            "executor",
            "owner",
            "queued_at",
            "log_file",
        )
    }
)


@cache
def _insert_intents(dialect: str) -> Insert:
    return insertion(dialect, _intents, insert(attempt), lease_until=lease_end(dialect))


def insert_outcomes(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Rows for tries that ended without an attempt, so that the history knows of them."""
    if rows:
        tx.execute(insert(attempt), rows)


VERDICT_COLUMNS = (
    "state",
    "launched_at",
    "started_at",
    "ended_at",
    "outcome",
    "category",
    "reason",
    "hostname",
    "pid",
    "exit_code",
    "cpu_seconds",
    "peak_memory_bytes",
)

_verdicts = Given({"pk": attempt.c.id, **{name: attempt.c[name] for name in VERDICT_COLUMNS}})


def update_verdicts(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Write what is known of attempts; each row has `pk` and all of `VERDICT_COLUMNS`."""
    if rows:
        _verdicts.execute(tx, _update_verdicts(tx.dialect.name), rows)


@cache
def _update_verdicts(dialect: str) -> Update:
    row = _verdicts.values(dialect)
    return (
        update(attempt)
        .where(attempt.c.id == row["pk"])
        .values({name: row[name] for name in VERDICT_COLUMNS})
    )


# --- leases ---------------------------------------------------------------------------------------


def renew(tx: Connection, owner: str, *, now: datetime, seconds: float) -> set[int]:
    """Renew the leases of all live attempts of `owner`; which those are."""
    values = {"of_owner": owner, **lease_length(tx, now, seconds)}
    return set(tx.execute(_renew(tx.dialect.name), values).scalars())


@cache
def _renew(dialect: str) -> ReturningUpdate[int]:
    return (
        update(attempt)
        .where(attempt.c.owner == bindparam("of_owner"), attempt.c.state.in_(LIVE))
        .values(lease_until=lease_end(dialect), renewals=attempt.c.renewals + 1)
        .returning(attempt.c.id)
    )


def lapsed(tx: Connection, owner: str, *, now: datetime) -> Rows:
    """Live attempts of `owner` whose lease has ended and that nobody has fenced: `id`, `run_pk`,
    `task_instance_id`, `lease_until`."""
    values = {"of_owner": owner, **lease_moment(tx, now)}
    return tx.execute(_lapsed(tx.dialect.name), values).all()


@cache
def _lapsed(dialect: str) -> Select[Any]:
    return select(
        attempt.c.id, attempt.c.run_pk, attempt.c.task_instance_id, attempt.c.lease_until
    ).where(
        attempt.c.owner == bindparam("of_owner"),
        attempt.c.state.in_(LIVE),
        attempt.c.lease_until < lease_clock(dialect),
    )


def unwanted(tx: Connection, ids: Collection[int]) -> set[int]:
    """Those of the attempts that must end: superseded, or their instance waits to start again."""
    return set(tx.execute(_unwanted, {"ids": list(ids)}).scalars())


_unwanted = (
    select(attempt.c.id)
    .join(task_instance, task_instance.c.id == attempt.c.task_instance_id)
    .where(
        attempt.c.id.in_(bindparam("ids", expanding=True)),
        or_(
            attempt.c.state == AttemptState.FENCED.value,
            task_instance.c.state == TaskInstanceState.RESTARTING.value,
        ),
    )
)


def expired(tx: Connection, scheduler: str, *, now: datetime) -> Rows:
    """Live attempts whose lease has ended, in runs that `scheduler` leases: `id`, `run_pk`."""
    values = {"scheduler": scheduler, **lease_moment(tx, now)}
    return tx.execute(_expired(tx.dialect.name), values).all()


@cache
def _expired(dialect: str) -> Select[Any]:
    return (
        select(attempt.c.id, attempt.c.run_pk)
        .join(dag_run, dag_run.c.id == attempt.c.run_pk)
        .where(
            dag_run.c.lease_owner == bindparam("scheduler"),
            attempt.c.state.in_(LIVE),
            attempt.c.lease_until < lease_clock(dialect),
        )
    )


def superseded(tx: Connection, run_pks: Collection[int], *, besides: str, now: datetime) -> Rows:
    """Fenced attempts of these runs that another owner's process may be at work on still, because
    it has a lease and has not given it up: `run_pk`, `task_instance_id`."""
    statement = select(attempt.c.run_pk, attempt.c.task_instance_id).where(
        attempt.c.run_pk.in_(run_pks),
        attempt.c.state == AttemptState.FENCED.value,
        attempt.c.owner != besides,
        attempt.c.lease_until > lease_clock(tx.dialect.name),
    )
    return tx.execute(statement, lease_moment(tx, now)).all()


def give_up(tx: Connection, ids: Collection[int], *, now: datetime) -> bool:
    """End the leases of those of the attempts that are fenced: their processes are gone. Whether
    there were any."""
    clock = lease_clock(tx.dialect.name)
    statement = (
        update(attempt)
        .where(
            attempt.c.id.in_(ids),
            attempt.c.state == AttemptState.FENCED.value,
            attempt.c.lease_until > clock,
        )
        .values(lease_until=clock)
    )
    return tx.execute(statement, lease_moment(tx, now)).rowcount > 0


# --- reading --------------------------------------------------------------------------------------


def live_of_runs(tx: Connection, run_pks: Collection[int]) -> Rows:
    return tx.execute(_live_of_runs, {"run_pks": list(run_pks)}).all()


_live_of_runs = select(attempt).where(
    attempt.c.run_pk.in_(bindparam("run_pks", expanding=True)), attempt.c.state.in_(LIVE)
)


def counts(tx: Connection, run_pks: Collection[int]) -> Rows:
    """By task instance and try: how many attempts there were, and the last generation."""
    return tx.execute(_counts, {"run_pks": list(run_pks)}).all()


_counts = (
    select(
        attempt.c.run_pk,
        attempt.c.task_instance_id,
        attempt.c.try_number,
        func.count().label("attempts"),
        func.max(attempt.c.generation).label("generation"),
    )
    .where(attempt.c.run_pk.in_(bindparam("run_pks", expanding=True)))
    .group_by(attempt.c.run_pk, attempt.c.task_instance_id, attempt.c.try_number)
)


def of_instance(tx: Connection, task_instance_id: int) -> Rows:
    """All attempts of a task instance, oldest first."""
    return tx.execute(
        select(attempt)
        .where(attempt.c.task_instance_id == task_instance_id)
        .order_by(attempt.c.generation)
    ).all()


def by_pks(tx: Connection, pks: Iterable[int]) -> Rows:
    return tx.execute(select(attempt).where(attempt.c.id.in_(list(pks)))).all()
