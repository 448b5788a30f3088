"""`ti` and `dag_run` of the context: what user code can ask and tell about its own instance."""

import enum
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from tradewind.core import protocol
from tradewind.core.protocol import RunInfo, WorkOrder
from tradewind.core.states import DagRunState, DagRunType, TaskInstanceState
from tradewind.runner.context import TaskContext, build_context, moment, partition_date
from tradewind.sdk import serde
from tradewind.sdk.authoring import NOTSET
from tradewind.sdk.comms import Channel
from tradewind.sdk.logging_mixin import LoggingMixin
from tradewind.sdk.off_loop import off_loop

if TYPE_CHECKING:
    from tradewind.sdk.dag import DAG
    from tradewind.sdk.operator import AbstractOperator

RETURN_VALUE = "return_value"

RunType = enum.Enum("DagRunType", {t.name: t.value for t in DagRunType}, type=str)  # type: ignore[misc]
"""As Airflow's: a text that renders as ``DagRunType.MANUAL``."""


class DagRun:
    """`dag_run` in the context: a run's facts under Airflow's names, dates as pendulum's."""

    def __init__(self, info: RunInfo, dag: "DAG | None" = None) -> None:
        self._info = info
        self._dag = dag
        self.dag_id = info.dag_id
        self.run_id = info.run_id
        self.run_type = RunType(info.run_type.value)
        self.state = info.state
        self.conf = info.conf
        self.partition_key = info.partition_key
        self.note = info.note
        self.triggering_user_name = info.triggering_user
        self.external_trigger = info.run_type in (
            DagRunType.MANUAL,
            DagRunType.OPERATOR_TRIGGERED,
        )
        self.consumed_asset_events = info.consumed_asset_events

    logical_date = cached_property(lambda self: moment(self._info.logical_date))
    execution_date = property(lambda self: self.logical_date)
    run_after = cached_property(lambda self: moment(self._info.run_after))
    start_date = cached_property(lambda self: moment(self._info.start_date))
    end_date = cached_property(lambda self: moment(self._info.end_date))
    data_interval_start = cached_property(lambda self: moment(self._info.interval_start))
    data_interval_end = cached_property(lambda self: moment(self._info.interval_end))
    partition_date = cached_property(
        lambda self: partition_date(self._dag, self._info.partition_key)
    )

    def __repr__(self) -> str:
        return f"<DagRun {self.dag_id} {self.run_id} [{self.state}]>"


class TaskInstanceKey(NamedTuple):
    """Names an instance and its try."""

    dag_id: str
    task_id: str
    run_id: str
    try_number: int
    map_index: int


class TaskInstance(LoggingMixin):
    """The running instance. `task` is replaced by the unmapped operator when it is mapped."""

    _logger_name = "airflow.task"

    def __init__(self, order: WorkOrder, task: "AbstractOperator", channel: Channel) -> None:
        self._channel = channel
        self._order = order
        self.run = order.run
        self.task: Any = task
        self.attempt_id = order.attempt_id
        self.id = order.task_instance_id
        self.dag_id = order.run.dag_id
        self.task_id = order.task_id
        self.run_id = order.run.run_id
        self.map_index = order.map_index
        self.try_number = order.try_number
        self.max_tries = order.max_tries
        self.queue = order.queue
        self.pool = order.pool
        self.first_start_date = order.first_start_date
        self.upstream_map_indexes = order.upstream_map_indexes
        self.start_date = datetime.now(UTC)
        self.end_date: datetime | None = None
        self.state = TaskInstanceState.RUNNING
        self.is_mapped = bool(task.is_mapped)
        self.rendered_map_index: str | None = None
        self.hostname = order.hostname or socket.gethostname()

    def __repr__(self) -> str:
        mapped = f" map_index={self.map_index}" if self.map_index >= 0 else ""
        name = f"{self.dag_id}.{self.task_id} {self.run_id}{mapped}"
        return f"<TaskInstance: {name} [{self.state}]>"

    # --- the context -------------------------------------------------------------------------

    @cached_property
    def context(self) -> TaskContext:
        return build_context(self, self._channel)

    def get_template_context(self, *_: Any, **__: Any) -> TaskContext:
        return self.context

    @cached_property
    def dag_run(self) -> DagRun:
        return DagRun(self.run, self.task.dag)

    def get_dagrun(self, *_: Any, **__: Any) -> DagRun:
        return self.dag_run

    @property
    def logical_date(self) -> Any:
        return self.dag_run.logical_date

    execution_date = property(lambda self: self.logical_date)

    @property
    def operator(self) -> str:
        return str(self.task.task_type)

    @property
    def duration(self) -> float:
        """Seconds so far, or in all."""
        return ((self.end_date or datetime.now(UTC)) - self.start_date).total_seconds()

    @property
    def key(self) -> TaskInstanceKey:
        return TaskInstanceKey(
            self.dag_id, self.task_id, self.run_id, self.try_number, self.map_index
        )

    @property
    def log_url(self) -> str:
        from tradewind.sdk.configuration import conf

        base = conf.get("api", "base_url", fallback="http://localhost:8080/").rstrip("/")
        mapped = f"/mapped/{self.map_index}" if self.map_index >= 0 else ""
        path = f"dags/{self.dag_id}/runs/{quote(self.run_id)}/tasks/{self.task_id}{mapped}"
        return f"{base}/{path}?try_number={self.try_number}"

    mark_success_url = property(lambda self: self.log_url)

    @cached_property
    def neighbour_dates(self) -> tuple[datetime | None, datetime | None]:
        """Logical dates before and after this one by the schedule; of a manual run, its own."""
        from tradewind.runner.neighbours import neighbour_dates

        return neighbour_dates(self.run, self.task.dag)

    # --- XComs -------------------------------------------------------------------------------

    def xcom_push(self, key: str, value: Any, *_: Any, **__: Any) -> None:
        """Make `value` available to other tasks, at once."""
        message = protocol.SetXCom(attempt_id=self.attempt_id, key=key, value=serde.encode(value))
        self._channel.request(message)

    def xcom_pull(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str = RETURN_VALUE,
        include_prior_dates: bool = False,
        *,
        map_indexes: Any = NOTSET,
        default: Any = None,
        run_id: str | None = None,
        **_: Any,
    ) -> Any:
        """One task's value (a mapped task's: the list of all without Nones), or a list for several.

        `task_ids` None means this task. `map_indexes`: one index or several; None is the instance
        of a task that is not mapped. `default` counts, as in Airflow, only together with it.
        """
        one_task = task_ids is None or isinstance(task_ids, str)
        one_index = map_indexes is NOTSET or map_indexes is None or isinstance(map_indexes, int)
        values: list[Any] = []
        for task_id in [task_ids or self.task_id] if one_task else list(task_ids or ()):
            query = protocol.GetXCom(
                dag_id=dag_id or self.dag_id,
                run_id=run_id or self.run_id,
                task_id=str(task_id),
                key=key,
                include_prior_dates=include_prior_dates,
            )
            if map_indexes is not NOTSET:
                indexes = [map_indexes] if one_index else map_indexes
                found = [self._get(_at_index(query, index)) for index in indexes]
                values += [default if value is None else value for value in found]
            elif not one_task and self._is_mapped(query):
                values += self._get(query) or []
            else:
                values.append(self._get(query))
        return values[0] if one_task and one_index else values

    async def axcom_pull(self, *args: Any, **kwargs: Any) -> Any:
        """`xcom_pull` for coroutines: does not block the event loop."""
        return await off_loop(self.xcom_pull, *args, **kwargs)

    async def axcom_push(self, key: str, value: Any) -> None:
        """`xcom_push` for coroutines."""
        await off_loop(self.xcom_push, key, value)

    def _is_mapped(self, query: protocol.GetXCom) -> bool:
        """Whether the other task has several instances; of another DAG's tasks nothing is known."""
        tasks = self.task.dag.task_dict if query.dag_id == self.dag_id else {}
        return query.task_id in tasks and tasks[query.task_id].get_needs_expansion()

    def _get(self, query: protocol.GetXCom) -> Any:
        reply = self._channel.request(query)
        if not isinstance(reply, protocol.XComReply) or not reply.found:
            return None
        return serde.decode(reply.value)

    # --- other runs and instances ------------------------------------------------------------

    def get_previous_dagrun(self, state: str | None = None, **_: Any) -> DagRun | None:
        """The newest run before this one's logical date, in `state` if one is given."""
        if self.run.logical_date is None:
            return None
        reply = self._channel.request(
            protocol.GetPreviousDagRun(
                dag_id=self.dag_id,
                before=self.run.logical_date,
                state=DagRunState(state) if state else None,
            )
        )
        found = reply.run if isinstance(reply, protocol.DagRunReply) else None
        return DagRun(found) if found else None

    @property
    def previous_start_date_success(self) -> Any:
        previous = self.get_previous_dagrun(DagRunState.SUCCESS)
        return previous.start_date if previous else None

    def get_first_reschedule_date(self, context: Any) -> datetime | None:
        """When the first poke of a rescheduled sensor began; None at the first."""
        return self.first_start_date

    def get_ti_count(self, dag_id: str, **filters: Any) -> int:
        """How many task instances match; see `protocol.CountTaskInstances`."""
        reply = self._channel.request(
            protocol.CountTaskInstances(dag_id=dag_id, **_states(filters, TaskInstanceState))
        )
        return reply.count if isinstance(reply, protocol.CountReply) else 0

    def get_dr_count(self, dag_id: str, **filters: Any) -> int:
        reply = self._channel.request(
            protocol.CountDagRuns(dag_id=dag_id, **_states(filters, DagRunState))
        )
        return reply.count if isinstance(reply, protocol.CountReply) else 0

    def get_task_states(self, dag_id: str, **filters: Any) -> dict[str, Any]:
        reply = self._channel.request(protocol.GetTaskStates(dag_id=dag_id, **filters))
        return dict(reply.states) if isinstance(reply, protocol.TaskStatesReply) else {}

    def get_dagrun_state(self, dag_id: str, run_id: str) -> str | None:
        reply = self._channel.request(protocol.GetDagRun(dag_id=dag_id, run_id=run_id))
        found = reply.run if isinstance(reply, protocol.DagRunReply) else None
        return found.state.value if found else None


def _at_index(query: protocol.GetXCom, index: int | None) -> protocol.GetXCom:
    return protocol.GetXCom(
        dag_id=query.dag_id,
        run_id=query.run_id,
        task_id=query.task_id,
        key=query.key,
        map_index=-1 if index is None else index,
        include_prior_dates=query.include_prior_dates,
    )


def _states(filters: dict[str, Any], kind: type[enum.Enum]) -> dict[str, Any]:
    if filters.get("states"):
        filters["states"] = [kind(state) for state in filters["states"]]
    return filters
