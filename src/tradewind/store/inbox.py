"""Statements about the inbox: what others report about a run until its scheduler applies it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from tradewind.core.states import DagRunState
from tradewind.store.engine import Rows
from tradewind.store.schema import dag_run, inbox


def put(tx: Connection, rows: list[dict[str, Any]], *, now: datetime) -> set[int]:
    """Leave reports; each has `run_pk`, `kind`, `payload`, `task_instance_id`, `attempt_id`.

    Those of runs that have been deleted meanwhile are of no use to anybody. The answer: the runs
    that are there.
    """
    wanted = {row["run_pk"] for row in rows}
    known = set(
        tx.execute(
            select(dag_run.c.id)
            .where(dag_run.c.id.in_(wanted))
            .with_for_update(read=True, key_share=True)
        ).scalars()
    )
    found = [{**row, "created_at": now} for row in rows if row["run_pk"] in known]
    if found:
        tx.execute(insert(inbox), found)
    return known


def of_leased_runs(tx: Connection, owner: str, *, limit: int) -> Rows:
    """What waits for the runs that `owner` leases, oldest first."""
    return tx.execute(_of_leased_runs, {"owner": owner, "most": limit}).all()


_of_leased_runs = (
    select(inbox)
    .join(dag_run, dag_run.c.id == inbox.c.run_pk)
    .where(dag_run.c.lease_owner == bindparam("owner"))
    .order_by(inbox.c.id)
    .limit(bindparam("most"))
)


def of_runs(tx: Connection, pks: Collection[int]) -> Rows:
    """What waits for these runs, oldest first."""
    return tx.execute(_of_runs, {"pks": list(pks)}).all()


_of_runs = (
    select(inbox).where(inbox.c.run_pk.in_(bindparam("pks", expanding=True))).order_by(inbox.c.id)
)


def take_of_finished_runs(tx: Connection) -> Rows:
    """Remove reports that came after their run had ended: nobody will apply them."""
    return tx.execute(_take_of_finished_runs).all()


_take_of_finished_runs = (
    delete(inbox)
    .where(
        inbox.c.run_pk.in_(
            select(dag_run.c.id).where(
                dag_run.c.state.in_([DagRunState.SUCCESS.value, DagRunState.FAILED.value])
            )
        )
    )
    .returning(
        inbox.c.run_pk,
        inbox.c.task_instance_id,
        inbox.c.attempt_id,
        inbox.c.kind,
        inbox.c.created_at,
    )
)


def remove(tx: Connection, ids: Collection[int]) -> None:
    if ids:
        tx.execute(delete(inbox).where(inbox.c.id.in_(ids)))


def remove_of_instances(tx: Connection, task_instance_ids: Collection[int]) -> None:
    """Forget what was reported about instances that are cleared or marked."""
    if task_instance_ids:
        tx.execute(delete(inbox).where(inbox.c.task_instance_id.in_(task_instance_ids)))
