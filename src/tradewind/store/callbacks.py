"""Statements about callbacks that have no runner of their own, from wish to result."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Update, and_, bindparam, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from tradewind.store.engine import Rows, insert
from tradewind.store.runs import lease_clock, lease_end, lease_length, lease_moment
from tradewind.store.schema import callback

QUEUED, RUNNING, SUCCESS, FAILED = "queued", "running", "success", "failed"


def add(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Each row has `run_pk`, `task_instance_id` (None: the DAG's callbacks), `kinds`, `reason`,
    `created_at`."""
    if rows:
        tx.execute(insert(tx, callback), [{**row, "state": QUEUED} for row in rows])


def claim(tx: Connection, owner: str, *, now: datetime, seconds: float, limit: int) -> Rows:
    """Lease callbacks to run, oldest first: new ones, and those whose owner's lease has ended.

    `tries` counts how often that happened, this time included.
    """
    values = {
        "owner": owner,
        "most": limit,
        **lease_moment(tx, now),
        **lease_length(tx, now, seconds),
    }
    claimed = tx.execute(_claim(tx.dialect.name), values)
    return sorted(claimed.all(), key=lambda row: row.id)


@cache
def _claim(dialect: str) -> ReturningUpdate[Any]:
    clock = lease_clock(dialect)
    free = (
        select(callback.c.id)
        .where(
            or_(
                callback.c.state == QUEUED,
                and_(callback.c.state == RUNNING, callback.c.lease_until < clock),
            )
        )
        .order_by(callback.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    return (
        update(callback)
        .where(callback.c.id.in_(free.scalar_subquery()))
        .values(
            state=RUNNING,
            lease_owner=bindparam("owner"),
            lease_until=lease_end(dialect),
            tries=callback.c.tries + 1,
        )
        .returning(callback)
    )


def renew(tx: Connection, owner: str, *, now: datetime, seconds: float) -> None:
    values = {"owner": owner, **lease_length(tx, now, seconds)}
    tx.execute(_renew(tx.dialect.name), values)


@cache
def _renew(dialect: str) -> Update:
    return (
        update(callback)
        .where(callback.c.state == RUNNING, callback.c.lease_owner == bindparam("owner"))
        .values(lease_until=lease_end(dialect))
    )


def finish(
    tx: Connection, ids: Collection[int], *, owner: str, error: str | None, now: datetime
) -> int:
    """How they ended; returns how many of them `owner` still had."""
    ended = tx.execute(
        update(callback)
        .where(
            callback.c.id.in_(ids),
            callback.c.state == RUNNING,
            callback.c.lease_owner == owner,
        )
        .values(
            state=SUCCESS if error is None else FAILED,
            error=error,
            ended_at=now,
            lease_owner=None,
            lease_until=None,
        )
    )
    return ended.rowcount


def of_run(tx: Connection, run_pk: int) -> Rows:
    return tx.execute(
        select(callback).where(callback.c.run_pk == run_pk).order_by(callback.c.id)
    ).all()
