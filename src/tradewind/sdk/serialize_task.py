"""One task's part of the document."""

from __future__ import annotations

from datetime import datetime, timedelta
from getpass import getuser
from typing import TYPE_CHECKING, Any

from tradewind.core import dag as core
from tradewind.core.errors import InvalidDag
from tradewind.core.executor_names import executor_name
from tradewind.sdk import arguments, weights
from tradewind.sdk.assets import AssetBooleanCondition, BaseAsset
from tradewind.sdk.authoring import NOTSET
from tradewind.sdk.expand_input import DictOfListsExpandInput, ExpandInput
from tradewind.sdk.mapped import MappedOperator
from tradewind.sdk.plain import plain
from tradewind.sdk.timetable_specs import asset_spec
from tradewind.sdk.xcom_arg import ConcatXComArg, MapXComArg, PlainXComArg, ZipXComArg

if TYPE_CHECKING:
    from tradewind.sdk.dag import DAG

CALLBACKS = ("on_execute", "on_failure", "on_success", "on_retry", "on_skipped")


def task_spec(task: Any, dag: DAG, weight: int) -> core.TaskSpec:
    """`task`: a plain or mapped operator. Raises InvalidDag that names it and the bad argument."""
    try:
        return _spec(task, dag, weight)
    except InvalidDag as error:
        if repr(task.task_id) in str(error):
            raise
        raise InvalidDag(f"Task {task.task_id!r}: {error}", hint=error.hint) from error
    except (TypeError, ValueError) as error:
        raise InvalidDag(f"Task {task.task_id!r} has a bad argument: {error}") from error


def _spec(task: Any, dag: DAG, weight: int) -> core.TaskSpec:
    cls = task.operator_class
    group_id = task.task_group.group_id if task.task_group is not None else None
    display_name = task.task_display_name
    return core.TaskSpec(
        task_id=task.task_id,
        label=task.label,
        operator=task.operator_name,
        classpath=f"{cls.__module__}.{cls.__qualname__}",
        display_name=display_name if display_name != task.task_id else None,
        upstream=sorted(task.upstream_task_ids),
        group_id=group_id,
        trigger_rule=arguments.convert("trigger_rule", task.trigger_rule),
        is_setup=task.is_setup,
        is_teardown=task.is_teardown,
        on_failure_fail_dagrun=task.on_failure_fail_dagrun,
        is_empty=_does_nothing(task),
        is_sensor=task.is_sensor,
        expansion=expansion(task.expand_input) if isinstance(task, MappedOperator) else None,
        has_map_index_template=task.map_index_template is not None,
        owner=task.owner,
        retries=task.retries,
        retry_delay_seconds=task.retry_delay.total_seconds(),
        retry_exponential_backoff=task.retry_exponential_backoff,
        max_retry_delay_seconds=_seconds(task.max_retry_delay),
        execution_timeout_seconds=_seconds(task.execution_timeout),
        start_date=_own_date(task.start_date, dag.start_date),
        end_date=_own_date(task.end_date, dag.end_date),
        depends_on_past=bool(task.depends_on_past),
        ignore_first_depends_on_past=bool(task.ignore_first_depends_on_past),
        wait_for_downstream=bool(task.wait_for_downstream),
        wait_for_past_depends_before_skipping=bool(task.wait_for_past_depends_before_skipping),
        pool=task.pool,
        pool_slots=task.pool_slots,
        queue=task.queue,
        executor=executor_name(task.executor),
        executor_config=plain(task.executor_config, "executor_config") or None,
        priority_weight=task.priority_weight,
        weight_rule=weights.rule_name(task),
        weight=weight,
        max_active_tis_per_dag=task.max_active_tis_per_dag,
        max_active_tis_per_dagrun=task.max_active_tis_per_dagrun,
        inlets=_assets(task.inlets),
        outlets=_assets(task.outlets),
        callbacks=_callbacks(task),
        template_fields=list(task.template_fields),
        params=_own_params(task),
        multiple_outputs=bool(task.multiple_outputs),
        is_result=task.returns_dag_result,
        doc_md=task.doc_md,
        ui_color=task.ui_color,
        ui_fgcolor=task.ui_fgcolor,
        triggers_dag_id=_text(task, "trigger_dag_id"),
        waits_for_dag_id=_text(task, "external_dag_id"),
        run_as_user=_run_as_user(task),
        extra_links=_extra_links(task),
    )


def _run_as_user(task: Any) -> str | None:
    """Only the one that tasks run as anyway. Raises InvalidDag for another one."""
    user: str | None = task.run_as_user
    if user is not None and user != getuser():
        raise InvalidDag(
            f"run_as_user={user!r} is not supported: tasks run as {getuser()!r}, the user of the "
            "process that starts them.",
            hint="Take run_as_user out. If the command must be another user's, say so in it: "
            f"`sudo -u {user} ...`; or let an executor run as that user and choose it (executor=).",
        )
    return user


def _extra_links(task: Any) -> dict[str, str]:
    """Names of the buttons that the task's runs will have, and where their addresses will be."""
    links = (task.operator_class if task.is_mapped else task).operator_extra_links
    known = links if isinstance(links, list | tuple | set | frozenset) else ()
    return {link.name: link.xcom_key for link in known}


def _does_nothing(task: Any) -> bool:
    """Whether the scheduler may mark it done by itself: no code, and nobody to tell."""
    told = task.on_execute_callback or task.on_success_callback
    return bool(
        task.inherits_from_empty_operator and not told and not task.outlets and not task.inlets
    )


def _callbacks(task: Any) -> list[str]:
    """When somebody is to be told: by a callback, or by mail."""
    mails = {"on_failure": task.email_on_failure, "on_retry": task.email_on_retry}
    return [
        kind
        for kind in CALLBACKS
        if getattr(task, f"{kind}_callback") or (task.email and mails.get(kind))
    ]


def _own_params(task: Any) -> dict[str, core.ParamSpec]:
    from tradewind.sdk.serialize import param_spec

    own = {name: task.params.get_param(name) for name in task.own_params}
    return {name: param_spec(own[name]) for name in sorted(own)}


def _own_date(own: datetime | None, of_dag: datetime | None) -> datetime | None:
    """A date that the task has beside its DAG's."""
    return None if own == of_dag else own


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _text(task: Any, name: str) -> str | None:
    given = task.partial_kwargs.get(name) if task.is_mapped else getattr(task, name, None)
    return given if isinstance(given, str) else None


def _assets(lets: list[Any]) -> list[core.AnyAssetRef]:
    """Assets among inlets or outlets, in order; other things there concern lineage only."""
    found: list[core.AnyAssetRef] = []
    for item in lets:
        if isinstance(item, AssetBooleanCondition):
            found.extend(_assets(list(item.objects)))
        elif isinstance(item, BaseAsset):
            found.append(asset_spec(item))
    return found


def expansion(expand_input: ExpandInput) -> core.Expansion:
    """How many instances the arguments of `expand` or `expand_kwargs` make."""
    given = expand_input.value
    if not isinstance(expand_input, DictOfListsExpandInput):
        given = {"": given}
    return core.Expansion(
        arguments=[
            core.MappedArgument(name=name, source=_length(value)) for name, value in given.items()
        ]
    )


def _length(value: Any) -> core.LengthSource:
    match value:
        case PlainXComArg():
            return core.XComLength(task_id=value.operator.task_id, key=value.key)
        case MapXComArg():
            return _length(value.arg)
        case ZipXComArg():
            sources = [_length(arg) for arg in value.args]
            return core.ZipLength(sources=sources, longest=value.fillvalue is not NOTSET)
        case ConcatXComArg():
            return core.ConcatLength(sources=[_length(arg) for arg in value.args])
    return core.LiteralLength(length=len(value))
