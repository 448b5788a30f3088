"""How operators, sensors and triggers ask the control plane about other DAGs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tradewind.core.protocol import (
    CountDagRuns,
    CountReply,
    CountTaskInstances,
    GetTaskStates,
    Reply,
    Request,
    TaskStatesReply,
)
from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.sdk.comms import get_channel
from tradewind.sdk.exceptions import NotInTaskContext
from tradewind.sdk.off_loop import off_loop

Answer = TypeVar("Answer", bound=Reply)


def ask(message: Request, expected: type[Answer]) -> Answer:
    """Ask and wait. Raises what the channel raises, and NotInTaskContext where there is none."""
    channel = get_channel()
    if channel is None:
        raise NotInTaskContext(
            f"{type(message).__name__} needs the control plane, and this process has no way to it.",
            hint="Only a running task or trigger may ask; `tradewind dags test` runs one.",
        )
    reply = channel.request(message)
    if not isinstance(reply, expected):
        raise TypeError(f"{type(message).__name__} was answered by {type(reply).__name__}")
    return reply


async def ask_from_loop(message: Request, expected: type[Answer]) -> Answer:
    """`ask` for triggers: others in the same event loop go on meanwhile."""
    return await off_loop(ask, message, expected)


@dataclass(frozen=True)
class Target:
    """What an ExternalTaskSensor waits for: tasks, a task group, or whole runs of a DAG.

    The runs are named by `logical_dates` or by `run_ids`.
    """

    dag_id: str
    task_ids: Sequence[str] | None = None
    task_group_id: str | None = None
    logical_dates: Sequence[datetime] | None = None
    run_ids: Sequence[str] | None = None

    @property
    def runs(self) -> int:
        """In how many runs it is looked for."""
        return len(self.run_ids or self.logical_dates or ())

    def question(self, states: Collection[str]) -> Request:
        """To be answered, through `count`, by how many runs it is in one of these states."""
        dates = list(self.logical_dates) if self.logical_dates else None
        runs = list(self.run_ids) if self.run_ids else None
        if self.task_ids:
            return CountTaskInstances(
                dag_id=self.dag_id,
                task_ids=list(self.task_ids),
                logical_dates=dates,
                run_ids=runs,
                states=[TaskInstanceState(state) for state in states],
            )
        if self.task_group_id:
            return GetTaskStates(
                dag_id=self.dag_id,
                task_group_id=self.task_group_id,
                logical_dates=dates,
                run_ids=runs,
            )
        return CountDagRuns(
            dag_id=self.dag_id,
            logical_dates=dates,
            run_ids=runs,
            states=[DagRunState(state) for state in states],
        )

    def count(self, reply: Reply, states: Collection[str]) -> float:
        """In how many runs it is there; a fraction when only some of several tasks are."""
        if isinstance(reply, TaskStatesReply):
            wanted = set(states)
            per_run = [set(tasks.values()) for tasks in reply.states.values()]
            return sum(1 for found in per_run if found and found <= wanted)
        if not isinstance(reply, CountReply):
            raise TypeError(f"a count was answered by {type(reply).__name__}")
        return reply.count / len(self.task_ids) if self.task_ids else reply.count
