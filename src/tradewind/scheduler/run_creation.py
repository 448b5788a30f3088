"""Runs that time or assets call for: each slot becomes one queued run, within the DAG's limits.

Airflow creates scheduled and asset-triggered runs only while the DAG's active runs, queued ones
counted, are below `max_active_runs`; so a backlog stays in the timetable, not in the table.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any

from msgspec import structs
from sqlalchemy import Connection

from tradewind.core import run_ids
from tradewind.core.dag import (
    AssetOrTimeSchedule,
    ContinuousSchedule,
    CronPartition,
    SerializedDag,
    Slot,
    Timetable,
)
from tradewind.core.errors import TradewindError
from tradewind.core.runs.deadlines import due_at, runs_needed
from tradewind.core.states import DagRunState, DagRunType
from tradewind.core.timetables import active_runs_limit, following_slot, needs_child
from tradewind.core.timetables.partition import slot_at
from tradewind.scheduler.models import Documents
from tradewind.store import dags, deadlines, runs
from tradewind.store.engine import AnyRow

logger = logging.getLogger(__name__)

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def create_scheduled(
    tx: Connection,
    documents: Documents,
    *,
    now: datetime,
    chance: Random,
    limit: int,
) -> int:
    """Create the runs whose slots are due, and plan the slots after them. How many were created."""
    due = dags.due(tx, now=now, limit=limit)
    if not due:
        return 0
    queued = runs.queued_counts(tx, [row.dag_id for row in due])
    created = 0
    slots: dict[str, Slot | None] = {}
    dry: list[str] = []
    for row in due:
        try:
            dag = documents.of_version(tx, row.version_id).dag
            made, following = _due_slots(row, dag, room_of(row, dag, queued), now)
        except (ArithmeticError, LookupError, TypeError, ValueError, TradewindError) as error:
            logger.error("no runs of %s can be made: %s", row.dag_id, error, exc_info=error)
            continue
        if made and allows(dag, DagRunType.SCHEDULED):
            new_runs = [_scheduled_run(row, slot, now, chance) for slot in made]
            created += len(insert_runs(tx, dag, new_runs, now))
        if made:
            slots[row.dag_id] = following
            if following is None and needs_child(dag.timetable, made[-1]):
                dry.append(row.dag_id)
    dags.set_next_slots(tx, slots, dry=dry)
    return created


def _due_slots(
    row: AnyRow, dag: SerializedDag, room: int, now: datetime
) -> tuple[list[Slot], Slot | None]:
    """The slots to make runs of, `room` at most, and the one to plan after them."""
    planned = _planned(row, dag.timetable, now)
    slot: Slot | None = planned if dag.catchup else _newest_due(dag, planned, now)
    made: list[Slot] = []
    while slot is not None and slot.run_after <= now and len(made) < room:
        made.append(slot)
        slot = following_slot(dag, slot, now)
    return made, slot


def _planned(row: AnyRow, timetable: Timetable, now: datetime) -> Slot:
    """The slot that the DAG's row plans."""
    timed = timetable.timetable if isinstance(timetable, AssetOrTimeSchedule) else timetable
    if isinstance(timed, CronPartition):
        return slot_at(timed, row.next_run_after)
    planned = dags.next_slot(row)
    assert planned is not None  # the query asked for it
    if isinstance(timed, ContinuousSchedule) and planned.interval_end is not None:
        # Planned when the run before it was created: its interval lasts until now, and that is
        # what its run id tells, too.
        return structs.replace(planned, interval_end=max(planned.interval_end, now), run_after=now)
    return planned


def _newest_due(dag: SerializedDag, planned: Slot, now: datetime) -> Slot:
    """Without catchup a slot that was planned long ago (the DAG was paused, or no scheduler ran)
    gives way to the newest one that is due."""
    later = following_slot(dag, planned, now)
    while later is not None and planned.run_after < later.run_after <= now:
        planned, later = later, following_slot(dag, later, now)
    return planned


def room_of(row: AnyRow, dag: SerializedDag, queued: Mapping[str, int]) -> int:
    """How many more runs the DAG may have, beside those that run or wait (without backfills)."""
    allowed: int = row.max_active_runs
    limit = active_runs_limit(dag.timetable)
    if limit is not None:
        allowed = min(limit, allowed)
    return allowed - int(row.active_runs) - queued.get(row.dag_id, 0)


def allows(dag: SerializedDag, run_type: DagRunType) -> bool:
    return dag.allowed_run_types is None or run_type.value in dag.allowed_run_types


def _scheduled_run(row: AnyRow, slot: Slot, now: datetime, chance: Random) -> dict[str, Any]:
    """The `dag_run` row of a slot of the DAG with that row."""
    return new_run(
        row,
        run_type=DagRunType.SCHEDULED,
        slot=slot,
        now=now,
        run_id=run_ids.generate(
            DagRunType.SCHEDULED,
            slot.run_after,
            partition_key=slot.partition_key,
            suffix=None if slot.partition_key is None else suffix(chance),
        ),
    )


def new_run(
    row: AnyRow,
    *,
    run_type: DagRunType,
    run_id: str,
    slot: Slot,
    now: datetime,
    conf: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A queued run of the DAG with that row, pinned to its newest version and snapshot."""
    return {
        "dag_id": row.dag_id,
        "run_id": run_id,
        "run_type": run_type.value,
        "state": DagRunState.QUEUED.value,
        "version_id": row.version_id,
        "bundle_name": row.bundle_name,
        "digest": row.digest,
        "logical_date": slot.logical_date,
        "interval_start": slot.interval_start,
        "interval_end": slot.interval_end,
        "run_after": slot.run_after,
        "queued_at": now,
        "conf": dict(conf or {}),
        "partition_key": slot.partition_key,
        **more,
    }


def insert_runs(
    tx: Connection, dag: SerializedDag, rows: list[dict[str, Any]], now: datetime
) -> dict[tuple[str, str], int]:
    """Insert runs of one DAG with their deadlines; the ids of those that did not exist."""
    made = runs.insert_new(tx, rows)
    if dag.deadlines:
        needed = max(runs_needed(spec) for spec in dag.deadlines)
        durations = runs.newest_durations(tx, dag.dag_id, needed) if needed else []
        new_deadlines = []
        for row in rows:
            pk = made.get((row["dag_id"], row["run_id"]))
            for position, spec in enumerate(dag.deadlines if pk else ()):
                due = due_at(
                    spec,
                    logical_date=row["logical_date"],
                    queued_at=row["queued_at"],
                    durations=durations,
                    now=now,
                )
                if due is not None:
                    new_deadlines.append({"run_pk": pk, "position": position, "due_at": due})
        deadlines.add(tx, new_deadlines)
    return made


def suffix(chance: Random) -> str:
    """Eight letters and digits that make a run id unique where its moment alone may not."""
    return "".join(chance.choices(_ALPHABET, k=8))
