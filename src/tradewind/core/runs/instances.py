"""Task instances, run facts and the previous run, as the scheduling decisions see them.

`TaskInstance` and `RunFacts` are mutable: `core.runs.run.Run` moves them and reports what it
touched. The shell fills them from rows and writes them back.
"""

from datetime import datetime

import msgspec

from tradewind.core.protocol import Resume
from tradewind.core.states import DagRunState, DagRunType, TaskInstanceState


class TaskInstance(msgspec.Struct, kw_only=True, eq=False):
    """One instance of a task in a run; fields are columns of `task_instance`. Equal only to itself.

    `try_number` is 0 until the instance is first scheduled. A deferral, a reschedule and an attempt
    lost to the infrastructure keep it. `wake_at` is when a wait (retry, reschedule, deferral
    time-out) ends. `skips`: the task ids that it, as a branch or short circuit, did not follow.
    `mapped_length` of an instance of a mapped task is 1 when it pushed a return value.
    """

    task_id: str
    map_index: int = -1
    id: int | None = None  # None: not stored yet
    state: TaskInstanceState = TaskInstanceState.NONE
    try_number: int = 0
    max_tries: int = 0
    infra_failures: int = 0
    attempt_id: int | None = None
    scheduled_at: datetime | None = None
    queued_at: datetime | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    first_start_date: datetime | None = None
    wake_at: datetime | None = None
    resume: Resume | None = None
    mapped_length: int | None = None
    skips: list[str] | None = None
    rendered_map_index: str | None = None
    reason: str | None = None

    @property
    def label(self) -> str:
        """How people name it: the task id, with the map index in brackets when it has one."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


class RunFacts(msgspec.Struct, kw_only=True, eq=False):
    """What decisions need of a row of `dag_run`. `Run` moves `state`, `start_date`, `end_date`."""

    dag_id: str
    run_id: str
    run_type: DagRunType
    state: DagRunState = DagRunState.QUEUED
    logical_date: datetime | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    queued_at: datetime | None = None


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """The run before this one, for depends_on_past and wait_for_downstream.

    Which run that is, is the shell's matter (Airflow: with catchup the previous scheduled run, else
    the previous by logical date). No `Past` at all means that nothing came before, and so does the
    first run of a backfill.

    `states`: task id → the states of all its instances in that run (absent: it had none); needed
    for `DagPlan.past_task_ids` only. `known_before`: tasks that have one in any earlier run.
    """

    logical_date: datetime | None = None
    states: dict[str, list[TaskInstanceState]] = msgspec.field(default_factory=dict)
    known_before: frozenset[str] = frozenset()
