"""The runs that this scheduler leases, in memory: read from rows once, then moved by events.

A model is only ever as new as its `revision`. Whoever fails to store a change drops the model and
reads it again; nothing is repaired in place.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tradewind.core import dag as documents
from tradewind.core.protocol import AssetEvent
from tradewind.core.runs.changes import Changes
from tradewind.core.runs.instances import Past, RunFacts, TaskInstance
from tradewind.core.runs.plan import DagPlan
from tradewind.core.runs.run import Run
from tradewind.core.states import (
    FINISHED_STATES,
    AttemptState,
    DagRunState,
    DagRunType,
    TaskInstanceState,
)
from tradewind.store import asset_events, attempts, runs, task_instances
from tradewind.store.engine import AnyRow

_VERSIONS_KEPT = 256
_TOLD = FINISHED_STATES | {TaskInstanceState.DEFERRED}  # leaving them is history
_HISTORY_COLUMNS = ("run_pk", "task_instance_id", "attempt_id", "event", "at", "detail")


@dataclass(frozen=True, slots=True)
class Version:
    """A DAG version: its document, and the indexes made of it."""

    id: int
    number: int
    dag: documents.SerializedDag
    plan: DagPlan


@dataclass(slots=True, eq=False)
class Attempt:
    """A row of `attempt`, as far as it still matters."""

    id: int
    task_instance_id: int
    run_pk: int
    try_number: int
    generation: int
    executor: str
    owner: str
    log_file: str
    state: AttemptState = AttemptState.QUEUED
    launched_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    category: str | None = None
    reason: str | None = None
    hostname: str | None = None
    pid: int | None = None
    exit_code: int | None = None
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None


@dataclass(slots=True)
class Tries:
    """How often an instance was attempted: in all, and in its last try."""

    generation: int = 0
    try_number: int = 0
    in_try: int = 0


@dataclass(slots=True)
class Report:
    """Something that happened to an attempt or a deferred instance, on its way into a model.

    `inbox_id`: the inbox row that it came in, if it came from another process.
    """

    kind: str  # started, finished, lost, trigger_event
    at: datetime
    attempt_id: int | None = None
    task_instance_id: int | None = None
    payload: Any = None
    inbox_id: int | None = None

    @property
    def is_end(self) -> bool:
        """Whether it is an attempt's last word."""
        return self.kind in ("finished", "lost")


@dataclass(slots=True, eq=False)
class Unsaved:
    """What has moved in a model since it was last stored."""

    changes: Changes = field(default_factory=Changes)
    claims: list[TaskInstance] = field(default_factory=list)  # without an attempt yet
    # Instances that came to an end, left one, or wait no longer, and the state that they went to:
    ends: list[tuple[TaskInstance, TaskInstanceState]] = field(default_factory=list)
    attempts: dict[int, Attempt] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changes or self.claims or self.attempts or self.history or self.reports)


class RunModel:
    """One run with all that the scheduler knows of it."""

    def __init__(self, row: AnyRow, version: Version, run: Run) -> None:
        self.pk: int = row.id
        self.row = row
        self.revision: int = row.revision
        self.version = version
        self.run = run
        self.by_id: dict[int, TaskInstance] = {}
        self.attempts: dict[int, Attempt] = {}  # the live ones
        self.tries: dict[int, Tries] = {}
        self.consumed: list[AssetEvent] = []
        self.unsaved = Unsaved()
        self._held: dict[int, TaskInstanceState] = {}  # by id(instance), as counted
        self.stored_state = DagRunState(row.state)
        self.counted_running = row.state == DagRunState.RUNNING and row.backfill_id is None
        for ti in run.instances():
            if ti.id is not None:
                self.by_id[ti.id] = ti
                self._held[id(ti)] = ti.state

    @property
    def facts(self) -> RunFacts:
        return self.run.facts

    @property
    def dag_id(self) -> str:
        return self.run.facts.dag_id

    @property
    def is_active(self) -> bool:
        return self.facts.state in (DagRunState.QUEUED, DagRunState.RUNNING)

    def collect(self) -> None:
        """Move what the run has changed over to what is unsaved."""
        fresh = self.run.take_changes()
        if fresh:
            self.add(fresh)

    def add(self, fresh: Changes) -> None:
        """Have these changes stored."""
        unsaved = self.unsaved.changes
        known = {id(ti) for ti in (*unsaved.new, *unsaved.changed)}
        unsaved.new += fresh.new
        unsaved.changed += [ti for ti in fresh.changed if id(ti) not in known]
        unsaved.run_changed = unsaved.run_changed or fresh.run_changed
        unsaved.effects += fresh.effects

    def take_held(self, ti: TaskInstance) -> tuple[TaskInstanceState, TaskInstanceState]:
        """The state that the counters counted the instance in, and the one from now on."""
        before = self._held.get(id(ti), TaskInstanceState.NONE)
        self._held[id(ti)] = ti.state
        if before is not ti.state and (before in _TOLD or ti.state in FINISHED_STATES):
            self.unsaved.ends.append((ti, ti.state))
        return before, ti.state

    def stored(self, new: Iterable[TaskInstance]) -> None:
        """These instances have got their ids."""
        for ti in new:
            assert ti.id is not None
            self.by_id[ti.id] = ti

    def take_running_step(self) -> int:
        """By how much the DAG's number of running runs moves."""
        running = self.facts.state is DagRunState.RUNNING and self.row.backfill_id is None
        before, self.counted_running = self.counted_running, running
        return running - before

    def note(self, attempt: Attempt, event: str, at: datetime, detail: str | None = None) -> None:
        """Write history, and the attempt's row with it."""
        self.unsaved.attempts[attempt.id] = attempt
        self.record(event, at, detail, attempt.task_instance_id, attempt.id)

    def record(
        self,
        event: str,
        at: datetime,
        detail: str | None = None,
        task_instance_id: int | None = None,
        attempt_id: int | None = None,
    ) -> None:
        """Write history."""
        row = (self.pk, task_instance_id, attempt_id, event, at, detail)
        self.unsaved.history.append(dict(zip(_HISTORY_COLUMNS, row, strict=True)))


class Documents:
    """DAG versions by id, decoded and indexed once, the least recently used ones forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Version] = OrderedDict()

    def of_version(self, tx: Connection, version_id: int) -> Version:
        return self.of_versions(tx, [version_id])[version_id]

    def of_versions(self, tx: Connection, version_ids: Iterable[int]) -> dict[int, Version]:
        wanted = set(version_ids)
        missing = wanted - self._kept.keys()
        if missing:
            for row in runs.versions(tx, missing):
                dag = documents.decode(row.document)
                self._kept[row.id] = Version(row.id, row.number, dag, DagPlan(dag))
        found = {version_id: self._kept[version_id] for version_id in wanted}
        for version_id in wanted:
            self._kept.move_to_end(version_id)
        while len(self._kept) > _VERSIONS_KEPT:
            self._kept.popitem(last=False)
        return found


def load(
    tx: Connection, pks: Collection[int], known: Documents, *, infra_budget: int
) -> list[RunModel]:
    """Read these runs. One that has no instances yet gets them, unsaved."""
    if not pks:
        return []
    rows = runs.by_pks(tx, pks)
    versions = known.of_versions(tx, {row.version_id for row in rows})
    instances = task_instances.of_runs(tx, pks)
    depending = [row for row in rows if versions[row.version_id].plan.past_task_ids]
    pasts = read_pasts(tx, depending, versions)
    models = {
        row.id: RunModel(
            row,
            versions[row.version_id],
            _build(row, versions[row.version_id], instances[row.id], pasts, infra_budget),
        )
        for row in rows
    }
    for row in attempts.live_of_runs(tx, pks):
        models[row.run_pk].attempts[row.id] = _attempt(row)
    for row in attempts.counts(tx, pks):
        tries = models[row.run_pk].tries.setdefault(row.task_instance_id, Tries())
        if row.generation > tries.generation:
            tries.generation = row.generation
            tries.try_number, tries.in_try = row.try_number, row.attempts
    for model in models.values():
        if model.facts.run_type is DagRunType.ASSET_TRIGGERED:
            model.consumed = asset_events.consumed_by(tx, model.pk)
        model.collect()
    return list(models.values())


def _build(
    row: AnyRow,
    version: Version,
    instances: list[TaskInstance],
    pasts: dict[int, Past | None],
    infra_budget: int,
) -> Run:
    facts = RunFacts(
        dag_id=row.dag_id,
        run_id=row.run_id,
        run_type=DagRunType(row.run_type),
        state=DagRunState(row.state),
        logical_date=row.logical_date,
        start_date=row.start_date,
        end_date=row.end_date,
        queued_at=row.queued_at,
    )
    past = pasts.get(row.id)
    if instances:
        return Run(version.plan, facts, instances, past, infra_budget=infra_budget)
    return Run.create(version.plan, facts, past, infra_budget=infra_budget)


def _attempt(row: AnyRow) -> Attempt:
    values = {name: getattr(row, name) for name in Attempt.__slots__}
    values["state"] = AttemptState(row.state)
    return Attempt(**values)


# --- the run before ----------------------------------------------------------------------------


def read_pasts(
    tx: Connection, rows: Collection[AnyRow], versions: dict[int, Version]
) -> dict[int, Past | None]:
    """What came before each of these runs, for tasks that depend on it; None: nothing did.

    Airflow's choice: with catchup the previous run that no person triggered, else the previous one
    of any kind; and the first run of a backfill depends on nothing.
    """
    if not rows:
        return {}
    in_backfill = [row.id for row in rows if row.backfill_id is not None]
    firsts = runs.first_of_backfills(tx, in_backfill) if in_backfill else set()
    return {
        row.id: None if row.id in firsts else _read_past(tx, row, versions[row.version_id])
        for row in rows
    }


def _read_past(tx: Connection, row: AnyRow, version: Version) -> Past | None:
    if row.logical_date is None:
        return None
    before = runs.previous(tx, row.dag_id, row.logical_date, without_manual=version.dag.catchup)
    if before is None:
        return None
    wanted = version.plan.past_task_ids
    states = task_instances.states_in_run(tx, before.id, wanted)
    if not states and before.state == DagRunState.QUEUED:  # its instances are made when it starts
        states = {task_id: [TaskInstanceState.NONE] for task_id in wanted}
    return Past(
        logical_date=before.logical_date,
        states=states,
        known_before=task_instances.known_before(tx, row.dag_id, row.logical_date, wanted),
    )
