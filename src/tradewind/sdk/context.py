"""The context of a running task: which names it has, and the one that runs now.

The runner builds the mapping (`runner.context`) and sets it here around user code with
`running_in(context)`; nothing else writes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from tradewind.sdk.exceptions import NotInTaskContext

if TYPE_CHECKING:
    from pendulum import DateTime

    from tradewind.sdk.baseoperator import BaseOperator
    from tradewind.sdk.dag import DAG


class Context(TypedDict, total=False):
    """What templates and functions with ``**context`` can use. At run time a plain mapping."""

    asset_state_store: Any
    conn: Any
    dag: DAG
    dag_run: Any
    data_interval_end: DateTime | None
    data_interval_start: DateTime | None
    ds: str
    ds_nodash: str
    exception: str | BaseException | None
    expanded_ti_count: int | None
    inlet_events: Any
    inlets: list[Any]
    logical_date: DateTime
    macros: Any
    map_index_template: str | None
    outlet_events: Any
    outlets: list[Any]
    params: MutableMapping[str, Any]
    partition_date: DateTime | None
    partition_key: str | None
    prev_data_interval_end_success: DateTime | None
    prev_data_interval_start_success: DateTime | None
    prev_end_date_success: DateTime | None
    prev_start_date_success: DateTime | None
    reason: str | None
    run_id: str
    task: BaseOperator
    task_instance: Any
    task_instance_key_str: str
    task_reschedule_count: int
    task_state_store: Any
    templates_dict: dict[str, Any] | None
    test_mode: bool
    ti: Any
    triggering_asset_events: Any
    try_number: int | None
    ts: str
    ts_nodash: str
    ts_nodash_with_tz: str
    var: Any


CONTEXT_KEYS = frozenset(Context.__annotations__)
"""Parameters of these names are filled in at run time and cannot be mapped over."""

LEGACY_CONTEXT_KEYS = frozenset(
    {
        "execution_date",
        "next_ds",
        "next_ds_nodash",
        "next_execution_date",
        "prev_ds",
        "prev_ds_nodash",
        "prev_execution_date",
        "prev_execution_date_success",
        "tomorrow_ds",
        "tomorrow_ds_nodash",
        "triggering_dataset_events",
        "yesterday_ds",
        "yesterday_ds_nodash",
    }
)
"""Names of Airflow 1 and 2 that Tradewind still fills in."""

_running: ContextVar[tuple[Context, ...]] = ContextVar("tradewind_running_context", default=())


@contextmanager
def running_in(context: Context) -> Iterator[None]:
    """Make `context` the current one for the block; blocks nest."""
    token = _running.set((*_running.get(), context))
    try:
        yield
    finally:
        _running.reset(token)


def is_running() -> bool:
    """Whether a task or callback runs now, in contrast to a DAG file that is being imported."""
    return bool(_running.get())


def get_current_context() -> Context:
    """The context of the task that runs now.

    Raises a RuntimeError outside of a task: at the top level of a DAG file there is no run yet.
    """
    stack = _running.get()
    if not stack:
        raise NotInTaskContext(
            "Current context was requested but no context was found! "
            "Are you running within an Airflow task?",
            hint="Call get_current_context() inside the task's function, not while the file loads.",
        )
    return stack[-1]


class AirflowParsingContext(NamedTuple):
    """Which DAG and task the file is imported for; None when it is parsed for all its DAGs."""

    dag_id: str | None
    task_id: str | None


def get_parsing_context() -> AirflowParsingContext:
    """Lets a generated DAG file skip the DAGs that are not asked for."""
    return AirflowParsingContext(
        dag_id=os.environ.get("_AIRFLOW_PARSING_CONTEXT_DAG_ID"),
        task_id=os.environ.get("_AIRFLOW_PARSING_CONTEXT_TASK_ID"),
    )
