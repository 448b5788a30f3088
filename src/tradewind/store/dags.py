"""Statements about DAGs and their versions: publishing, listing, and what is to run next."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Result,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from tradewind.core.dag import SerializedDag, Slot, decode, encode, structural_hash
from tradewind.core.states import DagRunType
from tradewind.store import assets, runs
from tradewind.store.engine import AnyRow, Rows, insert_of
from tradewind.store.schema import (
    asset_queue,
    backfill,
    dag,
    dag_run,
    dag_version,
    import_error,
    partition_progress,
    task_limit,
)

_NO_SLOT = {
    "next_logical_date": None,
    "next_interval_start": None,
    "next_interval_end": None,
    "next_run_after": None,
}


# --- publishing -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Published:
    """What became of one DAG. `is_new_version`: its structure is not that of the version before."""

    dag_id: str
    version_id: int
    number: int
    is_new_version: bool
    is_new_dag: bool


def publish(
    tx: Connection,
    documents: Sequence[SerializedDag],
    *,
    bundle_name: str,
    file: str,
    digest: str,
    bundle_version: str | None,
    now: datetime,
    paused_at_creation: bool,
) -> list[Published]:
    """Make `documents` the DAGs of `file` in the bundle's snapshot `digest`.

    A DAG whose structural hash differs from its newest version's gets a new version. DAGs that
    were in the file and are no longer become stale. DAG ids that belonged to another file move to
    this one; who wants to refuse that asks `get_many` first. `paused_at_creation` is for DAGs that
    do not say so themselves. The next slot of each DAG is left to the caller (`set_next_slots`).
    """
    assets.lock(tx)
    newest = _newest_versions(tx, [document.dag_id for document in documents])
    origin = {
        "bundle_name": bundle_name,
        "digest": digest,
        "bundle_version": bundle_version,
        "created_at": now,
    }
    versions = [
        _put_version(tx, document, newest.get(document.dag_id), origin) for document in documents
    ]
    _put_dags(
        tx,
        [
            _listed(document, paused_at_creation)
            | {
                "version_id": version.version_id,
                "bundle_name": bundle_name,
                "file": file,
                "digest": digest,
                "last_parsed_at": now,
            }
            for document, version in zip(documents, versions, strict=True)
        ],
    )
    mark_stale(tx, bundle_name, [file], keep=[document.dag_id for document in documents])
    revived = {dag_id for dag_id, row in newest.items() if row.is_stale}
    assets.publish(
        tx,
        [
            document
            for document, version in zip(documents, versions, strict=True)
            if version.is_new_version or document.dag_id in revived
        ],
    )
    return versions


def _newest_versions(tx: Connection, dag_ids: Collection[str]) -> dict[str, AnyRow]:
    return {row.dag_id: row for row in tx.execute(_newest, {"dag_ids": list(dag_ids)})}


_newest = (
    select(
        dag.c.dag_id,
        dag.c.is_stale,
        dag_version.c.id,
        dag_version.c.number,
        dag_version.c.structural_hash,
    )
    .join(dag_version, dag_version.c.id == dag.c.version_id)
    .where(dag.c.dag_id.in_(bindparam("dag_ids", expanding=True)))
)


def _put_version(
    tx: Connection, document: SerializedDag, newest: AnyRow | None, origin: dict[str, Any]
) -> Published:
    """The row of this structure: a new one, or the newest with what moves by itself brought up."""
    fingerprint = structural_hash(document)
    encoded = encode(document)
    if newest is not None and newest.structural_hash == fingerprint:
        tx.execute(_bring_up, {"which": newest.id, "encoded": encoded})
        return Published(document.dag_id, newest.id, newest.number, False, False)
    number = 1 if newest is None else newest.number + 1
    row = {
        "dag_id": document.dag_id,
        "number": number,
        "structural_hash": fingerprint,
        "document": encoded,
        **origin,
    }
    version_id: int = tx.execute(_insert_version, row).scalar_one()
    return Published(document.dag_id, version_id, number, True, newest is None)


_bring_up = (
    update(dag_version)
    .where(
        dag_version.c.id == bindparam("which"),
        dag_version.c.document != bindparam("encoded"),
    )
    .values(document=bindparam("encoded"))
)
_insert_version = insert(dag_version).returning(dag_version.c.id)


def _listed(document: SerializedDag, paused_at_creation: bool) -> dict[str, Any]:
    """The columns that listings and the scheduler's queries need."""
    paused = document.is_paused_upon_creation
    return {
        "dag_id": document.dag_id,
        "is_paused": paused_at_creation if paused is None else paused,
        "is_stale": False,
        "description": document.description,
        "timetable_summary": document.timetable_summary,
        "owners": ", ".join(document.owners),
        "tags": sorted(document.tags),
        "max_active_runs": document.max_active_runs,
        "needs_slots": False,
    }


def _put_dags(tx: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.execute(_put(tx.dialect.name, tuple(rows[0])), rows)


@cache
def _put(dialect: str, columns: tuple[str, ...]) -> Insert:
    """Made once: with `excluded` SQLAlchemy copies the whole table."""
    statement = insert_of(dialect, dag)
    kept = {"dag_id", "is_paused"}  # what a person decided stays
    changed = {name: statement.excluded[name] for name in columns if name not in kept}
    return statement.on_conflict_do_update(index_elements=["dag_id"], set_=changed)


def mark_stale(
    tx: Connection, bundle_name: str, files: Collection[str], *, keep: Collection[str] = ()
) -> list[str]:
    """DAGs of these files, other than `keep`, are gone from them. Returns which became stale."""
    which = {"of_bundle": bundle_name, "files": list(files), "keep": list(keep)}
    return _gone(tx, tx.execute(_mark_stale_in_files, which))


def mark_stale_outside(tx: Connection, bundle_names: Collection[str]) -> list[str]:
    """DAGs of bundles that are no longer configured are gone."""
    return _gone(tx, tx.execute(_mark_stale.where(dag.c.bundle_name.not_in(bundle_names))))


_mark_stale = (
    update(dag).where(~dag.c.is_stale).values(is_stale=True, **_NO_SLOT).returning(dag.c.dag_id)
)
_mark_stale_in_files = _mark_stale.where(
    dag.c.bundle_name == bindparam("of_bundle"),
    dag.c.file.in_(bindparam("files", expanding=True)),
    dag.c.dag_id.not_in(bindparam("keep", expanding=True)),
)


def _gone(tx: Connection, gone: Result[str]) -> list[str]:
    dag_ids = sorted(gone.scalars())
    assets.forget_references(tx, dag_ids)
    return dag_ids


# --- what is to run next --------------------------------------------------------------------------


def last_automated_slots(tx: Connection, dag_ids: Collection[str]) -> dict[str, Slot]:
    """The slot of each DAG's newest scheduled or backfill run, by logical date (for partitions,
    which have none, by the moment when they were due)."""
    rows = tx.execute(_last_automated_slots(), {"dag_ids": list(dag_ids)})
    return {
        row.dag_id: Slot(
            logical_date=row.logical_date,
            interval_start=row.interval_start,
            interval_end=row.interval_end,
            run_after=row.run_after,
            partition_key=row.partition_key,
        )
        for row in rows
    }


@cache
def _last_automated_slots() -> Select[Any]:
    automated = [DagRunType.SCHEDULED.value, DagRunType.BACKFILL.value]
    moment = func.coalesce(dag_run.c.logical_date, dag_run.c.run_after)
    position = func.row_number().over(
        partition_by=dag_run.c.dag_id,
        order_by=(moment.desc(), dag_run.c.id.desc()),
    )
    ranked = (
        select(
            dag_run.c.dag_id,
            dag_run.c.logical_date,
            dag_run.c.interval_start,
            dag_run.c.interval_end,
            dag_run.c.run_after,
            dag_run.c.partition_key,
            position.label("position"),
        )
        .where(
            dag_run.c.dag_id.in_(bindparam("dag_ids", expanding=True)),
            dag_run.c.run_type.in_(automated),
        )
        .subquery()
    )
    return select(ranked).where(ranked.c.position == 1)


_set_next_slot = (
    update(dag)
    .where(dag.c.dag_id == bindparam("which"))
    .values({name: bindparam(name) for name in (*_NO_SLOT, "needs_slots")})
)


def set_next_slots(
    tx: Connection, slots: Mapping[str, Slot | None], *, dry: Collection[str] = ()
) -> None:
    """Plan each DAG's next run, or none. `dry`: custom timetables whose file must be parsed again
    before anybody knows what comes next."""
    rows = [
        {"which": dag_id, "needs_slots": dag_id in dry} | _slot_columns(slots[dag_id])
        for dag_id in sorted(slots)
    ]
    if rows:
        tx.execute(_set_next_slot, rows)


def _slot_columns(slot: Slot | None) -> dict[str, datetime | None]:
    if slot is None:
        return dict(_NO_SLOT)
    return {
        "next_logical_date": slot.logical_date,
        "next_interval_start": slot.interval_start,
        "next_interval_end": slot.interval_end,
        "next_run_after": slot.run_after,
    }


def next_slot(row: AnyRow) -> Slot | None:
    """The slot that a row of `dag` plans."""
    if row.next_run_after is None:
        return None
    return Slot(
        logical_date=row.next_logical_date,
        interval_start=row.next_interval_start,
        interval_end=row.next_interval_end,
        run_after=row.next_run_after,
    )


_runnable = and_(~dag.c.is_paused, ~dag.c.is_stale)


def due(tx: Connection, *, now: datetime, limit: int) -> Rows:
    """DAGs whose next run is due, most overdue first, locked until the transaction ends.

    Those that another scheduler holds are skipped: it makes their runs.
    """
    return tx.execute(_due, {"now": now, "most": limit}).all()


_due = (
    select(dag)
    .where(dag.c.next_run_after <= bindparam("now"), _runnable)
    .order_by(dag.c.next_run_after, dag.c.dag_id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


def needing_slots(tx: Connection, bundle_name: str) -> Rows:
    """`dag_id`, `file` of DAGs whose custom timetable must say what comes next."""
    return tx.execute(
        select(dag.c.dag_id, dag.c.file).where(
            dag.c.bundle_name == bundle_name, dag.c.needs_slots, ~dag.c.is_stale
        )
    ).all()


# --- reading --------------------------------------------------------------------------------------


def get(tx: Connection, dag_id: str) -> AnyRow | None:
    return tx.execute(_get, {"which": dag_id}).one_or_none()


_get = select(dag).where(dag.c.dag_id == bindparam("which"))


def get_many(tx: Connection, dag_ids: Collection[str]) -> dict[str, AnyRow]:
    return {row.dag_id: row for row in tx.execute(select(dag).where(dag.c.dag_id.in_(dag_ids)))}


def listing(
    tx: Connection,
    *,
    bundle_name: str | None = None,
    file: str | None = None,
    tag: str | None = None,
    paused: bool | None = None,
    with_stale: bool = False,
) -> Rows:
    """Rows of `dag`, by DAG id."""
    statement = select(dag).order_by(dag.c.dag_id)
    if bundle_name is not None:
        statement = statement.where(dag.c.bundle_name == bundle_name)
    if file is not None:
        statement = statement.where(dag.c.file == file)
    if paused is not None:
        statement = statement.where(dag.c.is_paused == paused)
    if not with_stale:
        statement = statement.where(~dag.c.is_stale)
    rows = tx.execute(statement).all()
    return rows if tag is None else [row for row in rows if tag in row.tags]


def document(tx: Connection, dag_id: str) -> SerializedDag | None:
    """The DAG's newest version."""
    found = tx.execute(_document, {"which": dag_id}).scalar()
    return None if found is None else decode(found)


_document = (
    select(dag_version.c.document)
    .join(dag, dag.c.version_id == dag_version.c.id)
    .where(dag.c.dag_id == bindparam("which"))
)


def versions(tx: Connection, dag_id: str) -> Rows:
    """All versions of a DAG without their documents, newest first."""
    return tx.execute(
        select(*(column for column in dag_version.c if column.name != "document"))
        .where(dag_version.c.dag_id == dag_id)
        .order_by(dag_version.c.number.desc())
    ).all()


# --- people's decisions ---------------------------------------------------------------------------


def set_paused(tx: Connection, dag_ids: Collection[str], paused: bool) -> list[str]:
    """Pause or unpause; returns the DAGs that were not so already."""
    changed = tx.execute(
        update(dag)
        .where(dag.c.dag_id.in_(dag_ids), dag.c.is_paused != paused)
        .values(is_paused=paused)
        .returning(dag.c.dag_id)
    )
    return sorted(changed.scalars())


def remove(tx: Connection, dag_id: str) -> bool:
    """Delete the DAG and everything that was recorded of it; False if there is no such DAG.

    It comes back, without its past, when its file is published again.
    """
    row = get(tx, dag_id)
    if row is None:
        return False
    runs.delete_of_dag(tx, dag_id)
    for table in (backfill, asset_queue, partition_progress, task_limit, dag_version, dag):
        tx.execute(delete(table).where(table.c.dag_id == dag_id))
    assets.forget_references(tx, [dag_id])
    tx.execute(
        delete(import_error).where(
            import_error.c.bundle_name == row.bundle_name,
            import_error.c.path == row.file,
            ~select(dag.c.dag_id)
            .where(dag.c.bundle_name == row.bundle_name, dag.c.file == row.file)
            .exists(),
        )
    )
    return True
