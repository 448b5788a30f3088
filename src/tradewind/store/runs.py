"""Statements about DAG runs: their making, their fence, and the schedulers' leases on them.

Lease times come from the database's clock on PostgreSQL, so that schedulers with skewed clocks
agree; SQLite has one machine, and takes the caller's `now`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from tradewind.core.states import DagRunState, DagRunType
from tradewind.store.engine import AnyRow, Rows, insert
from tradewind.store.schema import backfill, consumed_event, dag, dag_run, dag_version

ACTIVE = (DagRunState.QUEUED.value, DagRunState.RUNNING.value)


def lease_clock(tx: Connection, now: datetime) -> ColumnElement[datetime]:
    """The instant that leases are compared with: the database's own, or `now` on SQLite."""
    if tx.dialect.name == "postgresql":
        return func.now()
    return literal(now, dag_run.c.lease_until.type)


def lease_end(tx: Connection, now: datetime, seconds: float) -> ColumnElement[datetime]:
    """`seconds` after the lease clock's now."""
    if tx.dialect.name == "postgresql":
        return func.now() + timedelta(seconds=seconds)
    return literal(now + timedelta(seconds=seconds), dag_run.c.lease_until.type)


# --- making ---------------------------------------------------------------------------------------


def insert_new(tx: Connection, rows: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """Insert runs: their ids by DAG id and run id.

    Those whose run id or logical date exists already are left out. The unique indexes make each
    slot yield one run, whoever else creates runs at the same time.
    """
    if not rows:
        return {}
    made = tx.execute(
        insert(tx, dag_run)
        .on_conflict_do_nothing()
        .returning(dag_run.c.id, dag_run.c.dag_id, dag_run.c.run_id),
        rows,
    )
    return {(dag_id, run_id): pk for pk, dag_id, run_id in made}


def add_consumed_events(tx: Connection, run_pk: int, event_ids: Collection[int]) -> None:
    if event_ids:
        tx.execute(
            insert(tx, consumed_event),
            [{"run_pk": run_pk, "event_id": event} for event in event_ids],
        )


# --- the fence ------------------------------------------------------------------------------------

FENCED_COLUMNS = ("state", "queued_at", "start_date", "end_date")

_advance = (
    update(dag_run)
    .where(dag_run.c.id == bindparam("pk"), dag_run.c.revision == bindparam("seen"))
    .values({"revision": dag_run.c.revision + 1, **{c: bindparam(c) for c in FENCED_COLUMNS}})
)
_advance_owned = _advance.where(dag_run.c.lease_owner == bindparam("owner"))


def advance_revision(
    tx: Connection, rows: list[dict[str, Any]], *, owner: str | None = None
) -> bool:
    """Move the revisions on and write the runs' own columns; False: somebody else was first.

    Each row has `pk`, `seen` (the revision that was read) and `FENCED_COLUMNS`. With `owner` the
    lease must be theirs as well. On False the caller must roll back.
    """
    if not rows:
        return True
    statement = _advance
    if owner is not None:
        statement = _advance_owned
        rows = [{**row, "owner": owner} for row in rows]
    return tx.execute(statement, rows).rowcount == len(rows)


# --- leases ---------------------------------------------------------------------------------------


def claim_leases(
    tx: Connection,
    owner: str,
    *,
    now: datetime,
    seconds: float,
    limit: int,
    only: int | None = None,
) -> list[int]:
    """Lease running runs that nobody holds; rows that another scheduler looks at are skipped."""
    free = (
        select(dag_run.c.id)
        .where(
            dag_run.c.state == DagRunState.RUNNING.value,
            or_(dag_run.c.lease_until.is_(None), dag_run.c.lease_until < lease_clock(tx, now)),
            true() if only is None else dag_run.c.id == only,
        )
        .order_by(dag_run.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = tx.execute(
        update(dag_run)
        .where(dag_run.c.id.in_(free.scalar_subquery()))
        .values(
            lease_owner=owner,
            lease_until=lease_end(tx, now, seconds),
            needs_attention=False,
        )
        .returning(dag_run.c.id)
    )
    return sorted(claimed.scalars())


def renew_leases(tx: Connection, owner: str, *, now: datetime, seconds: float) -> set[int]:
    """Renew all leases of `owner` on running runs, and say which runs those are.

    A lease that ended but that nobody took is renewed too: nobody was wronged meanwhile.
    """
    renewed = tx.execute(
        update(dag_run)
        .where(dag_run.c.state == DagRunState.RUNNING.value, dag_run.c.lease_owner == owner)
        .values(lease_until=lease_end(tx, now, seconds))
        .returning(dag_run.c.id)
    )
    return set(renewed.scalars())


def release_leases(tx: Connection, owner: str) -> None:
    tx.execute(
        update(dag_run)
        .where(dag_run.c.state.in_(ACTIVE), dag_run.c.lease_owner == owner)
        .values(lease_owner=None, lease_until=None)
    )


def leased_to(tx: Connection, owner: str, pks: Collection[int]) -> list[int]:
    """Those of the runs that `owner` leases and that are not over."""
    return list(
        tx.execute(
            select(dag_run.c.id).where(
                dag_run.c.id.in_(pks),
                dag_run.c.state.in_(ACTIVE),
                dag_run.c.lease_owner == owner,
            )
        ).scalars()
    )


def take_attention(tx: Connection, owner: str) -> list[int]:
    """Runs leased to `owner` that somebody else has written to since they were read.

    Their mark is taken away, so they must be read again in this transaction.
    """
    noticed = tx.execute(
        update(dag_run)
        .where(
            dag_run.c.state == DagRunState.RUNNING.value,
            dag_run.c.lease_owner == owner,
            dag_run.c.needs_attention,
        )
        .values(needs_attention=False)
        .returning(dag_run.c.id)
    )
    return sorted(noticed.scalars())


def set_attention(tx: Connection, pks: Collection[int]) -> None:
    """Have these runs read again by whoever leases them. Notify "scheduler" as well."""
    tx.execute(update(dag_run).where(dag_run.c.id.in_(pks)).values(needs_attention=True))


def call_attention(tx: Connection, dag_id: str, *, besides: str) -> bool:
    """Have the running runs of a DAG read again by the other schedulers that lease them."""
    called = tx.execute(
        update(dag_run)
        .where(
            dag_run.c.dag_id == dag_id,
            dag_run.c.state == DagRunState.RUNNING.value,
            dag_run.c.lease_owner != besides,
        )
        .values(needs_attention=True)
    )
    return called.rowcount > 0


# --- starting queued runs -------------------------------------------------------------------------


def lock_dags_with_startable(tx: Connection, *, now: datetime) -> list[str]:
    """Lock the DAGs that have queued runs which are due, so that nobody else starts runs of theirs.

    DAGs that another scheduler holds are skipped: it starts what there is to start.
    """
    waiting = select(dag_run.c.dag_id).where(
        dag_run.c.state == DagRunState.QUEUED.value, dag_run.c.run_after <= now
    )
    return list(
        tx.execute(
            select(dag.c.dag_id)
            .where(dag.c.dag_id.in_(waiting), ~dag.c.is_paused, ~dag.c.is_stale)
            .order_by(dag.c.dag_id)
            .with_for_update(skip_locked=True)
        ).scalars()
    )


def lock_runnable_dags(tx: Connection, dag_ids: Collection[str]) -> Rows:
    """Those of the DAGs that may run, locked; ones that another scheduler works on are skipped."""
    return tx.execute(
        select(dag)
        .where(dag.c.dag_id.in_(dag_ids), ~dag.c.is_paused, ~dag.c.is_stale)
        .order_by(dag.c.dag_id)
        .with_for_update(skip_locked=True)
    ).all()


def paused_dags(tx: Connection) -> set[str]:
    """The DAGs with running runs that are paused or gone: nothing new of theirs starts."""
    running = select(dag_run.c.dag_id).where(dag_run.c.state == DagRunState.RUNNING.value)
    return set(
        tx.execute(
            select(dag.c.dag_id).where(
                or_(dag.c.is_paused, dag.c.is_stale), dag.c.dag_id.in_(running)
            )
        ).scalars()
    )


def newest_durations(tx: Connection, dag_id: str, count: int) -> list[float]:
    """Seconds that the newest successful runs took, by logical date, newest first."""
    rows = tx.execute(
        select(dag_run.c.start_date, dag_run.c.end_date)
        .where(
            dag_run.c.dag_id == dag_id,
            dag_run.c.state == DagRunState.SUCCESS.value,
            dag_run.c.start_date.is_not(None),
            dag_run.c.end_date.is_not(None),
        )
        .order_by(dag_run.c.logical_date.desc(), dag_run.c.id.desc())
        .limit(count)
    )
    return [(end - start).total_seconds() for start, end in rows]


def startable(
    tx: Connection, dag_ids: Collection[str], *, now: datetime, limit: int
) -> dict[int, int]:
    """Queued runs of these (locked) DAGs that their limits leave room for, in starting order, and
    how many may be active beside each, itself included.

    Runs of a backfill count against the backfill's `max_active_runs`, all others against the DAG's.
    Backfills come last, each in its own direction; others by `run_after`.
    """
    other = dag_run.alias("other")
    running_in_backfill = (
        select(func.count())
        .where(
            other.c.backfill_id == dag_run.c.backfill_id,
            other.c.state == DagRunState.RUNNING.value,
        )
        .scalar_subquery()
    )
    is_backfill = dag_run.c.backfill_id.is_not(None)
    allowed = case((is_backfill, backfill.c.max_active_runs), else_=dag.c.max_active_runs)
    active = case((is_backfill, running_in_backfill), else_=dag.c.active_runs)
    order = (
        case((backfill.c.run_backwards, dag_run.c.logical_date)).desc(),
        case((is_backfill, dag_run.c.logical_date)),
        dag_run.c.run_after,
        dag_run.c.id,
    )
    position = func.row_number().over(
        partition_by=(dag_run.c.dag_id, dag_run.c.backfill_id), order_by=order
    )
    ranked = (
        select(
            dag_run.c.id,
            dag_run.c.run_after,
            is_backfill.label("is_backfill"),
            position.label("position"),
            allowed.label("allowed"),
            active.label("active"),
        )
        .join(dag, dag.c.dag_id == dag_run.c.dag_id)
        .outerjoin(backfill, backfill.c.id == dag_run.c.backfill_id)
        .where(
            dag_run.c.dag_id.in_(dag_ids),
            dag_run.c.state == DagRunState.QUEUED.value,
            dag_run.c.run_after <= now,
            or_(~is_backfill, ~backfill.c.is_paused),
        )
        .subquery()
    )
    rows = tx.execute(
        select(ranked.c.id, ranked.c.allowed)
        .where(ranked.c.position <= ranked.c.allowed - ranked.c.active)
        .order_by(ranked.c.is_backfill, ranked.c.run_after, ranked.c.position)
        .limit(limit)
    )
    return {pk: allowed for pk, allowed in rows}


def lease(
    tx: Connection, pks: Collection[int], owner: str, *, now: datetime, seconds: float
) -> None:
    """Lease runs that nobody else can be looking at: new ones, or those of locked DAGs."""
    if pks:
        tx.execute(
            update(dag_run)
            .where(dag_run.c.id.in_(pks))
            .values(
                lease_owner=owner,
                lease_until=lease_end(tx, now, seconds),
                needs_attention=False,
            )
        )


def first_of_backfills(tx: Connection, pks: Collection[int]) -> set[int]:
    """Which of these runs are the first of their backfill, in its direction."""
    earlier = dag_run.alias("earlier")
    comes_before = case(
        (backfill.c.run_backwards, earlier.c.logical_date > dag_run.c.logical_date),
        else_=earlier.c.logical_date < dag_run.c.logical_date,
    )
    rows = tx.execute(
        select(dag_run.c.id)
        .join(backfill, backfill.c.id == dag_run.c.backfill_id)
        .where(
            dag_run.c.id.in_(pks),
            ~exists().where(earlier.c.backfill_id == dag_run.c.backfill_id, comes_before),
        )
    )
    return set(rows.scalars())


def join_backfill(
    tx: Connection, pks: Collection[int], backfill_id: int, *, conf: Mapping[str, Any] | None
) -> None:
    """Make these runs, which were cleared, runs of the backfill."""
    if not pks:
        return
    values: dict[str, Any] = {
        "backfill_id": backfill_id,
        "run_type": DagRunType.BACKFILL.value,
    }
    if conf is not None:
        values["conf"] = dict(conf)
    tx.execute(update(dag_run).where(dag_run.c.id.in_(pks)).values(values))


def next_queued_at(tx: Connection, *, now: datetime) -> datetime | None:
    """When the next queued run that is not due yet becomes so."""
    return tx.execute(
        select(func.min(dag_run.c.run_after)).where(
            dag_run.c.state == DagRunState.QUEUED.value, dag_run.c.run_after > now
        )
    ).scalar()


def queued_counts(tx: Connection, dag_ids: Collection[str]) -> dict[str, int]:
    """How many runs outside backfills wait in each DAG."""
    rows = tx.execute(
        select(dag_run.c.dag_id, func.count())
        .where(
            dag_run.c.state == DagRunState.QUEUED.value,
            dag_run.c.dag_id.in_(dag_ids),
            dag_run.c.backfill_id.is_(None),
        )
        .group_by(dag_run.c.dag_id)
    )
    return {dag_id: count for dag_id, count in rows}


# --- reading --------------------------------------------------------------------------------------


def by_pks(tx: Connection, pks: Collection[int]) -> Rows:
    return tx.execute(select(dag_run).where(dag_run.c.id.in_(pks)).order_by(dag_run.c.id)).all()


def find(tx: Connection, dag_id: str, run_id: str) -> AnyRow | None:
    return tx.execute(
        select(dag_run).where(dag_run.c.dag_id == dag_id, dag_run.c.run_id == run_id)
    ).one_or_none()


def by_logical_dates(tx: Connection, dag_id: str, dates: Collection[datetime]) -> Rows:
    """The runs with these logical dates; the newest when partitions gave several to one date."""
    return tx.execute(
        select(dag_run)
        .where(dag_run.c.dag_id == dag_id, dag_run.c.logical_date.in_(dates))
        .order_by(dag_run.c.id)
    ).all()


def between(
    tx: Connection, dag_id: str, *, after: datetime | None = None, before: datetime | None = None
) -> Rows:
    """Runs with a logical date strictly after and before the given ones, oldest first."""
    statement = select(dag_run).where(
        dag_run.c.dag_id == dag_id, dag_run.c.logical_date.is_not(None)
    )
    if after is not None:
        statement = statement.where(dag_run.c.logical_date > after)
    if before is not None:
        statement = statement.where(dag_run.c.logical_date < before)
    return tx.execute(statement.order_by(dag_run.c.logical_date)).all()


def of_dag(tx: Connection, dag_id: str, states: Iterable[str] | None = None) -> Rows:
    statement = select(dag_run).where(dag_run.c.dag_id == dag_id)
    if states is not None:
        statement = statement.where(dag_run.c.state.in_(list(states)))
    return tx.execute(statement.order_by(dag_run.c.id)).all()


def previous(
    tx: Connection, dag_id: str, before: datetime, *, without_manual: bool
) -> AnyRow | None:
    """The run before, by logical date."""
    statement = select(dag_run).where(dag_run.c.dag_id == dag_id, dag_run.c.logical_date < before)
    if without_manual:
        statement = statement.where(dag_run.c.run_type != DagRunType.MANUAL.value)
    order = (dag_run.c.logical_date.desc(), dag_run.c.id.desc())
    return tx.execute(statement.order_by(*order).limit(1)).one_or_none()


def last_states(tx: Connection, dag_id: str, count: int) -> list[str]:
    """States of the DAG's newest runs."""
    return list(
        tx.execute(
            select(dag_run.c.state)
            .where(dag_run.c.dag_id == dag_id)
            .order_by(dag_run.c.run_after.desc(), dag_run.c.id.desc())
            .limit(count)
        ).scalars()
    )


def versions(tx: Connection, version_ids: Collection[int]) -> Rows:
    """Documents and numbers of DAG versions."""
    return tx.execute(select(dag_version).where(dag_version.c.id.in_(version_ids))).all()


def delete_of_dag(tx: Connection, dag_id: str) -> int:
    """Delete all runs of a DAG and, by cascade, everything that belongs to them."""
    return tx.execute(delete(dag_run).where(dag_run.c.dag_id == dag_id)).rowcount
