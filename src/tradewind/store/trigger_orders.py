"""Statements about what a triggerer needs to know to run the triggers that it has claimed."""

from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from tradewind.store.engine import Rows
from tradewind.store.schema import attempt, dag, dag_run, task_instance, trigger

_NAMES = (
    dag_run.c.dag_id,
    dag_run.c.run_id,
    task_instance.c.task_id,
    task_instance.c.map_index,
    task_instance.c.try_number,
)


def orders(tx: Connection, ids: Collection[int]) -> Rows:
    """Rows of `trigger`, with the DAG's `file`, the `log_file` of the attempt that deferred, and
    what names the task instance (all None for an asset's watcher)."""
    return tx.execute(_orders(), {"ids": list(ids)}).all() if ids else []


@cache
def _orders() -> Select[Any]:
    of_instance = attempt.alias()
    newest = (
        select(func.max(of_instance.c.id))
        .where(of_instance.c.task_instance_id == trigger.c.task_instance_id)
        .scalar_subquery()
    )
    return (
        select(trigger, dag.c.file, attempt.c.log_file, *_NAMES)
        .outerjoin(task_instance, task_instance.c.id == trigger.c.task_instance_id)
        .outerjoin(dag_run, dag_run.c.id == trigger.c.run_pk)
        .outerjoin(dag, dag.c.dag_id == dag_run.c.dag_id)
        .outerjoin(attempt, attempt.c.id == newest)
        .where(trigger.c.id.in_(bindparam("ids", expanding=True)))
        .order_by(trigger.c.id)
    )
