"""Runs one task's `execute` in this process: the runner's own context, answers from memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tradewind.core import protocol
from tradewind.core.errors import Conflict, NotFound, UserError
from tradewind.core.protocol import DagSource, Reply, Request, RunInfo, WorkOrder
from tradewind.core.states import DagRunType
from tradewind.runner.task_instance import TaskInstance
from tradewind.sdk import serde
from tradewind.sdk.comms import set_channel
from tradewind.sdk.context import running_in

AT = datetime(2026, 1, 15, 6, tzinfo=UTC)

_ERRORS = {"conflict": Conflict, "not_found": NotFound}


class ControlPlane:
    """A channel. `answers`: message class → its reply, or a function that makes one."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.xcoms: dict[str, Any] = {}
        self.variables: dict[str, str] = {}
        self.connections: dict[str, protocol.ConnectionValue] = {}
        self.answers: dict[type, Reply | Callable[[Any], Reply]] = {}

    def request(self, message: Request) -> Reply:
        self.asked.append(message)
        if isinstance(message, protocol.SetXCom):
            self.xcoms[message.key] = serde.decode(message.value)
            return protocol.Ok()
        if isinstance(message, protocol.GetConnection):
            return protocol.ConnectionReply(connection=self.connections.get(message.conn_id))
        if isinstance(message, protocol.GetVariable):
            value = self.variables.get(message.key)
            return protocol.VariableReply(found=value is not None, value=value)
        if isinstance(message, protocol.GetPreviousDagRun):
            return protocol.DagRunReply()
        answer = self.answers.get(type(message))
        if answer is None:
            raise UserError(f"not in this test: {message}")
        reply = answer(message) if callable(answer) else answer
        if isinstance(reply, protocol.Failure):
            raise _ERRORS.get(reply.kind, UserError)(reply.message)
        return reply

    def of_type(self, kind: type) -> list[Any]:
        return [message for message in self.asked if isinstance(message, kind)]


class Bench:
    """Tasks are executed as attempts of the run `run`, on the control plane `plane`."""

    def __init__(self) -> None:
        self.plane = ControlPlane()
        self.run: dict[str, Any] = {}
        self.first_start_date: datetime | None = None
        self.map_index = -1

    def execute(self, task: Any) -> Any:
        """Render and execute it; gives what `execute` returns, raises what it raises."""
        return self._in_task(task, lambda ti: ti.task.execute(ti.context))

    def resume(self, task: Any, method: str, kwargs: dict[str, Any]) -> Any:
        return self._in_task(task, lambda ti: ti.task.resume_execution(method, kwargs, ti.context))

    def _in_task(self, task: Any, work: Callable[[TaskInstance], Any]) -> Any:
        run = {
            "dag_id": task.dag.dag_id,
            "run_id": "run_1",
            "run_type": DagRunType.MANUAL,
            "run_after": AT,
            "logical_date": AT,
            "interval_start": AT,
            "interval_end": AT,
            **self.run,
        }
        order = WorkOrder(
            attempt_id=7,
            task_instance_id=11,
            source=DagSource(bundle="b", digest="d", file="f.py", root="/nowhere"),
            run=RunInfo(**run),
            task_id=task.task_id,
            map_index=self.map_index,
            first_start_date=self.first_start_date,
        )
        ti = TaskInstance(order, task, self.plane)
        ti.context["task"] = task
        set_channel(self.plane)
        try:
            with running_in(ti.context):  # type: ignore[arg-type]
                task.render_template_fields(ti.context)
                return work(ti)
        finally:
            set_channel(None)


@contextmanager
def connected(plane: ControlPlane) -> Iterator[None]:
    """For triggers and hooks: what they ask is answered by `plane`."""
    set_channel(plane)
    try:
        yield
    finally:
        set_channel(None)
