"""Statements about the record of who did what."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from tradewind.store.engine import Rows
from tradewind.store.schema import event_log


def add(tx: Connection, event: str, *, now: datetime, **values: Any) -> None:
    """`event`: a short name such as "clear"; `values`: other columns of `event_log`."""
    tx.execute(_add, {"event": event, "at": now, **values})


_add = insert(event_log)


def listing(
    tx: Connection, *, dag_id: str | None = None, run_id: str | None = None, limit: int = 100
) -> Rows:
    """The newest entries, newest first."""
    statement = select(event_log).order_by(event_log.c.at.desc(), event_log.c.id.desc())
    if dag_id is not None:
        statement = statement.where(event_log.c.dag_id == dag_id)
    if run_id is not None:
        statement = statement.where(event_log.c.run_id == run_id)
    return tx.execute(statement.limit(limit)).all()
