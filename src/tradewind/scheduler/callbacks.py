"""Callbacks that no attempt can run itself: the DAG's, lost attempts', missed deadlines'.

A row each, leased while it runs; one whose process vanished is run again, up to a few times.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from tradewind.core.protocol import CallbackOrder, RunInfo
from tradewind.core.runs.instances import TaskInstance
from tradewind.executors.base import CallbackEnded
from tradewind.scheduler.launch import Locate, callback_order, dag_source, run_info
from tradewind.scheduler.models import Documents, RunModel, Version
from tradewind.scheduler.settings import SchedulerSettings
from tradewind.store import asset_events, callbacks, deadlines, runs, task_instances
from tradewind.store.engine import AnyRow

logger = logging.getLogger(__name__)

_AT_ONCE = 16


def add_missed_deadlines(tx: Connection, *, now: datetime) -> int:
    """Turn deadlines that have passed into callbacks. How many there were."""
    missed = deadlines.due(tx, now=now, limit=100)
    if missed:
        deadlines.mark_missed(tx, [row.id for row in missed])
        callbacks.add(
            tx,
            [
                {
                    "run_pk": row.run_pk,
                    "task_instance_id": None,
                    "kinds": [f"deadline:{row.position}"],
                    "reason": f"The run had not succeeded by {row.due_at.isoformat()}.",
                    "created_at": now,
                }
                for row in missed
            ],
        )
    return len(missed)


@dataclass(frozen=True, slots=True)
class ClaimedCallback:
    """A row of `callback` that is ours to run, and what it is about."""

    row: AnyRow
    run: AnyRow
    info: RunInfo
    version: Version
    ti: TaskInstance | None

    def order(self, locate: Locate) -> CallbackOrder:
        source = dag_source(self.run, self.version, locate)
        return callback_order(self.row, self.info, source, self.ti)


def claim(
    tx: Connection,
    name: str,
    settings: SchedulerSettings,
    models: Mapping[int, RunModel],
    known: Documents,
    *,
    now: datetime,
) -> list[ClaimedCallback]:
    """Lease callbacks that wait, to be run once that is committed."""
    claimed = callbacks.claim(
        tx, name, now=now, seconds=settings.callback_lease_seconds, limit=_AT_ONCE
    )
    exhausted = [row.id for row in claimed if row.tries > settings.callback_tries]
    if exhausted:
        error = f"Its process was lost {settings.callback_tries} times."
        callbacks.finish(tx, exhausted, owner=name, error=error, now=now)
    wanted = [row for row in claimed if row.tries <= settings.callback_tries]
    if not wanted:
        return []
    rows = {row.id: row for row in runs.by_pks(tx, {row.run_pk for row in wanted})}
    versions = known.of_versions(tx, {row.version_id for row in rows.values()})
    instances = task_instances.by_ids(
        tx, [row.task_instance_id for row in wanted if row.task_instance_id is not None]
    )
    found = []
    for row in wanted:
        run, model = rows[row.run_pk], models.get(row.run_pk)
        version = versions[run.version_id]
        consumed = asset_events.consumed_by(tx, run.id)
        info = run_info(run, version.number, consumed, model.facts if model else None)
        ti = instances.get(row.task_instance_id)
        found.append(ClaimedCallback(row, run, info, version, ti))
    return found


def finish(tx: Connection, name: str, ended: list[CallbackEnded], *, now: datetime) -> None:
    """A callback's own error is recorded; it never changes the state of anything else."""
    for event in ended:
        if event.error is not None:
            logger.warning("callback %s failed: %s", event.callback_id, event.error)
        callbacks.finish(tx, [event.callback_id], owner=name, error=event.error, now=now)
