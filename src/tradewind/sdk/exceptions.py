"""What a DAG file raises and catches, with Airflow's names, meanings and base classes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from tradewind.core.errors import InvalidDag, UserError


class AirflowException(Exception):
    """Base of all that a DAG file may raise on purpose; raised by itself it fails the try."""

    status_code = 500


class AirflowOptionalProviderFeatureException(AirflowException):
    """A provider lacks an optional import."""


class AirflowNotFoundException(AirflowException):
    """The named thing (connection, DAG, run) does not exist."""

    status_code = 404


class AirflowConfigException(AirflowException):
    """A configuration value is missing or malformed."""


class AirflowRuntimeError(Exception):
    """The control plane refused a request; the message says what and why."""


class AirflowDagCycleException(AirflowException, InvalidDag):
    """The arrows of a DAG lead round in a circle."""


class AirflowTimetableInvalid(AirflowException, InvalidDag):
    """A schedule cannot be evaluated."""


class XComForMappingNotPushed(TypeError):
    """A task that something is mapped over returned nothing."""

    def __str__(self) -> str:
        return "did not push XCom for task mapping"


class UnmappableXComTypePushed(TypeError):
    """A task that something is mapped over returned neither list, tuple nor dict."""

    def __init__(self, value: Any, *values: Any) -> None:
        super().__init__(value, *values)

    def __str__(self) -> str:
        name = type(self.args[0]).__qualname__
        for inner in self.args[1:]:
            name = f"{name}[{type(inner).__qualname__}]"
        return f"unmappable return type {name!r}"


class AirflowFailException(AirflowException):
    """Fail the task now, without further tries."""


class AirflowInactiveAssetInInletOrOutletException(AirflowFailException):
    """An inlet or outlet of the task is an asset that is not active."""

    def __init__(self, inactive_asset_keys: Collection[Any] = ()) -> None:
        self.inactive_asset_keys = inactive_asset_keys
        names = ", ".join(str(key) for key in inactive_asset_keys)
        super().__init__(
            f"Task has the following inactive assets in its inlets or outlets: {names}"
        )


class AirflowRescheduleException(AirflowException):
    """End this poke; call the sensor again at `reschedule_date`."""

    def __init__(self, reschedule_date: datetime) -> None:
        super().__init__(f"Task wants to be called again at {reschedule_date}")
        self.reschedule_date = reschedule_date


class AirflowSensorTimeout(AirflowException):
    """A sensor waited for longer than its `timeout`; ends all tries."""


class AirflowSkipException(AirflowException):
    """Mark the task skipped and go on."""


class AirflowTaskTerminated(BaseException):
    """The process was told to stop (SIGTERM)."""


class AirflowTaskTimeout(BaseException):
    """`execution_timeout` is over. Not an `Exception`, so that `except Exception` lets it pass."""


class TaskDeferred(BaseException):
    """Raised by `defer`: wait for `trigger` without a slot, then call `method_name`."""

    def __init__(
        self,
        *,
        trigger: Any,
        method_name: str,
        kwargs: dict[str, Any] | None = None,
        timeout: timedelta | float | None = None,
    ) -> None:
        super().__init__()
        self.trigger = trigger
        self.method_name = method_name
        self.kwargs = kwargs
        self.timeout = timeout

    def __repr__(self) -> str:
        return f"<TaskDeferred trigger={self.trigger} method={self.method_name}>"


class TaskDeferralError(AirflowException):
    """The trigger that the task waited for failed."""


class TaskDeferralTimeout(AirflowException):
    """The trigger did not fire within the time that `defer` gave it."""


class DagRunTriggerException(AirflowException):
    """Airflow's internal signal of `TriggerDagRunOperator`; kept for code that catches it."""


class DownstreamTasksSkipped(AirflowException):
    """Raised by branches and short circuits: skip these tasks.

    `tasks`: task ids, or `(task_id, map_index)` pairs. `result` becomes the task's return value.
    """

    def __init__(self, *, tasks: Collection[str | tuple[str, int]]) -> None:
        super().__init__()
        self.tasks = tasks
        self.result: Any = None


class XComNotFound(AirflowException):
    """A task reads an XCom that nobody pushed."""

    def __init__(self, dag_id: str, task_id: str, key: str) -> None:
        super().__init__(
            f'XComArg result from {task_id} at {dag_id} with key="{key}" is not found! '
            f"Check that {task_id} pushes that key before it ends."
        )
        self.dag_id = dag_id
        self.task_id = task_id
        self.key = key


class ParamValidationError(AirflowException, ValueError):
    """A param does not satisfy its schema."""


class DuplicateTaskIdFound(AirflowException, InvalidDag):
    """Two tasks or groups of a DAG have the same id."""


class AirflowDagDuplicatedIdException(AirflowException, InvalidDag):
    """Two DAGs have the same id."""


class TaskAlreadyInTaskGroup(AirflowException, InvalidDag):
    """A task can be in one task group only."""


class TaskNotFound(AirflowException):
    """The DAG has no task of that id."""


class NodeNotFound(TaskNotFound, KeyError):
    """The group has no child of that label."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class TaskAlreadyRunningError(AirflowException):
    """The task instance runs elsewhere already."""


class FailFastDagInvalidTriggerRule(AirflowException, InvalidDag):
    """A `fail_fast` DAG may only use the trigger rule all_success (teardowns aside)."""


class AirflowBadRequest(AirflowException):
    """The request cannot be fulfilled as it is."""

    status_code = 400


class ConnectionNotFound(AirflowNotFoundException):
    """No connection of that id."""

    def __init__(self, conn_id: str) -> None:
        super().__init__(
            f"The conn_id `{conn_id}` isn't defined; add it with `tradewind connections add "
            f"{conn_id}` or in AIRFLOW_CONN_{conn_id.upper()}"
        )
        self.conn_id = conn_id


class VariableNotFound(AirflowNotFoundException, KeyError):
    """No variable of that key (a KeyError too, as in Airflow 1 and 2)."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Variable {key} does not exist; set it with "
            f"`tradewind variables set {key} VALUE` or in AIRFLOW_VAR_{key.upper()}"
        )
        self.key = key

    def __str__(self) -> str:
        return str(self.args[0])


class DagNotFound(AirflowNotFoundException):
    """No DAG of that id."""


class DagRunNotFound(AirflowNotFoundException):
    """No run of that id."""


class DagRunAlreadyExists(AirflowBadRequest):
    """A run of that id or logical date exists."""


class TaskInstanceNotFound(AirflowNotFoundException):
    """No task instance of that id."""


class PoolNotFound(AirflowNotFoundException):
    """No pool of that name."""


class ConnectionNotUnique(AirflowException):
    """Several connections have the id."""


class AirflowClusterPolicyViolation(AirflowException):
    """A cluster policy refuses the DAG or the task."""


class SerializationError(AirflowException):
    """A value or DAG cannot be stored."""


class DeserializingResultError(ValueError):
    """A virtualenv task's result cannot be read back."""


class UnknownExecutorException(ValueError):
    """`executor=` names one that is not configured."""


class RemovedInAirflow3Warning(DeprecationWarning):
    """Kept for filters in DAG files."""


class RemovedInAirflow4Warning(DeprecationWarning):
    """Kept for filters in DAG files."""


class AirflowProviderDeprecationWarning(DeprecationWarning):
    """A provider's feature is on its way out."""


class NotInTaskContext(UserError, RuntimeError):
    """The call only makes sense inside a running task."""


class NestedMappingError(InvalidDag, NotImplementedError):
    """A mapped task inside a mapped group: Airflow cannot say how many instances that gives.

    A NotImplementedError as well, since Airflow raises that.
    """
