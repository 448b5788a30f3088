"""Statements about DAG runs: their making, their fence, and the schedulers' leases on them.

Lease times come from the database's clock on PostgreSQL, so that schedulers with skewed clocks
agree; SQLite has one machine, and takes the caller's `now`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Interval,
    Select,
    Update,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from tradewind.core.states import DagRunState, DagRunType
from tradewind.store.engine import AnyRow, Rows, insert, insert_of
from tradewind.store.schema import backfill, consumed_event, dag, dag_run, dag_version

ACTIVE = (DagRunState.QUEUED.value, DagRunState.RUNNING.value)


def lease_clock(dialect: str) -> ColumnElement[datetime]:
    """The instant that leases are compared with. Its parameters come from `lease_moment`."""
    if dialect == "postgresql":
        return func.now()
    return bindparam("lease_clock", type_=dag_run.c.lease_until.type)


def lease_moment(tx: Connection, now: datetime) -> dict[str, Any]:
    """Parameters of `lease_clock`: none if it is the server's, `now` on SQLite."""
    return {} if tx.dialect.name == "postgresql" else {"lease_clock": now}


def lease_end(dialect: str) -> ColumnElement[datetime]:
    """When a lease that begins now ends. Its parameters come from `lease_length`."""
    if dialect == "postgresql":
        return func.now() + bindparam("lease_length", type_=Interval)
    return bindparam("lease_end", type_=dag_run.c.lease_until.type)


def lease_length(tx: Connection, now: datetime, seconds: float) -> dict[str, Any]:
    """Parameters of `lease_end`, `seconds` after the lease clock's now."""
    length = timedelta(seconds=seconds)
    return (
        {"lease_length": length} if tx.dialect.name == "postgresql" else {"lease_end": now + length}
    )


# --- making ---------------------------------------------------------------------------------------


def insert_new(tx: Connection, rows: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """Insert runs: their ids by DAG id and run id.

    Those whose run id or logical date exists already are left out. The unique indexes make each
    slot yield one run, whoever else creates runs at the same time.
    """
    if not rows:
        return {}
    made = tx.execute(_insert_new(tx.dialect.name), rows)
    return {(dag_id, run_id): pk for pk, dag_id, run_id in made}


@cache
def _insert_new(dialect: str) -> ReturningInsert[Any]:
    return (
        insert_of(dialect, dag_run)
        .on_conflict_do_nothing()
        .returning(dag_run.c.id, dag_run.c.dag_id, dag_run.c.run_id)
    )


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
    values = {
        "owner": owner,
        "most": limit,
        **lease_moment(tx, now),
        **lease_length(tx, now, seconds),
    }
    if only is not None:
        values["only"] = only
    statement = _claim_leases(tx.dialect.name, of_one=only is not None)
    return sorted(tx.execute(statement, values).scalars())


@cache
def _claim_leases(dialect: str, *, of_one: bool) -> ReturningUpdate[int]:
    clock = lease_clock(dialect)
    free = (
        select(dag_run.c.id)
        .where(
            dag_run.c.state == DagRunState.RUNNING.value,
            or_(dag_run.c.lease_until.is_(None), dag_run.c.lease_until < clock),
            dag_run.c.id == bindparam("only") if of_one else true(),
        )
        .order_by(dag_run.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    return (
        update(dag_run)
        .where(dag_run.c.id.in_(free.scalar_subquery()))
        .values(
            lease_owner=bindparam("owner"),
            lease_until=lease_end(dialect),
            needs_attention=False,
        )
        .returning(dag_run.c.id)
    )


def renew_leases(tx: Connection, owner: str, *, now: datetime, seconds: float) -> set[int]:
    """Renew all leases of `owner` on running runs, and say which runs those are.

    A lease that ended but that nobody took is renewed too: nobody was wronged meanwhile.
    """
    values = {"owner": owner, **lease_length(tx, now, seconds)}
    return set(tx.execute(_renew_leases(tx.dialect.name), values).scalars())


@cache
def _renew_leases(dialect: str) -> ReturningUpdate[int]:
    return (
        update(dag_run)
        .where(
            dag_run.c.state == DagRunState.RUNNING.value,
            dag_run.c.lease_owner == bindparam("owner"),
        )
        .values(lease_until=lease_end(dialect))
        .returning(dag_run.c.id)
    )


def release_leases(tx: Connection, owner: str) -> None:
    tx.execute(
        update(dag_run)
        .where(dag_run.c.state.in_(ACTIVE), dag_run.c.lease_owner == owner)
        .values(lease_owner=None, lease_until=None)
    )


def leased_to(tx: Connection, owner: str, pks: Collection[int]) -> list[int]:
    """Those of the runs that `owner` leases and that are not over."""
    return list(tx.execute(_leased_to, {"pks": list(pks), "owner": owner}).scalars())


_leased_to = select(dag_run.c.id).where(
    dag_run.c.id.in_(bindparam("pks", expanding=True)),
    dag_run.c.state.in_(ACTIVE),
    dag_run.c.lease_owner == bindparam("owner"),
)


def take_attention(tx: Connection, owner: str) -> list[int]:
    """Runs leased to `owner` that somebody else has written to since they were read.

    Their mark is taken away, so they must be read again in this transaction.
    """
    return sorted(tx.execute(_take_attention, {"owner": owner}).scalars())


_take_attention = (
    update(dag_run)
    .where(
        dag_run.c.state == DagRunState.RUNNING.value,
        dag_run.c.lease_owner == bindparam("owner"),
        dag_run.c.needs_attention,
    )
    .values(needs_attention=False)
    .returning(dag_run.c.id)
)


def set_attention(tx: Connection, pks: Collection[int]) -> None:
    """Have these runs read again by whoever leases them. Notify "scheduler" as well."""
    tx.execute(update(dag_run).where(dag_run.c.id.in_(pks)).values(needs_attention=True))


def call_attention(tx: Connection, dag_id: str, *, besides: str) -> bool:
    """Have the running runs of a DAG read again by the other schedulers that lease them."""
    return tx.execute(_call_attention, {"of_dag": dag_id, "besides": besides}).rowcount > 0


_call_attention = (
    update(dag_run)
    .where(
        dag_run.c.dag_id == bindparam("of_dag"),
        dag_run.c.state == DagRunState.RUNNING.value,
        dag_run.c.lease_owner != bindparam("besides"),
    )
    .values(needs_attention=True)
)


# --- starting queued runs -------------------------------------------------------------------------


def lock_dags_with_startable(tx: Connection, *, now: datetime) -> list[str]:
    """Lock the DAGs that have queued runs which are due, so that nobody else starts runs of theirs.

    DAGs that another scheduler holds are skipped: it starts what there is to start.
    """
    return list(tx.execute(_lock_dags_with_startable, {"now": now}).scalars())


_lock_dags_with_startable = (
    select(dag.c.dag_id)
    .where(
        dag.c.dag_id.in_(
            select(dag_run.c.dag_id).where(
                dag_run.c.state == DagRunState.QUEUED.value,
                dag_run.c.run_after <= bindparam("now"),
            )
        ),
        ~dag.c.is_paused,
        ~dag.c.is_stale,
    )
    .order_by(dag.c.dag_id)
    .with_for_update(skip_locked=True)
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
    return set(tx.execute(_paused_dags).scalars())


_paused_dags = select(dag.c.dag_id).where(
    or_(dag.c.is_paused, dag.c.is_stale),
    dag.c.dag_id.in_(select(dag_run.c.dag_id).where(dag_run.c.state == DagRunState.RUNNING.value)),
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
    values = {"dag_ids": list(dag_ids), "now": now, "most": limit}
    return {pk: allowed for pk, allowed in tx.execute(_startable(), values)}


@cache
def _startable() -> Select[Any]:
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
            dag_run.c.dag_id.in_(bindparam("dag_ids", expanding=True)),
            dag_run.c.state == DagRunState.QUEUED.value,
            dag_run.c.run_after <= bindparam("now"),
            or_(~is_backfill, ~backfill.c.is_paused),
        )
        .subquery()
    )
    return (
        select(ranked.c.id, ranked.c.allowed)
        .where(ranked.c.position <= ranked.c.allowed - ranked.c.active)
        .order_by(ranked.c.is_backfill, ranked.c.run_after, ranked.c.position)
        .limit(bindparam("most"))
    )


def lease(
    tx: Connection, pks: Collection[int], owner: str, *, now: datetime, seconds: float
) -> None:
    """Lease runs that nobody else can be looking at: new ones, or those of locked DAGs."""
    if pks:
        values = {"pks": list(pks), "owner": owner, **lease_length(tx, now, seconds)}
        tx.execute(_lease(tx.dialect.name), values)


@cache
def _lease(dialect: str) -> Update:
    return (
        update(dag_run)
        .where(dag_run.c.id.in_(bindparam("pks", expanding=True)))
        .values(
            lease_owner=bindparam("owner"),
            lease_until=lease_end(dialect),
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


def queued_counts(tx: Connection, dag_ids: Collection[str]) -> dict[str, int]:
    """How many runs outside backfills wait in each DAG."""
    rows = tx.execute(_queued_counts, {"dag_ids": list(dag_ids)})
    return {dag_id: count for dag_id, count in rows}


_queued_counts = (
    select(dag_run.c.dag_id, func.count())
    .where(
        dag_run.c.state == DagRunState.QUEUED.value,
        dag_run.c.dag_id.in_(bindparam("dag_ids", expanding=True)),
        dag_run.c.backfill_id.is_(None),
    )
    .group_by(dag_run.c.dag_id)
)


# --- reading --------------------------------------------------------------------------------------


def by_pks(tx: Connection, pks: Collection[int]) -> Rows:
    return tx.execute(_by_pks, {"pks": list(pks)}).all()


_by_pks = (
    select(dag_run).where(dag_run.c.id.in_(bindparam("pks", expanding=True))).order_by(dag_run.c.id)
)


def find(tx: Connection, dag_id: str, run_id: str) -> AnyRow | None:
    return tx.execute(_find, {"of_dag": dag_id, "named": run_id}).one_or_none()


_find = select(dag_run).where(
    dag_run.c.dag_id == bindparam("of_dag"), dag_run.c.run_id == bindparam("named")
)


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
    return tx.execute(_versions, {"ids": list(version_ids)}).all()


_versions = select(dag_version).where(dag_version.c.id.in_(bindparam("ids", expanding=True)))


def delete_of_dag(tx: Connection, dag_id: str) -> int:
    """Delete all runs of a DAG and, by cascade, everything that belongs to them."""
    return tx.execute(delete(dag_run).where(dag_run.c.dag_id == dag_id)).rowcount
