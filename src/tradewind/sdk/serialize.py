"""From a DAG object to its document: everything that scheduling and the UI need, as plain data.

Deterministic: equal DAGs give equal documents whatever the order of sets and dicts. What is wrong
with a DAG as a whole (a cycle, a bad cron text, an unknown weight rule) is found here.
"""

from __future__ import annotations

import heapq
import re
from datetime import timedelta
from typing import Any

import msgspec

from tradewind.core import dag as core
from tradewind.core import timetables
from tradewind.core.errors import InvalidDag
from tradewind.core.states import TriggerRule
from tradewind.sdk import dates, weights
from tradewind.sdk.authoring import NOTSET
from tradewind.sdk.custom_timetables import upcoming_slots
from tradewind.sdk.dag import DAG
from tradewind.sdk.deadline import deadline_spec
from tradewind.sdk.exceptions import AirflowDagCycleException
from tradewind.sdk.operator import AbstractOperator
from tradewind.sdk.param import Param
from tradewind.sdk.plain import plain
from tradewind.sdk.serialize_task import expansion, task_spec
from tradewind.sdk.taskgroup import MappedTaskGroup, TaskGroup
from tradewind.sdk.timetable_specs import timetable_spec


def serialize_dag(dag: DAG, file: str) -> core.SerializedDag:
    """The document of `dag`, which the bundle has in `file` (relative to its root).

    Raises InvalidDag, with DAG, task and argument named, for one that cannot be scheduled.
    """
    try:
        tasks = topological_order(dag)
        _check_setups(tasks)
        effective = weights.weights(tasks)
        specs = [task_spec(task, dag, effective[task.task_id]) for task in tasks]
        timetable = serialize_timetable(dag)
        return _checked(_document(dag, file, timetable, specs, tasks))
    except InvalidDag as error:
        if repr(dag.dag_id) in str(error):
            raise
        raise type(error)(f"DAG {dag.dag_id!r}: {error}", hint=error.hint) from error


def _document(
    dag: DAG,
    file: str,
    timetable: core.Timetable,
    specs: list[core.TaskSpec],
    tasks: list[AbstractOperator],
) -> core.SerializedDag:
    custom = isinstance(timetable, core.CustomSchedule)
    return core.SerializedDag(
        schema=core.SCHEMA,
        dag_id=dag.dag_id,
        file=file,
        timetable=timetable,
        tasks=specs,
        groups=[_group_spec(group) for group in dag.task_group.iter_groups()],
        edge_labels=_edge_labels(dag),
        timetable_summary=dag.timetable.summary if custom else timetables.summary(timetable),
        timetable_description=(
            dag.timetable.description if custom else timetables.description(timetable)
        ),
        display_name=dag.dag_display_name if dag.dag_display_name != dag.dag_id else None,
        description=dag.description,
        doc_md=dag.doc_md,
        tags=sorted(dag.tags),
        owners=sorted({str(spec.owner) for spec in specs}),  # `_checked` refuses what is no text
        owner_links=dag.owner_links,
        timezone=dates.zone_name(dag.timezone),
        start_date=dag.start_date,
        end_date=dag.end_date,
        catchup=dag.catchup,
        max_active_runs=dag.max_active_runs,
        max_active_tasks=dag.max_active_tasks,
        max_consecutive_failed_dag_runs=dag.max_consecutive_failed_dag_runs,
        dagrun_timeout_seconds=_seconds(dag.dagrun_timeout),
        fail_fast=dag.fail_fast,
        is_paused_upon_creation=dag.is_paused_upon_creation,
        params={name: param_spec(param) for name, param in dag.params.items()},
        allowed_run_types=sorted(dag.allowed_run_types) if dag.allowed_run_types else None,
        callbacks=[
            kind for kind in ("on_failure", "on_success") if getattr(dag, f"{kind}_callback")
        ],
        deadlines=[deadline_spec(alert) for alert in dag.deadline],
        render_template_as_native_obj=dag.render_template_as_native_obj,
        access_control=plain(dag.access_control, "access_control"),
        warnings=list(dag.warnings),
        rerun_with_latest_version=dag.rerun_with_latest_version,
        disable_bundle_versioning=dag.disable_bundle_versioning,
    )


_PLACE = re.compile(r" - at `\$\.(?:(?P<list>tasks|groups)\[(?P<index>\d+)\])?\.?(?P<rest>[^`]*)`$")


def _checked(document: core.SerializedDag) -> core.SerializedDag:
    """As everybody else will read it. Python lets a file put any value into any argument."""
    try:
        return msgspec.json.decode(core.encode(document), type=core.SerializedDag)
    except msgspec.ValidationError as error:
        message = _PLACE.sub("", str(error))
        where = ""
        if found := _PLACE.search(str(error)):
            where = f"{found['rest']}{_whose(document, found['list'], found['index'])}: "
        raise InvalidDag(
            f"{where}{message}.", hint="Give the argument a value of that type; NaN counts as null."
        ) from error
    except (UnicodeEncodeError, OverflowError, TypeError) as error:
        raise InvalidDag(
            f"Something in it cannot be stored as JSON: {error}.",
            hint="Arguments are made of text, numbers of 64 bits, lists and dicts.",
        ) from error


def _whose(document: core.SerializedDag, kind: str | None, index: str | None) -> str:
    match kind:
        case "tasks":
            return f" of task {document.tasks[int(index or 0)].task_id!r}"
        case "groups":
            return f" of task group {document.groups[int(index or 0)].group_id!r}"
    return ""


def topological_order(dag: DAG) -> list[AbstractOperator]:
    """Tasks after all that they wait for, ties by task id. Raises when the arrows form a circle."""
    waiting = {task.task_id: len(task.upstream_task_ids) for task in dag.tasks}
    ready = [task_id for task_id, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    order: list[AbstractOperator] = []
    while ready:
        task = dag.task_dict[heapq.heappop(ready)]
        order.append(task)
        for downstream in task.downstream_task_ids:
            waiting[downstream] -= 1
            if waiting[downstream] == 0:
                heapq.heappush(ready, downstream)
    if len(order) < len(waiting):
        circle = " >> ".join(_circle(dag, {t for t, count in waiting.items() if count}))
        raise AirflowDagCycleException(
            f"Cycle detected in DAG {dag.dag_id!r}: {circle}",
            hint="Remove one of these arrows; a task cannot wait for itself.",
        )
    return order


def _circle(dag: DAG, left: set[str]) -> list[str]:
    """One circle among the tasks that are left: every one of them has an upstream among them."""
    path = [min(left)]
    while path.count(path[-1]) < 2:
        path.append(min(dag.task_dict[path[-1]].upstream_task_ids & left))
    return list(reversed(path[path.index(path[-1]) :]))


def _check_setups(tasks: list[AbstractOperator]) -> None:
    for task in tasks:
        if not task.is_setup:
            continue
        for below in task.downstream_list:
            if not below.is_teardown and below.trigger_rule != TriggerRule.ALL_SUCCESS:
                raise InvalidDag(
                    "Setup tasks must be followed with trigger rule ALL_SUCCESS: "
                    f"{below.task_id!r} after setup {task.task_id!r} has {below.trigger_rule}."
                )


def serialize_timetable(dag: DAG) -> core.Timetable:
    """The schedule alone. Raises InvalidDag when it cannot be evaluated."""
    dag.timetable.validate()
    try:
        spec = _with_slots(timetable_spec(dag.timetable), dag.timetable, dag)
        timetables.validate(spec)
    except (InvalidDag, ValueError) as error:
        raise InvalidDag(
            f"The schedule of DAG {dag.dag_id!r} is wrong: {error}",
            hint=getattr(error, "hint", None),
        ) from error
    return spec


def _with_slots(spec: core.Timetable, timetable: Any, dag: DAG) -> core.Timetable:
    if isinstance(spec, core.AssetOrTimeSchedule):
        inner = _with_slots(spec.timetable, timetable.timetable, dag)
        return msgspec.structs.replace(spec, timetable=inner)
    if not isinstance(spec, core.CustomSchedule) or not spec.can_be_scheduled:
        return spec
    slots, exhausted = upcoming_slots(timetable, dag)
    return msgspec.structs.replace(spec, upcoming=slots, exhausted=exhausted)


def _group_spec(group: TaskGroup) -> core.GroupSpec:
    parent = group.parent_group
    return core.GroupSpec(
        group_id=group.node_id,
        label=group._group_id or "",
        parent=parent.group_id if parent is not None else None,
        tooltip=group.tooltip,
        doc_md=group.doc_md,
        display_name=group.group_display_name or None,
        expansion=expansion(group.expand_input) if isinstance(group, MappedTaskGroup) else None,
        prefix_group_id=group.prefix_group_id,
    )


def _edge_labels(dag: DAG) -> dict[str, dict[str, str]]:
    labels: dict[str, dict[str, str]] = {}
    for start, ends in dag.edge_info.items():
        for end, info in ends.items():
            if info.get("label"):
                labels.setdefault(start, {})[end] = str(info["label"])
    return labels


def param_spec(param: Param) -> core.ParamSpec:
    """One param as data."""
    has_default = param.value is not NOTSET
    return core.ParamSpec(
        default=param.value if has_default else None,
        has_default=has_default,
        description=param.description,
        schema=plain(param.schema, "schema"),
    )


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


__all__ = ["param_spec", "serialize_dag", "serialize_timetable", "topological_order"]
