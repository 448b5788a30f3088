"""Statements about asset events: what happened, and which DAGs have not consumed it yet."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, or_, select

from tradewind.core import protocol
from tradewind.core.dag import AssetRef
from tradewind.store.assets import (
    Identity,
    activate_free,
    ids_of,
    lock,
    named,
    put_aliases,
    put_assets,
)
from tradewind.store.engine import Rows, insert
from tradewind.store.schema import (
    asset,
    asset_alias,
    asset_alias_event,
    asset_event,
    asset_queue,
    asset_reference,
    consumed_event,
    dag,
    partition_progress,
)

# --- events ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """Who made events: a task instance, or nobody (a person, a watcher)."""

    dag_id: str | None = None
    task_id: str | None = None
    run_id: str | None = None
    map_index: int = -1


@dataclass(frozen=True)
class StoredEvent:
    """`consumers`: DAGs, neither paused nor stale, that are scheduled on the asset or its alias."""

    id: int
    asset_name: str
    asset_uri: str
    partition_key: str | None
    consumers: tuple[str, ...]


def add_events(
    tx: Connection, source: Source, events: Sequence[protocol.OutletEvent], *, now: datetime
) -> list[StoredEvent]:
    """Record events, in order. Assets that only an alias led to are made as they come.

    What the consumers make of them is the caller's: `queue` or `add_partition_progress`.
    """
    if not events:
        return []
    ids = _assets_of_events(tx, events)
    event_ids = [
        tx.execute(
            insert(tx, asset_event)
            .values(
                asset_id=ids[(event.asset_name, event.asset_uri)],
                timestamp=now,
                extra=event.extra,
                source_dag_id=source.dag_id,
                source_task_id=source.task_id,
                source_run_id=source.run_id,
                source_map_index=source.map_index,
                partition_key=event.partition_key,
            )
            .returning(asset_event.c.id)
        ).scalar_one()
        for event in events
    ]
    aliases = put_aliases(tx, {event.alias: "asset" for event in events if event.alias})
    if aliases:
        tx.execute(
            insert(tx, asset_alias_event),
            [
                {"alias_id": aliases[event.alias], "event_id": event_id}
                for event, event_id in zip(events, event_ids, strict=True)
                if event.alias
            ],
        )
    consumers = _consumers(tx, event_ids)
    return [
        StoredEvent(
            id=event_id,
            asset_name=event.asset_name,
            asset_uri=event.asset_uri,
            partition_key=event.partition_key,
            consumers=tuple(sorted(consumers[event_id])),
        )
        for event, event_id in zip(events, event_ids, strict=True)
    ]


def _assets_of_events(
    tx: Connection, events: Sequence[protocol.OutletEvent]
) -> dict[Identity, int]:
    wanted = {
        (event.asset_name, event.asset_uri): AssetRef(
            name=event.asset_name,
            uri=event.asset_uri,
            group=event.asset_group,
            extra=event.asset_extra,
        )
        for event in events
    }
    ids = ids_of(tx, wanted)
    if missing := {key: ref for key, ref in wanted.items() if key not in ids}:
        lock(tx)
        made = put_assets(tx, missing)
        activate_free(tx, asset.c.id.in_(made.values()))
        ids |= made
    return ids


def _consumers(tx: Connection, event_ids: Collection[int]) -> dict[int, set[str]]:
    by_asset = or_(
        asset_reference.c.asset_id == asset.c.id,
        asset_reference.c.ref_name == asset.c.name,
        asset_reference.c.ref_uri == asset.c.uri,
    )
    direct = (
        select(asset_event.c.id, asset_reference.c.dag_id)
        .join(asset, asset.c.id == asset_event.c.asset_id)
        .join(asset_reference, by_asset)
        .where(asset_event.c.id.in_(event_ids))
    )
    by_alias = (
        select(asset_alias_event.c.event_id, asset_reference.c.dag_id)
        .join(asset_reference, asset_reference.c.alias_id == asset_alias_event.c.alias_id)
        .where(asset_alias_event.c.event_id.in_(event_ids))
    )
    found: dict[int, set[str]] = defaultdict(set)
    for statement in (direct, by_alias):
        rows = tx.execute(
            statement.join(dag, dag.c.dag_id == asset_reference.c.dag_id).where(
                asset_reference.c.role == "schedule", ~dag.c.is_paused, ~dag.c.is_stale
            )
        )
        for event_id, dag_id in rows:
            found[event_id].add(dag_id)
    return found


def queue(tx: Connection, pairs: Collection[tuple[str, int]]) -> None:
    """Let DAGs (by id) wait to consume events (by id)."""
    if pairs:
        tx.execute(
            insert(tx, asset_queue).on_conflict_do_nothing(),
            [{"dag_id": dag_id, "event_id": event_id} for dag_id, event_id in sorted(pairs)],
        )


def queued(tx: Connection, dag_ids: Collection[str] | None = None) -> Rows:
    """What waits for DAGs that may run: `dag_id`, `event_id`, `timestamp`, `asset_name`,
    `asset_uri`, `asset_group`, oldest first."""
    if dag_ids is None:
        return tx.execute(_queued).all()
    return tx.execute(_queued.where(asset_queue.c.dag_id.in_(dag_ids))).all()


_queued = (
    select(
        asset_queue.c.dag_id,
        asset_queue.c.event_id,
        asset_event.c.timestamp,
        asset.c.name.label("asset_name"),
        asset.c.uri.label("asset_uri"),
        asset.c.group.label("asset_group"),
    )
    .join(asset_event, asset_event.c.id == asset_queue.c.event_id)
    .join(asset, asset.c.id == asset_event.c.asset_id)
    .join(dag, dag.c.dag_id == asset_queue.c.dag_id)
    .where(~dag.c.is_paused, ~dag.c.is_stale)
    .order_by(asset_queue.c.event_id, asset_queue.c.dag_id)
)


def dequeue(tx: Connection, dag_id: str, event_ids: Collection[int]) -> bool:
    """Take events that a run consumes; False if somebody else took one of them meanwhile."""
    taken = tx.execute(
        delete(asset_queue).where(
            asset_queue.c.dag_id == dag_id, asset_queue.c.event_id.in_(event_ids)
        )
    )
    return taken.rowcount == len(event_ids)


def clear_queue(tx: Connection, dag_id: str) -> int:
    """Forget what waits for a DAG; returns how many events that were."""
    return tx.execute(delete(asset_queue).where(asset_queue.c.dag_id == dag_id)).rowcount


def aliased_assets(tx: Connection, aliases: Collection[str]) -> dict[str, list[AssetRef]]:
    """The assets that each alias has led to so far."""
    rows = tx.execute(
        select(
            asset_alias.c.name.label("alias"),
            asset.c.name,
            asset.c.uri,
            asset.c.group,
        )
        .join(asset_alias_event, asset_alias_event.c.alias_id == asset_alias.c.id)
        .join(asset_event, asset_event.c.id == asset_alias_event.c.event_id)
        .join(asset, asset.c.id == asset_event.c.asset_id)
        .where(asset_alias.c.name.in_(aliases))
        .distinct()
        .order_by(asset_alias.c.name, asset.c.name)
    )
    found: dict[str, list[AssetRef]] = {}
    for row in rows:
        ref = AssetRef(name=row.name, uri=row.uri, group=row.group)
        found.setdefault(row.alias, []).append(ref)
    return found


# --- partitions -----------------------------------------------------------------------------------


def add_partition_progress(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Upstream keys that came in; each has `dag_id`, `partition_key`, `asset_name`,
    `upstream_key`, `event_id`. One that had come in already takes the newer event."""
    if rows:
        statement = insert(tx, partition_progress)
        tx.execute(
            statement.on_conflict_do_update(
                index_elements=["dag_id", "partition_key", "asset_name", "upstream_key"],
                set_={"event_id": statement.excluded.event_id},
            ),
            rows,
        )


def partitions_in_progress(tx: Connection, dag_ids: Collection[str] | None = None) -> Rows:
    """Rows of `partition_progress` with `asset_uri`, by DAG, key and event; of all DAGs if none
    are named."""
    if dag_ids is None:
        return tx.execute(_partitions_in_progress).all()
    named = partition_progress.c.dag_id.in_(dag_ids)
    return tx.execute(_partitions_in_progress.where(named)).all()


_partitions_in_progress = (
    select(partition_progress, asset.c.uri.label("asset_uri"))
    .join(asset_event, asset_event.c.id == partition_progress.c.event_id)
    .join(asset, asset.c.id == asset_event.c.asset_id)
    .order_by(
        partition_progress.c.dag_id,
        partition_progress.c.partition_key,
        partition_progress.c.event_id,
    )
)


def finish_partition(tx: Connection, dag_id: str, partition_key: str) -> list[int]:
    """Take a complete partition; returns the events that completed it (none: somebody else did)."""
    taken = tx.execute(
        delete(partition_progress)
        .where(
            partition_progress.c.dag_id == dag_id,
            partition_progress.c.partition_key == partition_key,
        )
        .returning(partition_progress.c.event_id)
    )
    return sorted(set(taken.scalars()))


# --- reading --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EventFilter:
    """`after` and `before` are inclusive, as Airflow's."""

    name: str | None = None
    uri: str | None = None
    alias: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    partition_key: str | None = None


def events(
    tx: Connection,
    wanted: EventFilter,
    *,
    limit: int | None = None,
    ascending: bool = True,
) -> list[protocol.AssetEvent]:
    """Events by time."""
    order = (asset_event.c.timestamp, asset_event.c.id)
    statement = (
        _select_events()
        .where(*_conditions(wanted))
        .order_by(*(order if ascending else (column.desc() for column in order)))
    )
    return _to_events(tx, statement.limit(limit))


def consumed_by(tx: Connection, run_pk: int) -> list[protocol.AssetEvent]:
    """The events that made a run, oldest first."""
    return _to_events(
        tx,
        _select_events()
        .join(consumed_event, consumed_event.c.event_id == asset_event.c.id)
        .where(consumed_event.c.run_pk == run_pk)
        .order_by(asset_event.c.timestamp, asset_event.c.id),
    )


def _conditions(wanted: EventFilter) -> list[Any]:
    conditions = named(wanted.name, wanted.uri)
    if (wanted.name is None) != (wanted.uri is None):
        conditions.append(asset.c.is_active)
    if wanted.alias is not None:
        conditions.append(
            select(asset_alias_event.c.event_id)
            .join(asset_alias, asset_alias.c.id == asset_alias_event.c.alias_id)
            .where(
                asset_alias.c.name == wanted.alias,
                asset_alias_event.c.event_id == asset_event.c.id,
            )
            .exists()
        )
    if wanted.after is not None:
        conditions.append(asset_event.c.timestamp >= wanted.after)
    if wanted.before is not None:
        conditions.append(asset_event.c.timestamp <= wanted.before)
    if wanted.partition_key is not None:
        conditions.append(asset_event.c.partition_key == wanted.partition_key)
    return conditions


def _select_events() -> Select[Any]:
    return select(
        asset_event,
        asset.c.name.label("asset_name"),
        asset.c.uri.label("asset_uri"),
        asset.c.group.label("asset_group"),
    ).join(asset, asset.c.id == asset_event.c.asset_id)


def _to_events(tx: Connection, statement: Select[Any]) -> list[protocol.AssetEvent]:
    rows = tx.execute(statement).all()
    names = _alias_names(tx, [row.id for row in rows])
    return [
        protocol.AssetEvent(
            id=row.id,
            timestamp=row.timestamp,
            asset_name=row.asset_name,
            asset_uri=row.asset_uri,
            asset_group=row.asset_group,
            alias_names=names.get(row.id, []),
            extra=row.extra,
            source_dag_id=row.source_dag_id,
            source_task_id=row.source_task_id,
            source_run_id=row.source_run_id,
            source_map_index=row.source_map_index,
            partition_key=row.partition_key,
        )
        for row in rows
    ]


def _alias_names(tx: Connection, event_ids: Collection[int]) -> dict[int, list[str]]:
    if not event_ids:
        return {}
    found: dict[int, list[str]] = {}
    for event_id, name in tx.execute(
        select(asset_alias_event.c.event_id, asset_alias.c.name)
        .join(asset_alias, asset_alias.c.id == asset_alias_event.c.alias_id)
        .where(asset_alias_event.c.event_id.in_(event_ids))
        .order_by(asset_alias.c.name)
    ):
        found.setdefault(event_id, []).append(name)
    return found
