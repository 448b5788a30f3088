"""Statements about deadlines of runs."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from tradewind.store.engine import Rows, insert
from tradewind.store.schema import deadline


def add(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Each row has `run_pk`, `position` (in the DAG's list of deadlines) and `due_at`."""
    if rows:
        tx.execute(insert(tx, deadline), rows)


def due(tx: Connection, *, now: datetime, limit: int) -> Rows:
    """Deadlines that are past and not known as missed, oldest first, locked until the end.

    Those that another scheduler holds are skipped.
    """
    return tx.execute(_due, {"now": now, "most": limit}).all()


_due = (
    select(deadline)
    .where(~deadline.c.missed, deadline.c.due_at <= bindparam("now"))
    .order_by(deadline.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


def mark_missed(tx: Connection, ids: Collection[int]) -> None:
    tx.execute(update(deadline).where(deadline.c.id.in_(ids)).values(missed=True))


def remove_open_of_runs(tx: Connection, run_pks: Collection[int]) -> None:
    """The runs ended in time."""
    if run_pks:
        tx.execute(delete(deadline).where(deadline.c.run_pk.in_(run_pks), ~deadline.c.missed))
