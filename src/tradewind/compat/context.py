"""Names around the task context and authoring that older DAG files and provider packages import."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from tradewind.core.protocol import GetTaskStates, TaskStatesReply
from tradewind.sdk.asking import ask

XCOM_RETURN_KEY = "return_value"
MAX_XCOM_SIZE = 49344  # bytes; a limit of Airflow 1 and 2, for files that name it


def context_merge(context: MutableMapping[str, Any], *args: Any, **kwargs: Any) -> None:
    """Add entries to the context, in place, as `dict.update` would."""
    for name, value in dict(*args, **kwargs).items():
        context[name] = value


class RuntimeTaskInstanceProtocol(Protocol):
    """For annotations: what `ti` of the context is."""

    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    try_number: int
    task: Any

    def xcom_push(self, key: str, value: Any) -> None: ...

    def xcom_pull(self, task_ids: Any = None, **kwargs: Any) -> Any: ...


class TaskInstanceKey(NamedTuple):
    """What names one try of a task instance; operator links get one."""

    dag_id: str
    task_id: str
    run_id: str
    try_number: int = 1
    map_index: int = -1


class RuntimeTaskInstance:
    """What triggers ask of other task instances through Airflow's class of that name."""

    @staticmethod
    def get_task_states(dag_id: str, **filters: Any) -> dict[str, Any]:
        """Run id → task id (with `_<map_index>` when mapped) → state."""
        return dict(ask(GetTaskStates(dag_id=dag_id, **filters), TaskStatesReply).states)


class AirflowContextDeprecationWarning(DeprecationWarning):
    """Kept for filters in provider packages."""


class SetupTeardownContext:
    """Airflow 2's other way into a setup's `with` block."""

    @staticmethod
    @contextmanager
    def add_task(task: Any) -> Iterator[Any]:
        with task as scope:
            yield scope
