"""Clearing and marking by hand: which instances it concerns, and what becomes of each.

Works on a run's instances as stored; the scheduler reads the run again afterwards. A dry run is
`select` alone. Past and future runs are the shell's: it repeats the request for each.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import msgspec

from tradewind.core.runs.board import Board
from tradewind.core.runs.changes import (
    CancelAttempt,
    Changes,
    DeleteTrigger,
    KeepOutcome,
    RunFinished,
)
from tradewind.core.runs.instances import RunFacts, TaskInstance
from tradewind.core.runs.mapping import upstream_indexes
from tradewind.core.runs.plan import DagPlan
from tradewind.core.states import (
    FINISHED_STATES,
    OCCUPYING_STATES,
    DagRunState,
    TaskInstanceState,
)

S = TaskInstanceState
_FAILED = frozenset({S.FAILED, S.UPSTREAM_FAILED})
_STARTED = frozenset({S.RUNNING, S.DEFERRED, S.UP_FOR_RESCHEDULE})
_FINISHED_RUN = frozenset({DagRunState.SUCCESS, DagRunState.FAILED})


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Which instances a person means. `task_ids` None: all tasks.

    `map_indexes`: task id → only these of its instances; relatives in the same mapped group are
    then meant at the same index only. `only_failed` includes upstream_failed; both only: either.
    """

    task_ids: frozenset[str] | None = None
    map_indexes: Mapping[str, Collection[int]] = msgspec.field(default_factory=dict)
    upstream: bool = False
    downstream: bool = False
    only_failed: bool = False
    only_running: bool = False


def select(
    plan: DagPlan, instances: Iterable[TaskInstance], request: Request
) -> list[TaskInstance]:
    """What `clear` would clear, in the DAG's order.

    A task brings the setups that it needs and their teardowns along, a setup its teardowns.
    """
    board = Board(plan, instances)
    if request.task_ids is None:
        chosen: dict[str, set[int] | None] = dict.fromkeys(plan.tasks)
    else:
        chosen = _relatives(board, request)
        for task_id in _setups_along(plan, request):
            chosen[task_id] = None
    states = _FAILED if request.only_failed else frozenset()
    if request.only_running:
        states |= {S.RUNNING}
    return [ti for ti in _instances(board, chosen) if not states or ti.state in states]


def clear(
    plan: DagPlan,
    facts: RunFacts,
    instances: Iterable[TaskInstance],
    request: Request,
    now: datetime,
) -> Changes:
    """Set what `select` finds back to the start, and a finished run back to queued.

    What holds a slot becomes `restarting`: it starts again once its process is gone. Try numbers go
    on counting; each task's retries count from here.
    """
    return _clear(plan, facts, select(plan, instances, request), now)


def _clear(
    plan: DagPlan, facts: RunFacts, chosen: Iterable[TaskInstance], now: datetime
) -> Changes:
    changes = Changes()
    for ti in chosen:
        ti.max_tries = ti.try_number + plan.tasks[ti.task_id].spec.retries
        if ti.state in OCCUPYING_STATES and ti.attempt_id is not None:
            ti.state = S.RESTARTING
            changes.effects.append(CancelAttempt(ti, ti.attempt_id, "cleared while it ran"))
        else:
            _leave(ti, changes, "cleared")
            if ti.state in FINISHED_STATES:
                changes.effects.append(KeepOutcome(ti, ti.state, ti.reason, ti.end_date or now))
            ti.state = S.NONE
            ti.start_date = ti.end_date = ti.first_start_date = ti.reason = None
        changes.changed.append(ti)
    if changes.changed:
        facts.queued_at = now
        changes.run_changed = True
        if facts.state in _FINISHED_RUN:
            facts.state = DagRunState.QUEUED
            facts.start_date = facts.end_date = None
    return changes


def select_for_mark(
    plan: DagPlan,
    instances: Iterable[TaskInstance],
    request: Request,
    state: TaskInstanceState,
) -> list[TaskInstance]:
    """What `mark` would change: no setups along, and no teardowns among the descendants."""
    board = Board(plan, instances)
    chosen: dict[str, set[int] | None] = dict.fromkeys(plan.tasks)
    if request.task_ids is not None:
        chosen = _relatives(board, request)
        for task_id in list(chosen):
            if task_id not in request.task_ids and plan.tasks[task_id].spec.is_teardown:
                del chosen[task_id]
    return [ti for ti in _instances(board, chosen) if ti.state is not state]


def mark(
    plan: DagPlan,
    facts: RunFacts,
    instances: Iterable[TaskInstance],
    request: Request,
    state: TaskInstanceState,
    now: datetime,
) -> Changes:
    """Set instances to success, failed or skipped, and clear what failed after the named tasks.

    Their processes are ended. The run goes on only if something was cleared, as in Airflow.
    """
    instances = list(instances)
    changes = Changes()
    for ti in select_for_mark(plan, instances, request, state):
        _end(ti, state, now, f"marked {state} by hand", changes)
    named = request.task_ids if request.task_ids is not None else frozenset(plan.tasks)
    marked = {id(ti) for ti in changes.changed}
    failed_after = [
        ti
        for ti in select(
            plan, instances, Request(task_ids=named, downstream=True, only_failed=True)
        )
        if ti.task_id not in named and id(ti) not in marked
    ]
    cleared = _clear(plan, facts, failed_after, now)
    changes.changed += cleared.changed
    changes.effects += cleared.effects
    changes.run_changed = cleared.run_changed
    return changes


def mark_run(
    plan: DagPlan,
    facts: RunFacts,
    instances: Iterable[TaskInstance],
    state: DagRunState,
    now: datetime,
) -> Changes:
    """End a run by hand as success or failed; cancelling it is marking it failed.

    What has started takes the run's state, what has not is skipped, what is finished stays.
    Teardowns are left to run, and the run goes on until they have.
    """
    changes = Changes()
    started = S.SUCCESS if state is DagRunState.SUCCESS else S.FAILED
    teardown_pending = False
    for ti in instances:
        if ti.state in FINISHED_STATES:
            continue
        if plan.tasks[ti.task_id].spec.is_teardown:
            teardown_pending = True
            continue
        end = started if ti.state in _STARTED else S.SKIPPED
        _end(ti, end, now, f"the run was marked {state} by hand", changes)
    if not teardown_pending and facts.state is not state:
        facts.state = state
        facts.start_date = facts.start_date or now
        facts.end_date = now
        changes.run_changed = True
        changes.effects.append(RunFinished(state, "marked"))
    return changes


def _relatives(board: Board, request: Request) -> dict[str, set[int] | None]:
    """Named tasks and their relatives → the map indexes that are meant; None: all."""
    plan = board.plan
    named = request.task_ids or frozenset()
    chosen: dict[str, set[int] | None] = {}
    for task_id in sorted(named & plan.tasks.keys()):
        indexes = request.map_indexes.get(task_id)
        _choose(chosen, task_id, indexes)
        relatives = plan.descendants([task_id]) if request.downstream else set()
        if request.upstream:
            relatives |= plan.ancestors([task_id])
        for relative in relatives:
            if indexes is None:
                _choose(chosen, relative, None)
            for index in indexes or ():
                found = upstream_indexes(plan, board.lengths, task_id, index, relative)
                _choose(chosen, relative, [found] if isinstance(found, int) else found)
    return chosen


def _choose(
    chosen: dict[str, set[int] | None], task_id: str, indexes: Collection[int] | None
) -> None:
    known = chosen.setdefault(task_id, set())
    if indexes is None:
        chosen[task_id] = None
    elif known is not None:
        known.update(indexes)


def _setups_along(plan: DagPlan, request: Request) -> set[str]:
    """Setups and teardowns that must run again with the chosen tasks."""
    named = (request.task_ids or frozenset()) & plan.tasks.keys()
    before = plan.ancestors(named) if request.upstream else set()
    needing = named | (plan.descendants(named) if request.downstream else set())
    along = {
        guard
        for task_id in needing
        if not plan.tasks[task_id].spec.is_setup
        for guard in plan.tasks[task_id].guards
    }
    setups = along | {t for t in before | named if plan.tasks[t].spec.is_setup}
    return along | {teardown for setup in setups for teardown in plan.teardowns_of(setup)}


def _instances(board: Board, chosen: Mapping[str, set[int] | None]) -> list[TaskInstance]:
    return [
        ti
        for task_id, node in board.nodes.items()
        if task_id in chosen
        for ti in node.instances.values()
        if (indexes := chosen[task_id]) is None or ti.map_index in indexes
    ]


def _leave(ti: TaskInstance, changes: Changes, reason: str) -> None:
    """Drop whatever the instance is doing."""
    if ti.attempt_id is not None:
        changes.effects.append(CancelAttempt(ti, ti.attempt_id, reason))
    if ti.state is S.DEFERRED:
        changes.effects.append(DeleteTrigger(ti))
    ti.attempt_id = ti.wake_at = ti.resume = None


def _end(
    ti: TaskInstance, state: TaskInstanceState, now: datetime, reason: str, changes: Changes
) -> None:
    _leave(ti, changes, reason)
    ti.state = state
    ti.start_date = ti.start_date or now
    ti.end_date = now
    ti.reason = reason
    changes.changed.append(ti)
