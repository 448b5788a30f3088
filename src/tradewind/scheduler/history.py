"""Reads the recorded history out of the database, run by run, and has `core.history` check it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from tradewind.core import dag as documents
from tradewind.core.dag import Slot
from tradewind.core.history.leases import check_leases
from tradewind.core.history.replay import replay
from tradewind.core.history.slots import ScheduledRun, check_slots
from tradewind.core.history.sweep import Claim, PoolSizes, Sweep
from tradewind.core.history.vocabulary import Attempt, Event, Findings, Quiet, RunHistory
from tradewind.core.states import AttemptState
from tradewind.scheduler.models import Documents
from tradewind.store import history, runs, task_instances
from tradewind.store.engine import AnyRow, Store

GRACE_SECONDS = 30.0
"""How long after a lease has ended a living scheduler may take to notice: its look around, and what
a loaded database adds."""

_BATCH = 5000  # instances in memory at a time


def check(
    store: Store,
    *,
    now: datetime,
    dag_id: str | None = None,
    since: datetime | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> Findings:
    """Check the six statements on all that is stored, in one snapshot of the database.

    `dag_id`: about this DAG only; what other DAGs take of shared limits counts. `since`: about runs
    that were not over then. Memory does not grow with the number of runs. Writes nothing, and may
    run beside everything else.
    """
    with store.read() as tx:
        history.freeze(tx)
        return examine(tx, now=now, dag_id=dag_id, since=since, grace_seconds=grace_seconds)


def examine(
    tx: Connection,
    *,
    now: datetime,
    dag_id: str | None = None,
    since: datetime | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> Findings:
    """As `check`, on what a transaction sees."""
    findings = Findings()
    grace = timedelta(seconds=grace_seconds)
    known = Documents()
    beat = history.last_beat(tx)
    quiet, decided = _sweep(tx, findings, known, grace, dag_id, since)
    alive_at = max((min(at, now) for at in (beat, decided) if at is not None), default=None)
    for run in _runs(tx, known, dag_id, since):
        replay(run, findings)
        check_leases(run, findings, quiet=quiet, grace=grace, alive_at=alive_at)
    _check_slots(tx, findings, dag_id, since)
    return findings


# --- run by run -----------------------------------------------------------------------------------


def _runs(
    tx: Connection, known: Documents, dag_id: str | None, since: datetime | None
) -> Iterator[RunHistory]:
    for pks in history.run_batches(tx, dag_id=dag_id, since=since, size=_BATCH):
        rows = runs.by_pks(tx, pks)
        versions = known.of_versions(tx, {row.version_id for row in rows})
        instances = task_instances.of_runs(tx, pks)
        attempts: dict[int, list[Attempt]] = {pk: [] for pk in pks}
        for row in history.attempts_of_runs(tx, pks):
            attempts[row.run_pk].append(_attempt(row))
        events: dict[int, list[Event]] = {pk: [] for pk in pks}
        for row in history.of_runs(tx, pks):
            events[row.run_pk].append(_event(row))
        for row in rows:
            yield RunHistory(
                dag_id=row.dag_id,
                run_id=row.run_id,
                is_over=row.state not in runs.ACTIVE,
                plan=versions[row.version_id].plan,
                instances=instances[row.id],
                attempts=attempts[row.id],
                events=events[row.id],
            )


def _attempt(row: AnyRow) -> Attempt:
    return Attempt(
        id=row.id,
        instance_id=row.task_instance_id,
        state=AttemptState(row.state),
        outcome=row.outcome,
        lease_until=row.lease_until,
    )


def _event(row: AnyRow) -> Event:
    return Event(
        id=row.id,
        event=row.event,
        at=row.at,
        instance_id=row.task_instance_id,
        attempt_id=row.attempt_id,
        detail=row.detail,
    )


# --- all runs together ----------------------------------------------------------------------------


def _sweep(
    tx: Connection,
    findings: Findings,
    known: Documents,
    grace: timedelta,
    dag_id: str | None,
    since: datetime | None,
) -> tuple[Quiet, datetime | None]:
    """Check shared limits; when nobody was at work, and when somebody last was."""
    pools = history.pool_sizes(tx)
    changes: dict[str, list[tuple[datetime, int, int]]] = {}
    for at, extra in history.pool_changes(tx):
        changes.setdefault(extra["name"], []).append((at, extra["before"], extra["slots"]))
    sweep = Sweep(
        findings,
        PoolSizes({row.name: row.slots for row in pools}, changes),
        keeping={row.name for row in pools if row.include_deferred},
        grace=grace,
        only=dag_id,
    )
    for row in history.all_in_order(tx, since=since):
        _sweep_one(tx, sweep, known, row)
    return sweep.quiet, sweep.quiet.last


def _sweep_one(tx: Connection, sweep: Sweep, known: Documents, row: AnyRow) -> None:
    event = _event(row)
    match event.event:
        case "begin":
            sweep.begin(event, row.run_pk, row.dag_id, row.backfill_id)
        case "over":
            sweep.over(event, row.run_pk)
        case "claim" if row.task_id is not None:
            sweep.claim(event, _claim(tx, known, row))
        case "vacate":
            sweep.vacate(event)
        case "finish" | "fence":
            sweep.end(event)
        case "end" | "resume" | "mark" | "clear":
            sweep.move(event)


def _claim(tx: Connection, known: Documents, row: AnyRow) -> Claim:
    tasks = known.of_version(tx, row.version_id).plan.tasks
    return Claim(
        dag_id=row.dag_id,
        run_id=row.run_id,
        task_id=row.task_id,
        pool=row.pool,
        pool_slots=row.pool_slots,
        owner=row.owner,
        executor=row.executor,
        per_dag=tasks[row.task_id].spec.max_active_tis_per_dag,
    )


# --- schedules ------------------------------------------------------------------------------------


def _check_slots(
    tx: Connection, findings: Findings, dag_id: str | None, since: datetime | None
) -> None:
    cleaned_before = history.runs_cleaned_before(tx)
    for found in history.scheduled_dags(tx, dag_id=dag_id):
        stored = history.documents(tx, found)
        check_slots(
            found,
            (_scheduled_run(row) for row in history.scheduled_runs(tx, found, since=since)),
            {number: documents.decode(document) for number, document in stored.items()},
            findings,
            has_run=partial(history.has_run, tx, found),
            cleaned_before=cleaned_before,
        )


def _scheduled_run(row: AnyRow) -> ScheduledRun:
    slot = Slot(
        logical_date=row.logical_date,
        interval_start=row.interval_start,
        interval_end=row.interval_end,
        run_after=row.run_after,
        partition_key=row.partition_key,
    )
    return ScheduledRun(run_id=row.run_id, version=row.number, slot=slot)
