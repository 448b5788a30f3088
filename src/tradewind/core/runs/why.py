"""Why is this instance not running? Answered from the predicates that the scheduler itself uses."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from tradewind.core.runs.board import Board
from tradewind.core.runs.decisions import Cause, decide, rule_tally
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.runs.mapping import upstream_indexes
from tradewind.core.runs.plan import Relation
from tradewind.core.runs.ready import Lane, lane_of
from tradewind.core.runs.run import Run
from tradewind.core.runs.trigger_rules import Verdict
from tradewind.core.states import FINISHED_STATES, DagRunState, TaskInstanceState

S = TaskInstanceState
_NAMED = 5  # how many blocking instances a sentence names


class PoolUse(msgspec.Struct, frozen=True, kw_only=True):
    """`slots` -1: no limit."""

    slots: int
    occupied: int


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What the shell knows and a run does not. `executor_free`: executor name → free slots; None is
    the default executor. `occupied_per_dag`: instances of the task that hold a slot in any run.
    """

    now: datetime
    run_after: datetime | None = None
    is_paused: bool = False
    active_runs: int = 0
    pools: Mapping[str, PoolUse] = msgspec.field(default_factory=dict)
    executor_free: Mapping[str | None, int] = msgspec.field(default_factory=dict)
    occupied_per_dag: int = 0


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """`code` is stable; `message` is a sentence; `until`: when the wait ends by itself."""

    code: str
    message: str
    until: datetime | None = None


def why(run: Run, ti: TaskInstance, world: World) -> list[Reason]:
    """Everything that keeps the instance from running, the first thing to look at first.

    Empty when nothing does: it is about to be claimed.
    """
    if ti.state in FINISHED_STATES:
        detail = f": {ti.reason}" if ti.reason else ""
        return [Reason(code="finished", message=f"It has ended as {ti.state}{detail}.")]
    return [*why_run(run, world), *_instance_reasons(run, ti, world)]


def why_run(run: Run, world: World) -> list[Reason]:
    """What keeps the run itself from going on, and so all of its tasks."""
    reasons = []
    facts, limit = run.facts, run.plan.dag.max_active_runs
    if world.is_paused:
        reasons.append(Reason(code="dag_paused", message="The DAG is paused."))
    if facts.state is DagRunState.QUEUED:
        if world.run_after is not None and world.run_after > world.now:
            message = f"The run is not due before {world.run_after}."
            reasons.append(Reason(code="run_not_due", message=message, until=world.run_after))
        elif world.active_runs >= limit:
            message = f"The run is queued: {world.active_runs} of {limit} active runs are going on."
            reasons.append(Reason(code="max_active_runs", message=message))
        else:
            reasons.append(Reason(code="run_queued", message="The run has not begun yet."))
    elif facts.state is not DagRunState.RUNNING:
        message = f"The run has ended as {facts.state}; what was undecided then stays so."
        reasons.append(Reason(code="run_finished", message=message))
    return reasons


def _instance_reasons(run: Run, ti: TaskInstance, world: World) -> list[Reason]:
    match ti.state:
        case S.RUNNING:
            return [Reason(code="running", message=f"It runs since {_clock(ti.start_date)}.")]
        case S.QUEUED:
            message = f"Its process is being launched since {_clock(ti.queued_at)}."
            return [Reason(code="queued", message=message)]
        case S.RESTARTING:
            message = "It was cleared while it ran; it starts again when its process is gone."
            return [Reason(code="restarting", message=message)]
        case S.DEFERRED:
            message = "It is deferred: it waits for its trigger."
            return [Reason(code="deferred", message=message, until=ti.wake_at)]
        case S.SCHEDULED if ti.wake_at is not None and ti.wake_at > world.now:
            message = f"It starts again at {_clock(ti.wake_at)}, because its last process was lost"
            message += f": {ti.reason}" if ti.reason else "."
            return [Reason(code="infra_lost", message=message, until=ti.wake_at)]
        case S.SCHEDULED:
            return _limit_reasons(run, ti, world)
    if ti.wake_at is not None and ti.wake_at > world.now:
        what = "try" if ti.state is S.UP_FOR_RETRY else "poke"
        message = f"Its next {what} is due at {_clock(ti.wake_at)}."
        return [Reason(code=str(ti.state), message=message, until=ti.wake_at)]
    return _decision_reasons(run, ti)


def _decision_reasons(run: Run, ti: TaskInstance) -> list[Reason]:
    """Ask the engine's own decision about an instance that has not been scheduled."""
    reasons = []
    objection = run.gate.objection(ti.task_id)
    if objection is not None:
        message = f"It depends on the past, and {objection}."
        reasons.append(Reason(code="depends_on_past", message=message))
    verdict, cause = decide(run.board, run.gate, ti)
    if verdict is Verdict.WAIT and cause is not Cause.PAST:
        reasons.append(_upstream_reason(run, ti, cause))
    return reasons


def _upstream_reason(run: Run, ti: TaskInstance, cause: Cause) -> Reason:
    board, plan = run.board, run.plan.tasks[ti.task_id]
    if cause is Cause.TRIGGER_RULE:
        tally = rule_tally(board, ti)
        blockers = _name(_unfinished(board, ti, plan.watched[Relation.UPSTREAM].task_ids))
        message = (
            f"Its trigger rule {plan.spec.trigger_rule} is not met: {tally.done} of"
            f" {tally.expected} upstream instances are done{blockers}."
        )
        return Reason(code="upstream", message=message)
    if cause is Cause.SETUPS:
        blockers = _name(_unfinished(board, ti, plan.watched[Relation.SETUP].task_ids))
        return Reason(code="setups", message=f"A setup that it needs has not succeeded{blockers}.")
    if cause is Cause.SCOPE:
        blockers = _name(_unfinished(board, ti, plan.watched[Relation.SCOPE].task_ids))
        message = f"Tasks between its setup and this teardown are not done{blockers}."
        return Reason(code="scope", message=message)
    return Reason(code="producers", message="What it is mapped over was removed.")


def _unfinished(board: Board, ti: TaskInstance, task_ids: Iterable[str]) -> Iterable[str]:
    """Labels of what is not done among the instances that concern this one."""
    for task_id in task_ids:
        instances = board.nodes[task_id].instances
        if not instances:
            yield f"{task_id} (no instance in this run)"
        concerned = upstream_indexes(board.plan, board.lengths, ti.task_id, ti.map_index, task_id)
        wanted = [concerned] if isinstance(concerned, int) else concerned
        for map_index, other in instances.items():
            if other.state not in FINISHED_STATES and (
                wanted is None or map_index < 0 or map_index in wanted
            ):
                yield f"{other.label} ({'not started' if other.state is S.NONE else other.state})"


def _name(labels: Iterable[str]) -> str:
    """The first few of them, as the end of a sentence."""
    found = list(labels)
    if not found:
        return ""
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"; it waits for {', '.join(found[:_NAMED])}{more}"


def _limit_reasons(run: Run, ti: TaskInstance, world: World) -> list[Reason]:
    """Ready, but held back by limits: those of the run, the pool, the task, the executor."""
    node = run.board.nodes[ti.task_id]
    spec, lane = node.plan.spec, lane_of(node)
    reasons = _pool_reasons(lane, world)
    occupying, room = run.occupying(), run.plan.dag.max_active_tasks
    limits = [
        ("max_active_tasks", room, occupying, "the run's instances"),
        ("max_active_tis_per_dagrun", spec.max_active_tis_per_dagrun, node.active, "this task's"),
        (
            "max_active_tis_per_dag",
            spec.max_active_tis_per_dag,
            world.occupied_per_dag,
            "this task's, over all runs,",
        ),
    ]
    for code, limit, used, whose in limits:
        if limit is not None and used >= limit:
            message = f"{used} of {limit} {whose} are active ({code})."
            reasons.append(Reason(code=code, message=message))
    if world.executor_free.get(lane.executor, 1) <= 0:
        name = lane.executor or "default"
        message = f"The {name} executor has no free slot."
        reasons.append(Reason(code="executor_full", message=message))
    return reasons


def _pool_reasons(lane: Lane, world: World) -> list[Reason]:
    pool = world.pools.get(lane.pool)
    if pool is None:
        message = f"The pool {lane.pool} does not exist."
        return [Reason(code="pool_missing", message=message)]
    if pool.slots < 0:
        return []
    if lane.pool_slots > pool.slots:
        message = f"It needs {lane.pool_slots} slots, but pool {lane.pool} has {pool.slots} in all."
        return [Reason(code="pool_too_small", message=message)]
    if pool.occupied + lane.pool_slots > pool.slots:
        message = (
            f"The pool {lane.pool} is full ({pool.occupied}/{pool.slots} slots taken,"
            f" {lane.pool_slots} needed)."
        )
        return [Reason(code="pool_full", message=message)]
    return []


def _clock(when: datetime | None) -> str:
    return when.isoformat(sep=" ", timespec="seconds") if when is not None else "an unknown time"
