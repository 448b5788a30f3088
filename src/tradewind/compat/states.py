"""`airflow.utils.state`: the states as enumerations, and `State`, which has them all."""

from __future__ import annotations

from typing import ClassVar

from tradewind.core.states import DagRunState, TaskInstanceState

__all__ = ["DagRunState", "State", "TaskInstanceState"]

_T = TaskInstanceState


class State:
    """All states under one name. `NONE` is Python's None here, as in Airflow."""

    NONE = None
    SUCCESS = _T.SUCCESS
    RUNNING = _T.RUNNING
    FAILED = _T.FAILED
    REMOVED = _T.REMOVED
    SCHEDULED = _T.SCHEDULED
    QUEUED = _T.QUEUED
    RESTARTING = _T.RESTARTING
    UP_FOR_RETRY = _T.UP_FOR_RETRY
    UP_FOR_RESCHEDULE = _T.UP_FOR_RESCHEDULE
    UPSTREAM_FAILED = _T.UPSTREAM_FAILED
    SKIPPED = _T.SKIPPED
    DEFERRED = _T.DEFERRED

    finished_dr_states: ClassVar[frozenset[DagRunState]] = frozenset(
        {DagRunState.SUCCESS, DagRunState.FAILED}
    )
    unfinished_dr_states: ClassVar[frozenset[DagRunState]] = frozenset(
        {DagRunState.QUEUED, DagRunState.RUNNING}
    )
    task_states: ClassVar[tuple[TaskInstanceState | None, ...]] = (
        None,
        *(state for state in _T if state is not _T.NONE),
    )
    dag_states: ClassVar[tuple[DagRunState, ...]] = (
        DagRunState.QUEUED,
        DagRunState.SUCCESS,
        DagRunState.RUNNING,
        DagRunState.FAILED,
    )
    finished: ClassVar[frozenset[TaskInstanceState]] = frozenset(
        {_T.SUCCESS, _T.FAILED, _T.SKIPPED, _T.UPSTREAM_FAILED, _T.REMOVED}
    )
    unfinished: ClassVar[frozenset[TaskInstanceState | None]] = frozenset(task_states) - finished
    failed_states: ClassVar[frozenset[TaskInstanceState]] = frozenset(
        {_T.FAILED, _T.UPSTREAM_FAILED}
    )
    success_states: ClassVar[frozenset[TaskInstanceState]] = frozenset({_T.SUCCESS, _T.SKIPPED})
