"""Statements about backfills."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, insert, select, update

from tradewind.core.states import DagRunState
from tradewind.store.engine import AnyRow, Rows
from tradewind.store.runs import ACTIVE
from tradewind.store.schema import backfill, dag_run


def create(tx: Connection, **values: Any) -> int:
    pk: int = tx.execute(insert(backfill).values(**values).returning(backfill.c.id)).scalar_one()
    return pk


def get(tx: Connection, backfill_id: int) -> AnyRow | None:
    return tx.execute(select(backfill).where(backfill.c.id == backfill_id)).one_or_none()


def listing(tx: Connection, *, dag_id: str | None = None, open_only: bool = False) -> Rows:
    """Backfills, newest first."""
    statement = select(backfill).order_by(backfill.c.id.desc())
    if dag_id is not None:
        statement = statement.where(backfill.c.dag_id == dag_id)
    if open_only:
        statement = statement.where(backfill.c.completed_at.is_(None))
    return tx.execute(statement).all()


def change(tx: Connection, backfill_id: int, **values: Any) -> None:
    tx.execute(update(backfill).where(backfill.c.id == backfill_id).values(**values))


def queued_runs(tx: Connection, backfill_id: int) -> list[int]:
    """Runs of a backfill that have not started."""
    return list(
        tx.execute(
            select(dag_run.c.id)
            .where(
                dag_run.c.backfill_id == backfill_id,
                dag_run.c.state == DagRunState.QUEUED.value,
            )
            .order_by(dag_run.c.id)
        ).scalars()
    )


def complete_finished(tx: Connection, *, now: datetime) -> list[int]:
    """Close the backfills whose runs have all ended."""
    return sorted(tx.execute(_complete_finished, {"now": now}).scalars())


_complete_finished = (
    update(backfill)
    .where(
        backfill.c.completed_at.is_(None),
        ~exists().where(dag_run.c.backfill_id == backfill.c.id, dag_run.c.state.in_(ACTIVE)),
    )
    .values(completed_at=bindparam("now"))
    .returning(backfill.c.id)
)
