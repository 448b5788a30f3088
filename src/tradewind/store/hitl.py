"""Statements about questions to people."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from tradewind.core.protocol import Json
from tradewind.store.engine import AnyRow, Rows, insert
from tradewind.store.schema import dag_run, hitl, task_instance


def ask(
    tx: Connection, task_instance_id: int, *, attempt_queued_at: datetime, **values: Any
) -> None:
    """Put the question (columns of `hitl`); one that stands already is left as it is.

    One that was put and answered before the asking attempt was made belonged to an earlier try,
    and is put anew.
    """
    unanswered: dict[str, Any] = dict.fromkeys(
        ("answered_at", "answered_by", "chosen", "params_input")
    )
    tx.execute(
        insert(tx, hitl)
        .values(task_instance_id=task_instance_id, **values)
        .on_conflict_do_update(
            index_elements=["task_instance_id"],
            set_=values | unanswered,
            where=hitl.c.answered_at.is_not(None) & (hitl.c.created_at < attempt_queued_at),
        )
    )


def get(tx: Connection, task_instance_id: int) -> AnyRow | None:
    return tx.execute(select(hitl).where(hitl.c.task_instance_id == task_instance_id)).one_or_none()


def answer(
    tx: Connection,
    task_instance_id: int,
    *,
    chosen: list[str],
    params: dict[str, Json],
    by: str | None,
    now: datetime,
) -> bool:
    """The first answer stands: False if there was one already, or no such question."""
    answered = tx.execute(
        update(hitl)
        .where(hitl.c.task_instance_id == task_instance_id, hitl.c.answered_at.is_(None))
        .values(chosen=chosen, params_input=params, answered_by=by, answered_at=now)
    )
    return answered.rowcount > 0


def listing(tx: Connection, *, open_only: bool = True) -> Rows:
    """Questions, oldest first, with `dag_id`, `run_id`, `task_id`, `map_index`."""
    statement = (
        select(
            hitl,
            dag_run.c.dag_id,
            dag_run.c.run_id,
            task_instance.c.task_id,
            task_instance.c.map_index,
        )
        .join(task_instance, task_instance.c.id == hitl.c.task_instance_id)
        .join(dag_run, dag_run.c.id == task_instance.c.run_pk)
        .order_by(hitl.c.created_at, hitl.c.task_instance_id)
    )
    if open_only:
        statement = statement.where(hitl.c.answered_at.is_(None))
    return tx.execute(statement).all()
