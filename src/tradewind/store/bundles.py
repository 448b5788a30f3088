"""Statements about bundles: their snapshots, their files, and the errors in those."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from tradewind.store.engine import AnyRow, Rows, insert
from tradewind.store.schema import bundle, dag_file, import_error, snapshot

# --- bundles and snapshots ------------------------------------------------------------------------


def record_refresh(
    tx: Connection,
    name: str,
    *,
    kind: str,
    digest: str | None,
    version: str | None,
    now: datetime,
) -> None:
    """The bundle was brought up to date and holds the snapshot `digest`."""
    _put_bundle(
        tx,
        {
            "name": name,
            "kind": kind,
            "digest": digest,
            "version": version,
            "refreshed_at": now,
            "error": None,
        },
    )


def record_error(tx: Connection, name: str, *, kind: str, error: str) -> None:
    """The bundle could not be brought up to date; its last snapshot stays."""
    _put_bundle(tx, {"name": name, "kind": kind, "error": error})


def _put_bundle(tx: Connection, values: dict[str, Any]) -> None:
    tx.execute(
        insert(tx, bundle)
        .values(values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )


def get(tx: Connection, name: str) -> AnyRow | None:
    return tx.execute(select(bundle).where(bundle.c.name == name)).one_or_none()


def listing(tx: Connection) -> Rows:
    return tx.execute(select(bundle).order_by(bundle.c.name)).all()


def add_snapshot(
    tx: Connection,
    digest: str,
    *,
    bundle_name: str,
    version: str | None,
    size_bytes: int,
    now: datetime,
) -> None:
    """Record an archive that is in storage; again changes nothing."""
    tx.execute(
        insert(tx, snapshot)
        .values(
            digest=digest,
            bundle_name=bundle_name,
            version=version,
            created_at=now,
            size_bytes=size_bytes,
        )
        .on_conflict_do_nothing()
    )


def get_snapshot(tx: Connection, digest: str) -> AnyRow | None:
    return tx.execute(select(snapshot).where(snapshot.c.digest == digest)).one_or_none()


# --- files ----------------------------------------------------------------------------------------


def put_files(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert or replace rows of `dag_file`; all must have the same columns."""
    if rows:
        statement = insert(tx, dag_file)
        changed = {
            name: statement.excluded[name]
            for name in rows[0]
            if name not in ("bundle_name", "path")
        }
        tx.execute(
            statement.on_conflict_do_update(index_elements=["bundle_name", "path"], set_=changed),
            rows,
        )


def files(tx: Connection, bundle_name: str) -> Rows:
    return tx.execute(
        select(dag_file).where(dag_file.c.bundle_name == bundle_name).order_by(dag_file.c.path)
    ).all()


def all_files(tx: Connection) -> Rows:
    """The files of all bundles, slowest to parse first."""
    return tx.execute(
        select(dag_file).order_by(dag_file.c.parse_seconds.desc(), dag_file.c.path)
    ).all()


def remove_files(tx: Connection, bundle_name: str, paths: Collection[str]) -> None:
    """Files that are gone, and the errors in them."""
    if paths:
        tx.execute(
            delete(dag_file).where(
                dag_file.c.bundle_name == bundle_name, dag_file.c.path.in_(paths)
            )
        )
        clear_import_errors(tx, bundle_name, paths)


def remove_outside(tx: Connection, bundle_names: Collection[str]) -> None:
    """Forget bundles that are no longer configured, their files and errors. Snapshots stay: runs
    may still execute them."""
    tx.execute(delete(bundle).where(bundle.c.name.not_in(bundle_names)))
    for table in (dag_file, import_error):
        tx.execute(delete(table).where(table.c.bundle_name.not_in(bundle_names)))


# --- import errors --------------------------------------------------------------------------------


def put_import_error(
    tx: Connection,
    bundle_name: str,
    path: str,
    *,
    message: str,
    stacktrace: str,
    line: int | None,
    hint: str | None,
    now: datetime,
) -> None:
    """A file does not load; a file has at most one error."""
    values = {
        "timestamp": now,
        "line": line,
        "message": message,
        "stacktrace": stacktrace,
        "hint": hint,
    }
    tx.execute(
        insert(tx, import_error)
        .values(bundle_name=bundle_name, path=path, **values)
        .on_conflict_do_update(index_elements=["bundle_name", "path"], set_=values)
    )


def clear_import_errors(tx: Connection, bundle_name: str, paths: Collection[str]) -> None:
    if paths:
        tx.execute(
            delete(import_error).where(
                import_error.c.bundle_name == bundle_name, import_error.c.path.in_(paths)
            )
        )


def import_errors(tx: Connection, *, bundle_name: str | None = None) -> Rows:
    """Files that do not load, by bundle and path."""
    statement = select(import_error).order_by(import_error.c.bundle_name, import_error.c.path)
    if bundle_name is not None:
        statement = statement.where(import_error.c.bundle_name == bundle_name)
    return tx.execute(statement).all()


def has_import_error(tx: Connection, bundle_name: str, path: str) -> bool:
    found = tx.execute(_import_error_of, {"of_bundle": bundle_name, "of_path": path})
    return found.first() is not None


_import_error_of = select(import_error.c.id).where(
    import_error.c.bundle_name == bindparam("of_bundle"),
    import_error.c.path == bindparam("of_path"),
)
