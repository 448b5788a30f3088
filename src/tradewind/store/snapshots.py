"""Statements about which snapshots are in use: where DAGs stand, and what may be removed."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, delete, or_, select, union, update

from tradewind.store.engine import insert
from tradewind.store.schema import asset, asset_reference, dag, snapshot, trigger


def move_dags(tx: Connection, bundle_name: str, files: Collection[str], digest: str) -> int:
    """DAGs of these files are in the newer snapshot `digest` as they were. How many moved."""
    return tx.execute(
        update(dag)
        .where(
            dag.c.bundle_name == bundle_name,
            dag.c.file.in_(files),
            ~dag.c.is_stale,
            dag.c.digest != digest,
        )
        .values(digest=digest)
    ).rowcount


def in_use(tx: Connection) -> set[str]:
    """The digests of all recorded snapshots, and of those that triggers run in.

    Housekeeping removes the records that nothing needs.
    """
    digests = union(select(snapshot.c.digest), select(trigger.c.digest))
    return set(tx.execute(digests).scalars())


def hold_dag(tx: Connection, dag_id: str, digest: str | None) -> None:
    """The DAG's last good version is that of an older snapshot."""
    tx.execute(update(dag).where(dag.c.dag_id == dag_id).values(digest=digest))


def replace_watchers(
    tx: Connection, bundle_name: str, asset_names: Collection[str], rows: list[dict[str, Any]]
) -> bool:
    """The triggers that watch these assets are `rows` from now on; True if that changed any.

    Equal ones stay as they are, and go on running. Those of assets that no DAG is scheduled on any
    more go. Notify "triggerer" as well.
    """
    scheduled = (
        select(asset.c.name)
        .join(asset_reference, asset_reference.c.asset_id == asset.c.id)
        .where(asset_reference.c.role == "schedule")
    )
    existing = tx.execute(
        select(trigger).where(
            trigger.c.bundle_name == bundle_name,
            trigger.c.asset_name.is_not(None),
            or_(
                trigger.c.asset_name.in_(asset_names),
                trigger.c.asset_name.not_in(scheduled.scalar_subquery()),
            ),
        )
    ).all()
    wanted = {_identity(row): row for row in rows}
    kept = {_identity(dict(row._mapping)): row.id for row in existing}
    kept = {identity: id_ for identity, id_ in kept.items() if identity in wanted}
    gone = {row.id for row in existing} - set(kept.values())
    if gone:
        tx.execute(delete(trigger).where(trigger.c.id.in_(gone)))
    new = [row for identity, row in wanted.items() if identity not in kept]
    if new:
        tx.execute(insert(tx, trigger), new)
    return bool(gone or new)


def _identity(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["asset_name"], row["watcher_name"], row["classpath"], repr(row["kwargs"]))
