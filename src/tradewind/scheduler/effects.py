"""What a run's decisions do to other tables, gathered over all models of one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tradewind.core.runs.changes import (
    CancelAttempt,
    ClearXComs,
    CreateTrigger,
    DeleteTrigger,
    EmitAssetEvents,
    KeepOutcome,
    RunCallbacks,
    RunFinished,
    StoreXComs,
)
from tradewind.core.states import AttemptState, DagRunState
from tradewind.scheduler import events
from tradewind.scheduler.asset_runs import spread
from tradewind.scheduler.launch import log_file
from tradewind.scheduler.models import Attempt, Documents, RunModel, Tries
from tradewind.store import attempts, callbacks, dags, deadlines, event_log, runs, triggers, xcoms
from tradewind.store.asset_events import Source, add_events


@dataclass(slots=True)
class Gathered:
    """Rows to write, and what the scheduler itself must do after the commit."""

    cancelled: list[tuple[Attempt, str]] = field(default_factory=list)
    finished: list[RunModel] = field(default_factory=list)
    clear_xcoms: list[xcoms.InstanceKey] = field(default_factory=list)
    put_xcoms: dict[tuple[int, str, int, str], dict[str, Any]] = field(default_factory=dict)
    delete_triggers: set[int] = field(default_factory=set)
    create_triggers: dict[int, dict[str, Any]] = field(default_factory=dict)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    callbacks: list[dict[str, Any]] = field(default_factory=list)
    emitted: list[tuple[RunModel, EmitAssetEvents]] = field(default_factory=list)


def gather(models: Iterable[RunModel], now: datetime) -> Gathered:
    """Fences what is cancelled at once, so that it is part of the attempts' rows."""
    gathered = Gathered()
    for model in models:
        for effect in model.unsaved.changes.effects:
            _gather_one(gathered, model, effect, now)
    return gathered


def _gather_one(gathered: Gathered, model: RunModel, effect: Any, now: datetime) -> None:
    match effect:
        case CancelAttempt():
            attempt = events.fenced_by(model, effect, now)
            if attempt is not None:
                gathered.cancelled.append((attempt, effect.reason))
        case RunFinished():
            gathered.finished.append(model)
        case ClearXComs():
            gathered.clear_xcoms.append((model.pk, effect.ti.task_id, effect.ti.map_index))
        case KeepOutcome():
            gathered.outcomes += _outcome(model, effect)
        case StoreXComs():
            gathered.put_xcoms |= _xcoms(model, effect, now)
        case DeleteTrigger() | CreateTrigger():
            _gather_trigger(gathered, model, effect, now)
        case RunCallbacks():
            gathered.callbacks.append(_callback(model, effect, now))
        case EmitAssetEvents():
            gathered.emitted.append((model, effect))


def _gather_trigger(
    gathered: Gathered, model: RunModel, effect: DeleteTrigger | CreateTrigger, now: datetime
) -> None:
    pk = _pk(effect.ti.id)
    if isinstance(effect, CreateTrigger):
        gathered.create_triggers[pk] = _trigger(model, effect, now)
    else:
        gathered.create_triggers.pop(pk, None)
        gathered.delete_triggers.add(pk)


def _pk(value: int | None) -> int:
    assert value is not None  # only stored instances run
    return value


def _outcome(model: RunModel, effect: KeepOutcome) -> list[dict[str, Any]]:
    """A row of `attempt` that stands for none; nothing if an attempt of that try is there."""
    ti = effect.ti
    tries = model.tries.setdefault(_pk(ti.id), Tries())
    if tries.generation and tries.try_number == ti.try_number:
        return []
    tries.generation += 1
    tries.try_number, tries.in_try = ti.try_number, 1
    return [
        {
            "task_instance_id": ti.id,
            "run_pk": model.pk,
            "try_number": ti.try_number,
            "generation": tries.generation,
            "state": AttemptState.ENDED,
            "executor": attempts.NOT_EXECUTED,
            "owner": "",
            "queued_at": effect.ended_at,
            "ended_at": effect.ended_at,
            "outcome": effect.outcome,
            "reason": effect.reason,
            "log_file": log_file(model.dag_id, model.facts.run_id, ti, tries),
        }
    ]


def _xcoms(
    model: RunModel, effect: StoreXComs, now: datetime
) -> dict[tuple[int, str, int, str], dict[str, Any]]:
    ti = effect.ti
    return {
        (model.pk, ti.task_id, ti.map_index, xcom.key): {
            "run_pk": model.pk,
            "task_id": ti.task_id,
            "map_index": ti.map_index,
            "key": xcom.key,
            "value": xcom.value,
            "timestamp": now,
        }
        for xcom in effect.xcoms
    }


def _callback(model: RunModel, effect: RunCallbacks, now: datetime) -> dict[str, Any]:
    return {
        "run_pk": model.pk,
        "task_instance_id": effect.ti.id if effect.ti else None,
        "kinds": effect.kinds,
        "reason": effect.reason,
        "created_at": now,
    }


def _trigger(model: RunModel, effect: CreateTrigger, now: datetime) -> dict[str, Any]:
    return {
        "task_instance_id": effect.ti.id,
        "run_pk": model.pk,
        "classpath": effect.classpath,
        "kwargs": effect.kwargs,
        "bundle_name": model.row.bundle_name,
        "digest": model.row.digest,
        "created_at": now,
    }


def store(tx: Connection, gathered: Gathered, known: Documents, now: datetime) -> None:
    """Write what was gathered. The run's own rows are written already."""
    attempts.insert_outcomes(tx, gathered.outcomes)
    xcoms.clear(tx, gathered.clear_xcoms)
    xcoms.put(tx, list(gathered.put_xcoms.values()))
    triggers.remove_of_instances(tx, gathered.delete_triggers)
    triggers.add(tx, list(gathered.create_triggers.values()))
    callbacks.add(tx, gathered.callbacks)
    for model, effect in gathered.emitted:
        source = Source(
            dag_id=model.dag_id,
            task_id=effect.ti.task_id,
            run_id=model.facts.run_id,
            map_index=effect.ti.map_index,
        )
        spread(tx, add_events(tx, source, effect.events, now=now), known)
    if gathered.finished:
        _conclude(tx, gathered.finished, now)


def _conclude(tx: Connection, finished: list[RunModel], now: datetime) -> None:
    in_time = [model.pk for model in finished if model.facts.state is DagRunState.SUCCESS]
    if any(model.version.dag.deadlines for model in finished):
        deadlines.remove_open_of_runs(tx, in_time)
    for model in finished:
        limit = model.version.dag.max_consecutive_failed_dag_runs
        if model.facts.state is DagRunState.FAILED and limit > 0:
            _pause_failing(tx, model.dag_id, limit, now)


def _pause_failing(tx: Connection, dag_id: str, limit: int, now: datetime) -> None:
    """max_consecutive_failed_dag_runs: the newest runs have all failed, so no more of them."""
    newest = runs.last_states(tx, dag_id, limit)
    if len(newest) == limit and set(newest) == {DagRunState.FAILED.value}:
        dags.set_paused(tx, [dag_id], True)
        event_log.add(
            tx,
            "paused",
            now=now,
            dag_id=dag_id,
            owner="scheduler",
            extra={"reason": f"its last {limit} runs failed"},
        )
