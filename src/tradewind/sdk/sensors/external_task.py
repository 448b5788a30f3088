"""Wait for a task, a task group or a whole run of another DAG."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from tradewind.core.protocol import CountReply, DagReply, GetDag, TaskStatesReply
from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.sdk.asking import Target, ask
from tradewind.sdk.calling import determine_kwargs
from tradewind.sdk.configuration import default_deferrable
from tradewind.sdk.exceptions import AirflowException, AirflowSkipException
from tradewind.sdk.old_names import note_old_name
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.sensors.base import BaseSensorOperator
from tradewind.sdk.triggers.external_task import WorkflowTrigger


class AirflowExternalTaskSensorException(AirflowException):
    """What an ExternalTaskSensor waits for failed, or does not exist."""


class ExternalDagNotFoundError(AirflowExternalTaskSensorException):
    """The other DAG does not exist."""


class ExternalDagDeletedError(AirflowExternalTaskSensorException):
    """The other DAG's file is gone."""


class ExternalTaskNotFoundError(AirflowExternalTaskSensorException):
    """The other DAG has no such task."""


class ExternalTaskGroupNotFoundError(AirflowExternalTaskSensorException):
    """The other DAG has no such task group."""


class ExternalTaskFailedError(AirflowExternalTaskSensorException):
    """One of the tasks failed."""


class ExternalTaskGroupFailedError(AirflowExternalTaskSensorException):
    """The task group failed."""


class ExternalDagFailedError(AirflowExternalTaskSensorException):
    """The other DAG's run failed."""


class DuplicateStateError(AirflowExternalTaskSensorException):
    """A state is listed twice among allowed, skipped and failed."""


class ExternalTaskSensor(BaseSensorOperator):
    """Waits for tasks, a task group or (none given) the run of another DAG.

    It looks at the run with this run's logical date, shifted back by `execution_delta`, or at the
    date or dates that `execution_date_fn(logical_date, **context)` answers.

    allowed_states: done when all are in one of these (default success).
    failed_states, skipped_states: fail, or skip, as soon as something is in one of these.
    check_existence: fail at once when DAG, task or group does not exist.
    deferrable: wait in the triggerer.
    """

    template_fields: Sequence[str] = (
        "external_dag_id",
        "external_task_id",
        "external_task_ids",
        "external_task_group_id",
    )
    ui_color = "#4db7db"

    def __init__(
        self,
        *,
        external_dag_id: str,
        external_task_id: str | None = None,
        external_task_ids: Collection[str] | None = None,
        external_task_group_id: str | None = None,
        allowed_states: Iterable[str] | None = None,
        skipped_states: Iterable[str] | None = None,
        failed_states: Iterable[str] | None = None,
        execution_delta: timedelta | None = None,
        execution_date_fn: Callable[..., Any] | None = None,
        check_existence: bool = False,
        poll_interval: float | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        if poll_interval is not None:
            kwargs.setdefault("poke_interval", poll_interval)
        super().__init__(**kwargs)
        if poll_interval is not None:
            note_old_name("The argument poll_interval is now called poke_interval.")
        _only_one(
            external_task_id=external_task_id,
            external_task_ids=external_task_ids or None,
            external_task_group_id=external_task_group_id,
        )
        _only_one(execution_delta=execution_delta, execution_date_fn=execution_date_fn)
        self.external_dag_id = external_dag_id
        self.external_task_id = external_task_id
        self.external_task_ids = external_task_ids or None
        if external_task_id is not None:
            self.external_task_ids = [external_task_id]
        self.external_task_group_id = external_task_group_id
        self.allowed_states = list(allowed_states or (TaskInstanceState.SUCCESS.value,))
        self.skipped_states = list(skipped_states or ())
        self.failed_states = list(failed_states or ())
        self._check_states(bool(self.external_task_ids or external_task_group_id))
        self.execution_delta = execution_delta
        self.execution_date_fn = execution_date_fn
        self.check_existence = check_existence
        self.deferrable = default_deferrable() if deferrable is None else deferrable

    def _check_states(self, of_tasks: bool) -> None:
        states = [*self.allowed_states, *self.skipped_states, *self.failed_states]
        if len(set(states)) != len(states):
            raise DuplicateStateError(
                "Duplicate values provided across allowed_states, skipped_states and "
                f"failed_states of {self.task_id!r}: {sorted(map(str, states))}"
            )
        known = [str(state) for state in (TaskInstanceState if of_tasks else DagRunState)]
        if unknown := [str(state) for state in states if str(state) not in known]:
            what = "tasks" if of_tasks else "whole runs"
            raise ValueError(
                f"ExternalTaskSensor {self.task_id!r} waits for {what}, which are never "
                f"{', '.join(unknown)}. Valid values for `allowed_states`, `skipped_states` and "
                f"`failed_states` are: {known}"
            )

    def _target(self, context: Any) -> Target:
        ids = self.external_task_ids
        if ids and len(set(ids)) < len(ids):
            raise ValueError("Duplicate task_ids passed in external_task_ids parameter")
        return Target(
            dag_id=self.external_dag_id,
            task_ids=list(ids) if ids else None,
            task_group_id=self.external_task_group_id,
            logical_dates=self._dates(context),
        )

    def _dates(self, context: Any) -> list[datetime]:
        date = context.get("logical_date") or context["dag_run"].run_after
        if self.execution_delta:
            return [date - self.execution_delta]
        if self.execution_date_fn:
            known = {key: value for key, value in context.items() if key != "logical_date"}
            known.pop("execution_date", None)
            known["context"] = context
            kwargs = determine_kwargs(self.execution_date_fn, [date], known)
            answer = self.execution_date_fn(date, **kwargs)
            return list(answer) if isinstance(answer, list | tuple | set) else [answer]
        return [date]

    def execute(self, context: Any) -> Any:
        if self.check_existence:
            self._check_existence()
        if not self.deferrable:
            super().execute(context)
            return
        target = self._target(context)
        self.defer(
            trigger=WorkflowTrigger(
                external_dag_id=target.dag_id,
                external_task_ids=target.task_ids,
                external_task_group_id=target.task_group_id,
                logical_dates=list(target.logical_dates or ()),
                allowed_states=self.allowed_states,
                failed_states=self.failed_states,
                skipped_states=self.skipped_states,
                poke_interval=self.poke_interval,
                soft_fail=self.soft_fail,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout) if self.timeout else self.execution_timeout,
        )

    def poke(self, context: Any) -> bool:
        target = self._target(context)
        self.log.info("Poking for %s", target)
        if self.failed_states and _count(target, self.failed_states) > 0:
            self._fail()
        if self.skipped_states and _count(target, self.skipped_states) > 0:
            raise AirflowSkipException(
                f"{self._what()} reached a state in our states-to-skip-on list. Skipping."
            )
        return _count(target, self.allowed_states) == target.runs

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> None:
        status = (event or {}).get("status")
        if status == "failed":
            self._fail()
        if status == "skipped":
            raise AirflowSkipException("External job has skipped skipping.")
        if status != "success":
            raise ExternalTaskNotFoundError(f"The trigger answered {event!r}, not a status.")

    def _what(self) -> str:
        if self.external_task_ids:
            tasks = list(self.external_task_ids)
            return f"Some of the external tasks {tasks} in DAG {self.external_dag_id}"
        if self.external_task_group_id:
            return (
                f"The external task_group '{self.external_task_group_id}' "
                f"in DAG '{self.external_dag_id}'"
            )
        return f"The external DAG {self.external_dag_id}"

    def _fail(self) -> None:
        if self.soft_fail:
            raise AirflowSkipException(f"{self._what()} failed. Skipping due to soft_fail.")
        error: type[AirflowException] = ExternalDagFailedError
        if self.external_task_ids:
            error = ExternalTaskFailedError
        elif self.external_task_group_id:
            error = ExternalTaskGroupFailedError
        raise error(f"{self._what()} failed.")

    def _check_existence(self) -> None:
        found = ask(
            GetDag(
                dag_id=self.external_dag_id,
                task_ids=list(self.external_task_ids or ()),
                task_group_id=self.external_task_group_id,
            ),
            DagReply,
        )
        if not found.exists:
            raise ExternalDagNotFoundError(
                f"The external DAG {self.external_dag_id} does not exist."
            )
        if found.missing_task_ids:
            raise ExternalTaskNotFoundError(
                f"The external task {', '.join(found.missing_task_ids)} in DAG "
                f"{self.external_dag_id} does not exist."
            )
        if not found.has_task_group:
            raise ExternalTaskGroupNotFoundError(
                f"The external task group '{self.external_task_group_id}' in DAG "
                f"'{self.external_dag_id}' does not exist."
            )


def _count(target: Target, states: list[str]) -> float:
    expected = TaskStatesReply if target.task_group_id else CountReply
    return target.count(ask(target.question(states), expected), states)


def _only_one(**given: Any) -> None:
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise ValueError(
            f"Only one of {', '.join(f'`{name}`' for name in given)} may be provided to "
            f"ExternalTaskSensor; got {' and '.join(names)}."
        )


class ExternalTaskMarker(EmptyOperator):
    """Says that a task of another DAG waits for this one; clearing this one may clear that too.

    logical_date: of the other DAG's run; ISO 8601 text (templated) or a datetime.
    """

    template_fields: Sequence[str] = ("external_dag_id", "external_task_id", "logical_date")
    ui_color = "#4db7db"

    def __init__(
        self,
        *,
        external_dag_id: str,
        external_task_id: str,
        logical_date: str | datetime = "{{ logical_date.isoformat() }}",
        execution_date: str | datetime | None = None,
        recursion_depth: int = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if execution_date is not None:
            note_old_name("The argument execution_date is now called logical_date.")
            logical_date = execution_date
        if not isinstance(logical_date, str | datetime):
            raise TypeError(
                f"Expected str or datetime.datetime type for logical_date. Got {type(logical_date)}"
            )
        if recursion_depth <= 0:
            raise ValueError("recursion_depth should be a positive integer")
        self.external_dag_id = external_dag_id
        self.external_task_id = external_task_id
        if isinstance(logical_date, datetime):
            logical_date = logical_date.isoformat()
        self.logical_date = logical_date
        self.recursion_depth = recursion_depth
