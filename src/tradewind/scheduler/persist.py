"""One transaction's writes for any number of runs, in an order that keeps the fence first.

Counters, then the runs' revisions (the fence), then everything that belongs to the runs. All
writers of runs come through here, schedulers with a lease and people's actions without one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tradewind.core.errors import Superseded
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.states import FINISHED_STATES, AttemptState, DagRunState
from tradewind.scheduler import claiming, counters, effects
from tradewind.scheduler.effects import Gathered
from tradewind.scheduler.launch import log_file
from tradewind.scheduler.models import Attempt, Documents, RunModel, Tries, Unsaved
from tradewind.store import attempts, history, inbox, runs, task_instances
from tradewind.store.attempts import VERDICT_COLUMNS


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes. `owner` None: a person's action, which holds no lease and claims nothing."""

    owner: str | None
    deferred_pools: Collection[str] = ()
    default_executor: str = ""
    parallelism: int = 0
    attempt_lease_seconds: float = 0.0
    slots: Mapping[str, int] = field(default_factory=dict)  # of each executor of the writer


@dataclass(slots=True)
class Saved:
    """What is to be done once the transaction has committed."""

    launches: list[tuple[RunModel, Attempt]] = field(default_factory=list)
    gathered: Gathered = field(default_factory=Gathered)
    made_room: bool = False  # a limit that was reached is so no longer


def save(
    tx: Connection,
    models: Sequence[RunModel],
    writer: Writer,
    known: Documents,
    *,
    now: datetime,
    counted: counters.Deltas | None = None,
    ended: Iterable[Attempt] = (),
) -> Saved:
    """Write all that is unsaved in `models`. Raises `Superseded` when one of them is out of date.

    `counted`: deltas of these models that were computed beforehand, to claim by. `ended`: attempts
    that were over before, of which more has become known.
    """
    saved = Saved(gathered=effects.gather(models, now))
    saved.made_room = _move_counters(tx, models, writer, counted or counters.Deltas())
    _advance_revisions(tx, models, writer.owner)
    saved.launches = _save_instances(tx, models, writer, now)
    moved = {pk: attempt for model in models for pk, attempt in model.unsaved.attempts.items()}
    moved |= {attempt.id: attempt for attempt in ended}
    _save_attempts(tx, moved.values())
    _save_history(tx, models, by_hand=writer.owner is None, now=now)
    effects.store(tx, saved.gathered, known, now)
    inbox.remove(
        tx,
        [
            report.inbox_id
            for model in models
            for report in model.unsaved.reports
            if report.inbox_id is not None
        ],
    )
    return saved


def committed(models: Iterable[RunModel]) -> None:
    """The transaction that saved these models has committed: nothing of them is unsaved."""
    for model in models:
        model.revision += 1
        model.stored_state = model.facts.state
        model.unsaved = Unsaved()


def _move_counters(
    tx: Connection, models: Sequence[RunModel], writer: Writer, deltas: counters.Deltas
) -> bool:
    counters.settle(models, writer.deferred_pools, deltas)
    limited = {key for key, step in deltas.tasks.items() if step}
    allowed = claiming.allowances(models, writer.parallelism, limited)
    moved = counters.store(tx, deltas, allowed)
    if not moved.done:
        raise Superseded(
            "A limit changed while instances were claimed against it.",
            hint="Nothing was written; the scheduler tries again.",
        )
    return moved.made_room


def _advance_revisions(tx: Connection, models: Sequence[RunModel], owner: str | None) -> None:
    rows = [
        {
            "pk": model.pk,
            "seen": model.revision,
            "state": model.facts.state.value,
            "queued_at": model.facts.queued_at,
            "start_date": model.facts.start_date,
            "end_date": model.facts.end_date,
        }
        for model in sorted(models, key=lambda model: model.pk)
    ]
    if not runs.advance_revision(tx, rows, owner=owner):
        raise Superseded(
            "A run was changed by somebody else meanwhile; nothing was written.",
            hint="Try again: the run is read anew.",
        )


def _save_instances(
    tx: Connection, models: Sequence[RunModel], writer: Writer, now: datetime
) -> list[tuple[RunModel, Attempt]]:
    """Write instances and launch intents; what is to be launched.

    In the common case each instance is written once. Where there are new ones, changed ones come
    first: a new one may take over the map index that a changed one gives up.
    """
    changed = [ti for model in models for ti in model.unsaved.changes.changed]
    claimed = [ti for model in models for ti in model.unsaved.claims]
    has_new = any(model.unsaved.changes.new for model in models)
    if has_new:
        task_instances.save(tx, changed)
        new = [
            (model.pk, ti, model.version.plan.tasks[ti.task_id].spec)
            for model in models
            for ti in model.unsaved.changes.new
        ]
        task_instances.insert_new(tx, new)
        for model in models:
            model.stored(model.unsaved.changes.new)
    launches = _insert_attempts(tx, models, writer, now) if claimed else []
    task_instances.save(tx, claimed if has_new else changed)
    return launches


def _insert_attempts(
    tx: Connection, models: Sequence[RunModel], writer: Writer, now: datetime
) -> list[tuple[RunModel, Attempt]]:
    """Launch intents for what was claimed: rows first, processes after the commit."""
    claims = [(model, ti) for model in models for ti in model.unsaved.claims]
    intents = [_intent(model, ti, writer, now) for model, ti in claims]
    ids = attempts.insert_intents(tx, intents, now=now, lease_seconds=writer.attempt_lease_seconds)
    launches = []
    for (model, ti), row, attempt_id in zip(claims, intents, ids, strict=True):
        ti.attempt_id = attempt_id
        known = {name: row[name] for name in Attempt.__slots__ if name in row}
        attempt = Attempt(id=attempt_id, **known)
        model.attempts[attempt_id] = attempt
        limits = f"{writer.parallelism} {writer.slots.get(attempt.executor, 0)}"
        model.record("claim", now, limits, ti.id, attempt_id)
        launches.append((model, attempt))
    return launches


def _intent(model: RunModel, ti: TaskInstance, writer: Writer, now: datetime) -> dict[str, Any]:
    assert ti.id is not None
    assert writer.owner is not None  # only schedulers claim
    tries = model.tries.setdefault(ti.id, Tries())
    tries.in_try = tries.in_try + 1 if tries.try_number == ti.try_number else 1
    tries.try_number = ti.try_number
    tries.generation += 1
    spec = model.version.plan.tasks[ti.task_id].spec
    return {
        "task_instance_id": ti.id,
        "run_pk": model.pk,
        "try_number": ti.try_number,
        "generation": tries.generation,
        "state": AttemptState.QUEUED,
        "executor": spec.executor or writer.default_executor,
        "owner": writer.owner,
        "queued_at": now,
        "log_file": log_file(model.dag_id, model.facts.run_id, ti, tries),
    }


def _save_attempts(tx: Connection, known: Iterable[Attempt]) -> None:
    """Write what became of attempts."""
    attempts.update_verdicts(
        tx,
        [
            {"pk": attempt.id} | {name: getattr(attempt, name) for name in VERDICT_COLUMNS}
            for attempt in sorted(known, key=lambda attempt: attempt.id)
        ],
    )


def _save_history(
    tx: Connection, models: Sequence[RunModel], *, by_hand: bool, now: datetime
) -> None:
    """What has happened, and last what was begun: it needs what the rest gives back."""
    rows = [row for model in models for row in model.unsaved.history]
    begun = {row["run_pk"] for row in rows if row["event"] == "begin"}
    for model in models:
        _record_ends(model, by_hand=by_hand, now=now)
        was_running = model.stored_state is DagRunState.RUNNING or model.pk in begun
        if was_running and model.facts.state is not DagRunState.RUNNING:
            model.record("over", now, model.facts.state.value)

    def place(row: dict[str, Any]) -> int:
        if row["event"] == "claim":
            return 2
        at_once = row["event"] == "over" and row["run_pk"] in begun  # nothing to do in it
        return int(row["event"] == "begin" or at_once)

    rows = [row for model in models for row in model.unsaved.history]
    history.add(tx, sorted(rows, key=place))


def _record_ends(model: RunModel, *, by_hand: bool, now: datetime) -> None:
    """What happened to instances beside the ends of their attempts."""
    told = {
        (row["task_instance_id"], row["detail"])
        for row in model.unsaved.history
        if row["event"] == "finish"
    }
    for ti, state in model.unsaved.ends:
        if (ti.id, state.value) not in told:
            ended, went_on = ("mark", "clear") if by_hand else ("end", "resume")
            event = ended if state in FINISHED_STATES else went_on
            model.record(event, now, state.value, ti.id)
