"""What people do to DAGs and runs; the command line and the API call these.

Each is one transaction with the runs' own fence, so it may come at any moment of a run. Whoever
leases a run reads it again afterwards, and ends the processes of attempts that were superseded.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import structs
from sqlalchemy import Connection

from tradewind.core import params, run_ids
from tradewind.core.dag import (
    CronPartition,
    PartitionedAssets,
    PartitionedAtRuntime,
    SerializedDag,
    Slot,
)
from tradewind.core.errors import Conflict, NotFound, Superseded, UserError
from tradewind.core.runs import clearing
from tradewind.core.runs.changes import Changes
from tradewind.core.runs.clearing import Request
from tradewind.core.runs.run import Run
from tradewind.core.states import DagRunState, DagRunType, TaskInstanceState
from tradewind.core.timetables import manual_interval
from tradewind.scheduler import persist
from tradewind.scheduler.models import Documents, RunModel, load
from tradewind.scheduler.persist import Writer
from tradewind.scheduler.run_creation import allows, insert_runs, new_run
from tradewind.store import bundles, dags, event_log, inbox, pools, runs
from tradewind.store.engine import AnyRow, Store

_CHANNEL = "scheduler"
_TRIES = 10  # against schedulers that move the same run at the same time
_PARTITIONED = CronPartition | PartitionedAssets | PartitionedAtRuntime

_DAGS_HINT = "`tradewind dags list` shows them."


@dataclass(frozen=True, slots=True)
class Affected:
    """An instance that an action concerns; `state` is the one before it."""

    run_id: str
    task_id: str
    map_index: int
    state: TaskInstanceState


# --- DAGs ----------------------------------------------------------------------------------------


def trigger_run(
    store: Store,
    dag_id: str,
    *,
    now: datetime,
    run_id: str | None = None,
    conf: Mapping[str, Any] | None = None,
    logical_date: datetime | None = None,
    run_after: datetime | None = None,
    run_type: DagRunType = DagRunType.MANUAL,
    note: str | None = None,
    partition_key: str | None = None,
    user: str | None = None,
) -> AnyRow:
    """Make a run of the newest version; the row of `dag_run`.

    With a logical date it gets the data interval that its timetable has there. Raises NotFound,
    UserError for a conf or run id that does not do, and Conflict when the run exists.
    """
    with store.begin() as tx:
        row, dag = runnable_dag(tx, dag_id)
        _check(dag, run_type, run_id, conf or {}, partition_key)
        run_after = run_after or now
        slot = Slot(
            logical_date=logical_date,
            interval_start=None,
            interval_end=None,
            run_after=run_after,
            partition_key=partition_key,
        )
        if logical_date is not None:
            interval = manual_interval(dag.timetable, logical_date)
            slot = structs.replace(slot, interval_start=interval.start, interval_end=interval.end)
        chosen = run_id or _free_run_id(tx, dag_id, run_type, run_after)
        run = new_run(
            row,
            run_type=run_type,
            run_id=chosen,
            slot=slot,
            now=now,
            conf=conf,
            note=note,
            triggering_user=user,
        )
        made = insert_runs(tx, dag, [run], now)
        if not made:
            taken = f"with the logical date {logical_date}"
            if runs.find(tx, dag_id, chosen) is not None:
                taken = repr(chosen)
            raise Conflict(
                f"The DAG {dag_id} has a run {taken} already.",
                hint="Choose another run id or logical date, or clear the run that there is.",
            )
        event_log.add(tx, "trigger", now=now, dag_id=dag_id, run_id=chosen, owner=user)
        store.notify(tx, _CHANNEL)
        (created,) = runs.by_pks(tx, made.values())
        return created


def _free_run_id(tx: Connection, dag_id: str, run_type: DagRunType, run_after: datetime) -> str:
    """Two runs of one microsecond are possible; the second one's id gets a number."""
    run_id = wanted = run_ids.generate(run_type, run_after)
    number = 1
    while runs.find(tx, dag_id, run_id) is not None:
        number += 1
        run_id = f"{wanted}_{number}"
    return run_id


def _check(
    dag: SerializedDag,
    run_type: DagRunType,
    run_id: str | None,
    conf: Mapping[str, Any],
    partition_key: str | None,
) -> None:
    if not allows(dag, run_type):
        raise UserError(
            f"The DAG {dag.dag_id} does not allow {run_type} runs.",
            hint=f"Its allowed_run_types are: {', '.join(dag.allowed_run_types or [])}.",
        )
    if run_id is not None:
        run_ids.check(run_id, run_type)
    if partition_key is not None and not isinstance(dag.timetable, _PARTITIONED):
        raise UserError(
            f"The DAG {dag.dag_id} is not partitioned, so its runs have no partition key.",
            hint="Leave the partition key out, or give the DAG a partitioned schedule.",
        )
    params.validate_conf(dag.params, conf)


def runnable_dag(tx: Connection, dag_id: str) -> tuple[AnyRow, SerializedDag]:
    """The DAG's row and newest document. Raises NotFound or UserError when it cannot have runs."""
    row, dag = dags.get(tx, dag_id), dags.document(tx, dag_id)
    if row is None or dag is None:
        raise NotFound(f"There is no DAG {dag_id!r}.", hint=_DAGS_HINT)
    if row.is_stale:
        raise NotFound(
            f"The DAG {dag_id!r} is gone from its file {row.file}.",
            hint="Put it back, or run another DAG: " + _DAGS_HINT,
        )
    if bundles.has_import_error(tx, row.bundle_name, row.file):
        raise UserError(
            f"{row.file}, the file of the DAG {dag_id}, cannot be imported.",
            hint="`tradewind dags list-import-errors` shows why.",
        )
    return row, dag


def set_paused(
    store: Store, dag_ids: Collection[str], paused: bool, *, now: datetime, user: str | None = None
) -> list[str]:
    """Pause or unpause; the DAGs that were not so already.

    Of a paused DAG no new runs and no new tasks start; what runs ends as it does.
    """
    with store.begin() as tx:
        changed = dags.set_paused(tx, dag_ids, paused)
        for dag_id in changed:
            event = "paused" if paused else "unpaused"
            event_log.add(tx, event, now=now, dag_id=dag_id, owner=user)
        store.notify(tx, _CHANNEL)
        if not paused:
            store.notify(tx, "dag_processor")
    return changed


def delete_dag(store: Store, dag_id: str, *, now: datetime, user: str | None = None) -> None:
    """Delete a DAG with its runs and their history. Raises Conflict while a task of it runs."""
    with store.begin() as tx:
        if dags.get(tx, dag_id) is None:
            raise NotFound(f"There is no DAG {dag_id!r}.", hint=_DAGS_HINT)
        busy = [row.run_id for row in runs.of_dag(tx, dag_id, [DagRunState.RUNNING.value])]
        if busy:
            raise Conflict(
                f"The DAG {dag_id} has running runs: {', '.join(busy[:5])}.",
                hint="Cancel them first with `tradewind runs cancel`, or wait for their end.",
            )
        dags.remove(tx, dag_id)
        event_log.add(tx, "delete_dag", now=now, dag_id=dag_id, owner=user)


# --- runs ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunChoice:
    """Runs of a DAG: the named ones and, by logical date, all before or after them."""

    dag_id: str
    run_ids: Sequence[str]
    past: bool = False
    future: bool = False


def clear(
    store: Store,
    choice: RunChoice,
    request: Request,
    *,
    now: datetime,
    dry_run: bool = False,
    user: str | None = None,
) -> list[Affected]:
    """Set instances back to the start, and their finished runs going again."""

    def decide(run: Run) -> Changes:
        return clearing.clear(run.plan, run.facts, run.instances(), request, now)

    return _change(store, "clear", choice, decide, now=now, dry_run=dry_run, user=user)


def mark(
    store: Store,
    choice: RunChoice,
    request: Request,
    state: TaskInstanceState,
    *,
    now: datetime,
    dry_run: bool = False,
    user: str | None = None,
) -> list[Affected]:
    """Set instances to success, failed or skipped by hand, and clear what failed after them."""

    def decide(run: Run) -> Changes:
        return clearing.mark(run.plan, run.facts, run.instances(), request, state, now)

    event = f"mark_{state}"
    return _change(store, event, choice, decide, now=now, dry_run=dry_run, user=user)


def mark_run(
    store: Store,
    dag_id: str,
    run_id: str,
    state: DagRunState,
    *,
    now: datetime,
    dry_run: bool = False,
    user: str | None = None,
) -> list[Affected]:
    """End a run by hand as success or failed. Its teardowns still run."""

    def decide(run: Run) -> Changes:
        return clearing.mark_run(run.plan, run.facts, run.instances(), state, now)

    choice = RunChoice(dag_id, [run_id])
    event = f"mark_run_{state}"
    return _change(store, event, choice, decide, now=now, dry_run=dry_run, user=user)


def cancel_run(
    store: Store,
    dag_id: str,
    run_id: str,
    *,
    now: datetime,
    dry_run: bool = False,
    user: str | None = None,
) -> list[Affected]:
    """End a run: its processes are ended, what has not started is skipped, it counts as failed.

    Raises Conflict for one that is over.
    """
    with store.read() as tx:
        row = _find_run(tx, dag_id, run_id)
    if row.state not in runs.ACTIVE:
        raise Conflict(
            f"The run {run_id} of {dag_id} is over: it is {row.state}.",
            hint="To run parts of it again, clear them.",
        )
    return mark_run(store, dag_id, run_id, DagRunState.FAILED, now=now, dry_run=dry_run, user=user)


def _change(
    store: Store,
    event: str,
    choice: RunChoice,
    decide: Callable[[Run], Changes],
    *,
    now: datetime,
    dry_run: bool,
    user: str | None,
) -> list[Affected]:
    """Decide in memory, and store that unless it is a dry run or somebody else was quicker."""
    if dry_run:
        with store.read() as tx:
            return _decide(_load(tx, choice), decide)
    for _ in range(_TRIES - 1):
        try:
            return _decide_and_store(store, event, choice, decide, now, user)
        except Superseded:
            continue
    return _decide_and_store(store, event, choice, decide, now, user)


def _decide_and_store(
    store: Store,
    event: str,
    choice: RunChoice,
    decide: Callable[[Run], Changes],
    now: datetime,
    user: str | None,
) -> list[Affected]:
    with store.begin() as tx:
        models = _load(tx, choice)
        affected = _decide(models, decide)
        store_by_hand(store, tx, models, now=now)
        for run_id in choice.run_ids:
            event_log.add(tx, event, now=now, dag_id=choice.dag_id, run_id=run_id, owner=user)
    return affected


def _load(tx: Connection, choice: RunChoice) -> list[RunModel]:
    rows = {row.id: row for row in (_find_run(tx, choice.dag_id, r) for r in choice.run_ids)}
    dates = [row.logical_date for row in rows.values() if row.logical_date is not None]
    if dates and choice.past:
        rows |= {row.id: row for row in runs.between(tx, choice.dag_id, before=min(dates))}
    if dates and choice.future:
        rows |= {row.id: row for row in runs.between(tx, choice.dag_id, after=max(dates))}
    return load(tx, sorted(rows), Documents(), infra_budget=0)


def _find_run(tx: Connection, dag_id: str, run_id: str) -> AnyRow:
    row = runs.find(tx, dag_id, run_id)
    if row is None:
        raise NotFound(
            f"The DAG {dag_id!r} has no run {run_id!r}.",
            hint=f"`tradewind dags list-runs {dag_id}` shows its runs.",
        )
    return row


def _decide(models: list[RunModel], decide: Callable[[Run], Changes]) -> list[Affected]:
    affected = []
    for model in models:
        before = {id(ti): ti.state for ti in model.run.instances()}
        changes = decide(model.run)
        model.add(changes)
        affected += [
            Affected(model.facts.run_id, ti.task_id, ti.map_index, before[id(ti)])
            for ti in changes.changed
        ]
    return affected


def store_by_hand(store: Store, tx: Connection, models: list[RunModel], *, now: datetime) -> None:
    """Write what was decided outside a scheduler, and call the runs' schedulers' attention."""
    moved = [model for model in models if model.unsaved]
    if not moved:
        return
    touched = [ti.id for model in moved for ti in model.unsaved.changes.changed if ti.id]
    inbox.remove_of_instances(tx, touched)  # what was reported before does not count any more
    deferred = {row.name for row in pools.listing(tx) if row.include_deferred}
    saved = persist.save(
        tx, moved, Writer(owner=None, deferred_pools=deferred), Documents(), now=now
    )
    runs.set_attention(tx, [model.pk for model in moved])
    store.notify(tx, _CHANNEL)
    if saved.gathered.delete_triggers:
        store.notify(tx, "triggerer")
