"""Backfills: runs for a stretch of the past, in order, so many at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from random import Random
from typing import Any, Final

from sqlalchemy import Connection

from tradewind.core import params, run_ids
from tradewind.core.dag import SerializedDag, Slot
from tradewind.core.errors import Conflict, NotFound, UserError
from tradewind.core.runs import clearing
from tradewind.core.states import DagRunState, DagRunType
from tradewind.core.timetables import slots_between
from tradewind.scheduler.actions import runnable_dag, store_by_hand
from tradewind.scheduler.models import Documents, load
from tradewind.scheduler.run_creation import allows, insert_runs, new_run, suffix
from tradewind.store import backfills, event_log, runs
from tradewind.store.engine import AnyRow, Rows, Store

MAX_RUNS: Final = 100_000
"""They are all made in one transaction. A schedule of microseconds would never end otherwise."""


class Reprocess(StrEnum):
    """Which slots that have had a run already are to be run again."""

    NONE = "none"
    FAILED = "failed"
    COMPLETED = "completed"


@dataclass(frozen=True, kw_only=True)
class BackfillRequest:
    """`from_date` to `to_date` are logical dates, both included."""

    dag_id: str
    from_date: datetime
    to_date: datetime
    conf: Mapping[str, Any] | None = None
    reprocess: Reprocess = Reprocess.NONE
    run_backwards: bool = False
    max_active_runs: int = 10


@dataclass(frozen=True)
class PlannedRun:
    """One slot of a backfill. `skipped`: why it gets no run ("in flight", "already exists")."""

    logical_date: datetime | None
    partition_key: str | None
    run_id: str | None
    skipped: str | None


def create(
    store: Store,
    request: BackfillRequest,
    *,
    now: datetime,
    dry_run: bool = False,
    user: str | None = None,
    chance: Random | None = None,
) -> tuple[int | None, list[PlannedRun]]:
    """Queue the runs of a backfill; its id (None for a dry run) and what becomes of each slot.

    The scheduler starts them in order, `max_active_runs` at once, beside the DAG's other runs.
    Raises UserError when the request does not fit the DAG, Conflict when one goes on already.
    """
    chance = chance or Random()
    with store.read() if dry_run else store.begin() as tx:
        row, dag = runnable_dag(tx, request.dag_id)
        _check(dag, request, now)
        slots = _slots(dag, request, now)
        planned = [(slot, *_fate(tx, request, slot)) for slot in slots]
        if dry_run:
            return None, [_planned(slot, None, why) for slot, _, why in planned]
        if backfills.listing(tx, dag_id=request.dag_id, open_only=True):
            raise Conflict(
                f"A backfill of {request.dag_id} is going on already.",
                hint="Wait for its end, or cancel it with `tradewind backfill cancel`.",
            )
        backfill_id = backfills.create(
            tx,
            dag_id=request.dag_id,
            from_date=request.from_date,
            to_date=request.to_date,
            conf=dict(request.conf or {}),
            reprocess=request.reprocess.value,
            run_backwards=request.run_backwards,
            max_active_runs=request.max_active_runs,
            created_at=now,
        )
        again = {existing.id for _, existing, why in planned if existing is not None and not why}
        new = [slot for slot, existing, _ in planned if existing is None]
        ids = _insert(tx, row, dag, request, backfill_id, new, now, chance, user)
        _run_again(store, tx, again, backfill_id, request, now)
        event_log.add(tx, "create_backfill", now=now, dag_id=request.dag_id, owner=user)
        store.notify(tx, "scheduler")
    return backfill_id, [
        _planned(slot, ids.get(_key(slot)) or (existing.run_id if existing else None), why)
        for slot, existing, why in planned
    ]


def _planned(slot: Slot, run_id: str | None, skipped: str | None) -> PlannedRun:
    return PlannedRun(slot.logical_date, slot.partition_key, run_id, skipped)


def _key(slot: Slot) -> tuple[datetime | None, str | None]:
    return slot.logical_date, slot.partition_key


def _check(dag: SerializedDag, request: BackfillRequest, now: datetime) -> None:
    """Airflow's conditions."""
    if not allows(dag, DagRunType.BACKFILL):
        raise UserError(f"The DAG {dag.dag_id} does not allow backfill runs.")
    if request.from_date > request.to_date:
        raise UserError(
            f"The backfill ends ({request.to_date}) before it begins ({request.from_date}).",
            hint="Give the earlier date as the first one.",
        )
    if request.from_date >= now:
        raise UserError("A backfill cannot lie in the future.", hint="Give dates in the past.")
    if request.max_active_runs < 1:
        raise UserError("max_active_runs of a backfill must be at least 1.")
    if any(task.depends_on_past for task in dag.tasks):
        if request.run_backwards:
            raise UserError(
                f"Tasks of {dag.dag_id} have depends_on_past, so it cannot run backwards.",
                hint="Leave out --run-backwards.",
            )
        if request.reprocess is Reprocess.NONE:
            raise UserError(
                f"Tasks of {dag.dag_id} have depends_on_past, so no run may be left out.",
                hint="Choose to reprocess failed or completed runs.",
            )
    params.validate_conf(dag.params, request.conf or {})


def _slots(dag: SerializedDag, request: BackfillRequest, now: datetime) -> list[Slot]:
    """In the order in which they are to run. Slots whose interval is not over are left out."""
    found = slots_between(dag.timetable, request.from_date, request.to_date)
    slots = [
        slot
        for slot in islice(found, MAX_RUNS)
        if slot.partition_key is not None
        or (slot.interval_end is not None and slot.interval_end < now)
    ]
    if next(found, None) is not None:
        raise UserError(
            f"From {request.from_date} to {request.to_date} the schedule of {dag.dag_id} has more "
            f"than {MAX_RUNS:,} runs, the most that a backfill may have.",
            hint="Fill a shorter time with each of several backfills.",
        )
    if not slots:
        raise UserError(
            f"The schedule of {dag.dag_id} has nothing to run from {request.from_date} to "
            f"{request.to_date}.",
            hint="Backfills need a schedule of time; `tradewind dags next-execution` shows it.",
        )
    return slots[::-1] if request.run_backwards else slots


def _fate(tx: Connection, request: BackfillRequest, slot: Slot) -> tuple[AnyRow | None, str | None]:
    """The run that the slot has had, and why it is not run again (None: it is)."""
    if slot.logical_date is None:
        return None, None
    existing = next(iter(runs.by_logical_dates(tx, request.dag_id, [slot.logical_date])), None)
    if existing is None:
        return None, None
    if existing.state in runs.ACTIVE:
        return existing, "in flight"
    again = request.reprocess is Reprocess.COMPLETED or (
        request.reprocess is Reprocess.FAILED and existing.state == DagRunState.FAILED
    )
    return existing, None if again else "already exists"


def _insert(
    tx: Connection,
    row: AnyRow,
    dag: SerializedDag,
    request: BackfillRequest,
    backfill_id: int,
    slots: list[Slot],
    now: datetime,
    chance: Random,
    user: str | None,
) -> dict[tuple[datetime | None, str | None], str]:
    made: dict[tuple[datetime | None, str | None], str] = {}
    new_rows = []
    for slot in slots:
        run_id = run_ids.generate(
            DagRunType.BACKFILL,
            slot.run_after,
            partition_key=slot.partition_key,
            suffix=None if slot.partition_key is None else suffix(chance),
        )
        made[_key(slot)] = run_id
        new_rows.append(
            new_run(
                row,
                run_type=DagRunType.BACKFILL,
                run_id=run_id,
                slot=slot,
                now=now,
                conf=request.conf,
                backfill_id=backfill_id,
                triggering_user=user,
            )
        )
    insert_runs(tx, dag, new_rows, now)
    return made


def _run_again(
    store: Store,
    tx: Connection,
    pks: set[int],
    backfill_id: int,
    request: BackfillRequest,
    now: datetime,
) -> None:
    """Clear runs that have ended, and make them the backfill's."""
    models = load(tx, sorted(pks), Documents(), infra_budget=0)
    for model in models:
        run = model.run
        everything = clearing.Request()
        model.add(clearing.clear(run.plan, run.facts, run.instances(), everything, now))
    store_by_hand(store, tx, models, now=now)
    runs.join_backfill(tx, pks, backfill_id, conf=request.conf)


def listing(store: Store, *, dag_id: str | None = None) -> Rows:
    """Rows of `backfill`, newest first."""
    with store.read() as tx:
        return backfills.listing(tx, dag_id=dag_id)


def set_paused(store: Store, backfill_id: int, paused: bool, *, now: datetime) -> AnyRow:
    """Start no more of its runs, or go on. Raises Conflict when it is over."""
    with store.begin() as tx:
        row = _open(tx, backfill_id)
        backfills.change(tx, backfill_id, is_paused=paused)
        event = "pause_backfill" if paused else "unpause_backfill"
        event_log.add(tx, event, now=now, dag_id=row.dag_id)
        store.notify(tx, "scheduler")
        return _get(tx, backfill_id)


def cancel(store: Store, backfill_id: int, *, now: datetime) -> AnyRow:
    """Fail its runs that have not started; those that run go on. As Airflow."""
    with store.begin() as tx:
        row = _open(tx, backfill_id)
        models = load(tx, backfills.queued_runs(tx, backfill_id), Documents(), infra_budget=0)
        for model in models:
            run = model.run
            failed = DagRunState.FAILED
            model.add(clearing.mark_run(run.plan, run.facts, run.instances(), failed, now))
        store_by_hand(store, tx, models, now=now)
        backfills.change(tx, backfill_id, is_paused=True, completed_at=now)
        event_log.add(tx, "cancel_backfill", now=now, dag_id=row.dag_id)
        store.notify(tx, "scheduler")
        return _get(tx, backfill_id)


def _get(tx: Connection, backfill_id: int) -> AnyRow:
    row = backfills.get(tx, backfill_id)
    if row is None:
        raise NotFound(
            f"There is no backfill {backfill_id}.", hint="`tradewind backfill list` shows them."
        )
    return row


def _open(tx: Connection, backfill_id: int) -> AnyRow:
    row = _get(tx, backfill_id)
    if row.completed_at is not None:
        raise Conflict(f"The backfill {backfill_id} of {row.dag_id} is over.")
    return row
