"""Statements about triggers: what deferred tasks wait for, leased to a triggerer."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, or_, select, true, update
from sqlalchemy.sql.dml import ReturningUpdate

from tradewind.store.engine import insert
from tradewind.store.runs import lease_clock, lease_end, lease_length, lease_moment
from tradewind.store.schema import trigger


def add(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Create triggers: columns of `trigger`, `created_at` included. Notify "triggerer" as well."""
    if rows:
        tx.execute(insert(tx, trigger), rows)


def claim(
    tx: Connection,
    owner: str,
    *,
    now: datetime,
    seconds: float,
    limit: int,
    queues: Collection[str] | None = None,
) -> list[int]:
    """Lease up to `limit` triggers that nobody holds, oldest first; their ids.

    Those that another triggerer looks at are skipped.
    """
    values = {
        "owner": owner,
        "most": limit,
        **lease_moment(tx, now),
        **lease_length(tx, now, seconds),
    }
    if queues is not None:
        values["queues"] = list(queues)
    statement = _claim(tx.dialect.name, of_queues=queues is not None)
    return sorted(tx.execute(statement, values).scalars())


@cache
def _claim(dialect: str, *, of_queues: bool) -> ReturningUpdate[int]:
    is_free = or_(trigger.c.lease_until.is_(None), trigger.c.lease_until < lease_clock(dialect))
    of_queue = trigger.c.queue.in_(bindparam("queues", expanding=True)) if of_queues else true()
    free = (
        select(trigger.c.id)
        .where(is_free, of_queue)
        .order_by(trigger.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    return (
        update(trigger)
        .where(trigger.c.id.in_(free.scalar_subquery()))
        .values(lease_owner=bindparam("owner"), lease_until=lease_end(dialect))
        .returning(trigger.c.id)
    )


def renew(tx: Connection, owner: str, *, now: datetime, seconds: float) -> set[int]:
    """Renew all leases of `owner`; returns which triggers are its own still. The others are gone
    or somebody else's, and must be stopped."""
    values = {"owner": owner, **lease_length(tx, now, seconds)}
    return set(tx.execute(_renew(tx.dialect.name), values).scalars())


@cache
def _renew(dialect: str) -> ReturningUpdate[int]:
    return (
        update(trigger)
        .where(trigger.c.lease_owner == bindparam("owner"))
        .values(lease_until=lease_end(dialect))
        .returning(trigger.c.id)
    )


def release(tx: Connection, owner: str) -> None:
    """The triggerer stops: others may take its triggers at once. Notify "triggerer" as well."""
    tx.execute(
        update(trigger)
        .where(trigger.c.lease_owner == owner)
        .values(lease_owner=None, lease_until=None)
    )


def remove(tx: Connection, ids: Collection[int]) -> set[int]:
    """Returns which existed still: the event of any other one comes too late."""
    if not ids:
        return set()
    removed = tx.execute(delete(trigger).where(trigger.c.id.in_(ids)).returning(trigger.c.id))
    return set(removed.scalars())


def remove_of_instances(tx: Connection, task_instance_ids: Collection[int]) -> None:
    """These instances wait no longer. Notify "triggerer" as well."""
    if task_instance_ids:
        tx.execute(delete(trigger).where(trigger.c.task_instance_id.in_(task_instance_ids)))


def counts(tx: Connection) -> dict[str | None, int]:
    """How many triggers each triggerer holds; None: nobody."""
    rows = tx.execute(select(trigger.c.lease_owner, func.count()).group_by(trigger.c.lease_owner))
    return {row[0]: row[1] for row in rows}
