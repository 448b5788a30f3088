"""What a decision leads to: instances to store and effects for the shell to carry out."""

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from tradewind.core.protocol import Json, OutletEvent, XComValue
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.states import DagRunState, TaskInstanceState


class _Effect(msgspec.Struct, frozen=True, eq=False):
    pass


class CancelAttempt(_Effect, frozen=True):
    """End the attempt's process. It is fenced as well, unless the instance is `restarting`."""

    ti: TaskInstance
    attempt_id: int
    reason: str


class StoreXComs(_Effect, frozen=True):
    ti: TaskInstance
    xcoms: list[XComValue]


class ClearXComs(_Effect, frozen=True):
    """The instance starts over: what its earlier attempts pushed goes first."""

    ti: TaskInstance


class KeepOutcome(_Effect, frozen=True):
    """The instance starts over: how it had ended stays in its history, where no attempt of this try
    says so (it was skipped or failed with its upstream, or there was nothing to run)."""

    ti: TaskInstance
    outcome: TaskInstanceState
    reason: str | None
    ended_at: datetime


class EmitAssetEvents(_Effect, frozen=True):
    ti: TaskInstance
    events: list[OutletEvent]


class CreateTrigger(_Effect, frozen=True):
    """The instance waits for this trigger. At most one trigger belongs to an instance."""

    ti: TaskInstance
    classpath: str
    kwargs: dict[str, Json]


class DeleteTrigger(_Effect, frozen=True):
    """The instance no longer waits for its trigger (it fired, timed out, or the wait was ended)."""

    ti: TaskInstance


class RunCallbacks(_Effect, frozen=True):
    """Run callbacks that no attempt will run itself. Without `ti`: the DAG's.

    `kinds` are names that the task or DAG really has callbacks for: "on_failure", "on_retry",
    "on_success".
    """

    ti: TaskInstance | None
    kinds: list[str]
    reason: str


class RunFinished(_Effect, frozen=True):
    """The run ended. `reason`: "success", "task_failure", "all_tasks_deadlocked", "timed_out"."""

    state: DagRunState
    reason: str


Effect = (
    CancelAttempt
    | StoreXComs
    | ClearXComs
    | KeepOutcome
    | EmitAssetEvents
    | CreateTrigger
    | DeleteTrigger
    | RunCallbacks
    | RunFinished
)


@dataclass(slots=True)
class Changes:
    """`new` have no row yet, `changed` have; neither holds an instance twice. Effects are in order.

    A new mapped instance may take over the row of the unexpanded one (its map index changes from -1
    to 0), so store `changed` before `new`.
    """

    new: list[TaskInstance] = field(default_factory=list)
    changed: list[TaskInstance] = field(default_factory=list)
    run_changed: bool = False
    effects: list[Effect] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.run_changed or self.effects)
