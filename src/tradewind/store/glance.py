"""One statement that says whether there is anything to do, so that an idle look costs no more."""

from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, exists, func, or_, select

from tradewind.core.states import DagRunState
from tradewind.store.runs import lease_clock, lease_moment
from tradewind.store.schema import (
    asset_queue,
    backfill,
    callback,
    dag,
    dag_run,
    deadline,
    inbox,
    partition_progress,
    pool,
    task_limit,
)


class Glance(NamedTuple):
    """What a scheduler would find if it looked for it.

    False: the statement that asks for it would find nothing now. True: it may find something. Who
    writes what makes one of them true notifies the schedulers, so that they look again.
    """

    has_due_dags: bool
    next_due_at: datetime | None
    """When the next slot is due that is not so yet."""
    has_queued: bool
    """Queued runs that are due, of any DAG."""
    next_queued_at: datetime | None
    next_deadline_at: datetime | None
    """Past, when one has been missed."""
    has_asset_events: bool
    """Events or partitions that consumers wait with."""
    has_free_runs: bool
    """Running runs that nobody holds."""
    needs_attention: bool
    """Somebody has written to a run that the scheduler leases."""
    has_reports: bool
    has_paused_runs: bool
    """Running runs of DAGs that are paused or gone."""
    has_open_backfills: bool
    has_callbacks: bool
    has_odd_pools: bool
    """Pools that are over their size, or count deferred tasks."""
    has_occupied: bool
    """Counters of tasks that are not 0."""


def glance(tx: Connection, owner: str, *, now: datetime) -> Glance:
    """For the scheduler of that name."""
    values = {"owner": owner, "now": now, **lease_moment(tx, now)}
    return Glance(*tx.execute(_glance(tx.dialect.name), values).one())


@cache
def _glance(dialect: str) -> Select[Any]:
    clock, now = lease_clock(dialect), bindparam("now", type_=dag_run.c.run_after.type)
    runnable = and_(~dag.c.is_paused, ~dag.c.is_stale)
    queued = dag_run.c.state == DagRunState.QUEUED.value
    running = dag_run.c.state == DagRunState.RUNNING.value
    is_free = or_(dag_run.c.lease_until.is_(None), dag_run.c.lease_until < clock)
    lost = and_(callback.c.state == "running", callback.c.lease_until < clock)
    next_due = select(func.min(dag.c.next_run_after)).where(dag.c.next_run_after > now, runnable)
    next_queued = select(func.min(dag_run.c.run_after)).where(queued, dag_run.c.run_after > now)
    next_deadline = select(func.min(deadline.c.due_at)).where(~deadline.c.missed)
    run_of_dag = and_(running, dag_run.c.dag_id == dag.c.dag_id)
    return select(
        exists().where(dag.c.next_run_after <= now, runnable),
        next_due.scalar_subquery(),
        exists().where(queued, dag_run.c.run_after <= now),
        next_queued.scalar_subquery(),
        next_deadline.scalar_subquery(),
        or_(exists().select_from(asset_queue), exists().select_from(partition_progress)),
        exists().where(running, is_free),
        exists().where(
            running, dag_run.c.lease_owner == bindparam("owner"), dag_run.c.needs_attention
        ),
        exists().select_from(inbox),
        select(dag_run.c.id).join(dag, run_of_dag).where(~runnable).exists(),
        exists().where(backfill.c.completed_at.is_(None)),
        or_(exists().where(callback.c.state == "queued"), exists().where(lost)),
        exists().where(
            or_(pool.c.include_deferred, and_(pool.c.slots >= 0, pool.c.slots < pool.c.occupied))
        ),
        exists().where(task_limit.c.occupied > 0),
    )
