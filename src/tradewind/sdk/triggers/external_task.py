"""Wait for other DAGs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Any

from tradewind.core.protocol import CountReply, DagRunReply, GetDagRun, TaskStatesReply
from tradewind.sdk.asking import Target, ask_from_loop
from tradewind.sdk.triggers.base import BaseTrigger, TriggerEvent, until


class WorkflowTrigger(BaseTrigger):
    """Fires ``{"status": "success" | "failed" | "skipped"}`` for tasks, a group or runs of a DAG.

    Success when they are in `allowed_states` in all runs that `logical_dates` or `run_ids` name;
    failed or skipped as soon as one is in `failed_states` or `skipped_states`.
    """

    def __init__(
        self,
        external_dag_id: str,
        run_ids: list[str] | None = None,
        execution_dates: list[datetime] | None = None,
        logical_dates: list[datetime] | None = None,
        external_task_ids: Collection[str] | None = None,
        external_task_group_id: str | None = None,
        failed_states: Collection[str] | None = None,
        skipped_states: Collection[str] | None = None,
        allowed_states: Collection[str] | None = None,
        poke_interval: float = 2.0,
        soft_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target = Target(
            dag_id=external_dag_id,
            task_ids=list(external_task_ids) if external_task_ids else None,
            task_group_id=external_task_group_id,
            logical_dates=logical_dates or execution_dates,
            run_ids=run_ids,
        )
        self.allowed_states = list(allowed_states or ())
        self.failed_states = list(failed_states or ())
        self.skipped_states = list(skipped_states or ())
        self.poke_interval = poke_interval
        self.soft_fail = soft_fail

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "tradewind.sdk.triggers.external_task.WorkflowTrigger",
            {
                "external_dag_id": self.target.dag_id,
                "external_task_ids": self.target.task_ids,
                "external_task_group_id": self.target.task_group_id,
                "logical_dates": self.target.logical_dates,
                "run_ids": self.target.run_ids,
                "allowed_states": self.allowed_states,
                "failed_states": self.failed_states,
                "skipped_states": self.skipped_states,
                "poke_interval": self.poke_interval,
                "soft_fail": self.soft_fail,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent({"status": await until(self._status, self.poke_interval)})

    async def _status(self) -> str | None:
        if self.failed_states and await self._count(self.failed_states) > 0:
            return "failed"
        if self.skipped_states and await self._count(self.skipped_states) > 0:
            return "skipped"
        return "success" if await self._count(self.allowed_states) == self.target.runs else None

    async def _count(self, states: list[str]) -> float:
        expected = TaskStatesReply if self.target.task_group_id else CountReply
        reply = await ask_from_loop(self.target.question(states), expected)
        return self.target.count(reply, states)


class DagStateTrigger(BaseTrigger):
    """Fires when the runs of a DAG, named by `run_ids` or `execution_dates`, are in `states`.

    The payload is the trigger's class path and arguments, with each run's state under its run id.
    """

    def __init__(
        self,
        dag_id: str,
        states: list[str],
        run_ids: list[str] | None = None,
        execution_dates: list[datetime] | None = None,
        poll_interval: float = 5.0,
    ) -> None:
        super().__init__()
        self.dag_id = dag_id
        self.states = [str(state) for state in states]
        self.run_ids = run_ids
        self.execution_dates = execution_dates
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "tradewind.sdk.triggers.external_task.DagStateTrigger",
            {
                "dag_id": self.dag_id,
                "states": self.states,
                "run_ids": self.run_ids,
                "execution_dates": self.execution_dates,
                "poll_interval": self.poll_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        states = await until(self._final_states, self.poll_interval)
        path, arguments = self.serialize()
        yield TriggerEvent((path, {**arguments, **states}))

    async def _final_states(self) -> dict[str, str] | None:
        """Run id → state, once all the runs are in one of the states."""
        questions = [GetDagRun(dag_id=self.dag_id, run_id=run_id) for run_id in self.run_ids or ()]
        questions += [
            GetDagRun(dag_id=self.dag_id, logical_date=date) for date in self.execution_dates or ()
        ]
        states: dict[str, str] = {}
        for question in questions:
            run = (await ask_from_loop(question, DagRunReply)).run
            if run is None or run.state not in self.states:
                return None
            states[run.run_id] = str(run.state)
        return states
