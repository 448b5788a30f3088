"""Runs that assets call for: events wait for their consumers until a condition is fulfilled."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

from sqlalchemy import Connection

from tradewind.core import assets as conditions
from tradewind.core import run_ids
from tradewind.core.assets import Present
from tradewind.core.dag import (
    AssetAliasRef,
    AssetCondition,
    PartitionedAssets,
    SerializedDag,
    Slot,
)
from tradewind.core.errors import UserError
from tradewind.core.partitions import map_keys, mapper_of, run_is_due
from tradewind.core.states import DagRunType
from tradewind.scheduler.models import Documents
from tradewind.scheduler.run_creation import allows, insert_runs, new_run, room_of, suffix
from tradewind.store import asset_events, dags, runs
from tradewind.store.asset_events import StoredEvent
from tradewind.store.engine import AnyRow

logger = logging.getLogger(__name__)


def spread(tx: Connection, events: Sequence[StoredEvent], known: Documents) -> None:
    """Let the consumers of new events wait for what they are missing.

    As Airflow: an event with a partition key is for partitioned consumers only, one without for all
    others.
    """
    consumers = {dag_id for event in events for dag_id in event.consumers}
    if not consumers:
        return
    rows = dags.get_many(tx, consumers)
    versions = known.of_versions(tx, {row.version_id for row in rows.values()})
    queued: list[tuple[str, int]] = []
    progress: list[dict[str, Any]] = []
    for event in events:
        for dag_id in event.consumers:
            timetable = versions[rows[dag_id].version_id].dag.timetable
            if not isinstance(timetable, PartitionedAssets):
                if event.partition_key is None:
                    queued.append((dag_id, event.id))
            elif event.partition_key is not None:
                progress += _partitions_fed(tx, dag_id, timetable, event, event.partition_key)
    asset_events.queue(tx, queued)
    asset_events.add_partition_progress(tx, progress)


def _partitions_fed(
    tx: Connection, dag_id: str, timetable: PartitionedAssets, event: StoredEvent, key: str
) -> list[dict[str, Any]]:
    mapper = mapper_of(timetable, event.asset_name, event.asset_uri)
    try:
        partitions = map_keys(mapper, key)
    except UserError as error:  # the producer's run must not fail for a consumer's mapper
        logger.warning("%s cannot use the partition %s: %s", dag_id, key, error)
        return []
    return [
        {
            "dag_id": dag_id,
            "partition_key": partition,
            "asset_name": event.asset_name,
            "upstream_key": key,
            "event_id": event.id,
        }
        for partition in partitions
    ]


def create_asset_triggered(
    tx: Connection, known: Documents, *, now: datetime, chance: Random
) -> int:
    """Create the runs whose asset conditions are fulfilled. How many were created.

    A run consumes all that waits for its DAG at that moment; what comes later is for the next one.
    """
    candidates = {row.dag_id for row in asset_events.queued(tx)}
    candidates |= {row.dag_id for row in asset_events.partitions_in_progress(tx)}
    if not candidates:
        return 0
    rows = {row.dag_id: row for row in runs.lock_runnable_dags(tx, candidates)}
    waiting: dict[str, list[AnyRow]] = defaultdict(list)  # read again, now that nobody takes them
    for row in asset_events.queued(tx, rows):
        waiting[row.dag_id].append(row)
    partitions: dict[str, dict[str, list[AnyRow]]] = defaultdict(lambda: defaultdict(list))
    for row in asset_events.partitions_in_progress(tx, rows):
        partitions[row.dag_id][row.partition_key].append(row)
    queued = runs.queued_counts(tx, list(rows))
    created = 0
    for dag_id, row in sorted(rows.items()):
        dag = known.of_version(tx, row.version_id).dag
        if not allows(dag, DagRunType.ASSET_TRIGGERED):
            continue
        room = room_of(row, dag, queued)
        for key, arrived in partitions.get(dag_id, {}).items():
            if _partition_is_due(tx, dag, key, arrived):
                created += _create_partition(tx, row, dag, key, now, chance)
        if room > 0 and dag_id in waiting and _is_due(tx, dag, waiting[dag_id]):
            created += _create(tx, row, dag, waiting[dag_id], now, chance)
    return created


def _is_due(tx: Connection, dag: SerializedDag, waiting: list[AnyRow]) -> bool:
    condition = conditions.condition_of(dag.timetable)
    if condition is None or isinstance(dag.timetable, PartitionedAssets):
        # It depends on assets no more, or on partitions, which an event without a key does not feed
        # (a watcher's, say: the triggerer does not know its consumers' schedules).
        asset_events.clear_queue(tx, dag.dag_id)
        return False
    names = {row.asset_name for row in waiting}
    present = Present(
        names=names,
        uris={row.asset_uri for row in waiting},
        aliases=_aliases_of(tx, condition, names),
    )
    return conditions.satisfied(condition, present)


def _aliases_of(tx: Connection, condition: AssetCondition, names: set[str]) -> set[str]:
    """The condition's aliases that have led to one of the named assets."""
    aliases = {
        ref.name for ref in conditions.references(condition) if isinstance(ref, AssetAliasRef)
    }
    led_to = asset_events.aliased_assets(tx, aliases) if aliases else {}
    return {alias for alias, refs in led_to.items() if names & {ref.name for ref in refs}}


def _create(
    tx: Connection,
    row: AnyRow,
    dag: SerializedDag,
    waiting: list[AnyRow],
    now: datetime,
    chance: Random,
) -> int:
    """One run for all that waits; due, as in Airflow, when the last of it happened."""
    run_after = max(event.timestamp for event in waiting)
    return _insert(tx, row, dag, run_after, [event.event_id for event in waiting], now, chance)


def _partition_is_due(tx: Connection, dag: SerializedDag, key: str, arrived: list[AnyRow]) -> bool:
    if not isinstance(dag.timetable, PartitionedAssets):
        return False
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in arrived:
        keys[(row.asset_name, row.asset_uri)].add(row.upstream_key)
    aliases_of = partial(_aliases_of, tx, dag.timetable.condition)
    try:
        return run_is_due(dag.timetable, key, keys, aliases_of)
    except UserError as error:
        logger.warning("The partition %s of %s is not usable: %s", key, dag.dag_id, error)
        return False


def _create_partition(
    tx: Connection, row: AnyRow, dag: SerializedDag, key: str, now: datetime, chance: Random
) -> int:
    consumed = asset_events.finish_partition(tx, row.dag_id, key)
    return _insert(tx, row, dag, now, consumed, now, chance, key)


def _insert(
    tx: Connection,
    row: AnyRow,
    dag: SerializedDag,
    run_after: datetime,
    event_ids: list[int],
    now: datetime,
    chance: Random,
    partition_key: str | None = None,
) -> int:
    run_id = run_ids.generate(DagRunType.ASSET_TRIGGERED, run_after, suffix=suffix(chance))
    run = new_run(
        row,
        run_type=DagRunType.ASSET_TRIGGERED,
        run_id=run_id,
        slot=Slot(
            logical_date=None,
            interval_start=None,
            interval_end=None,
            run_after=run_after,
            partition_key=partition_key,
        ),
        now=now,
    )
    made = insert_runs(tx, dag, [run], now)
    for pk in made.values():
        runs.add_consumed_events(tx, pk, event_ids)
        if partition_key is None:
            asset_events.dequeue(tx, row.dag_id, event_ids)
    return len(made)
