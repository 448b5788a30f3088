"""The arguments that every operator takes: defaults, conversion, older spellings.

One table serves plain operators, mapped ones and the @task decorators, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradewind.core.states import TriggerRule
from tradewind.sdk.dates import as_utc
from tradewind.sdk.old_names import note_old_name

if TYPE_CHECKING:
    from tradewind.sdk.dag import DAG


def _duration(value: Any, name: str) -> timedelta | None:
    if value is None or isinstance(value, timedelta):
        return value
    return timedelta(seconds=value)


def _strict_duration(value: Any, name: str) -> timedelta | None:
    if value is not None and not isinstance(value, timedelta):
        raise ValueError(f"{name} must be timedelta object but passed as type: {type(value)}")
    return value


def _retries(value: Any, name: str) -> int:
    if value is None:
        return 0
    try:
        return int(value)
    except (TypeError, ValueError):
        raise TypeError(f"'retries' type must be int, not {type(value).__name__}") from None


def _factor(value: Any, name: str) -> float:
    """`retry_exponential_backoff`: True is Airflow 2's way to say doubling."""
    return 2.0 if value is True else float(value or 0)


def _callbacks(value: Any, name: str) -> list[Any]:
    if not value:
        return []
    return list(value) if isinstance(value, (list, tuple, set)) else [value]


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple, set)) else [value]


def _date(value: Any, name: str) -> datetime | None:
    return as_utc(value, name)


def _trigger_rule(value: Any, name: str) -> TriggerRule:
    value = LEGACY_TRIGGER_RULES.get(value, value)
    try:
        return TriggerRule(value)
    except ValueError:
        rules = [rule.value for rule in TriggerRule]
        raise ValueError(f"The trigger_rule must be one of {rules}; received '{value}'.") from None


def _pool_slots(value: Any, name: str) -> int:
    if value < 1:
        raise ValueError("pool slots cannot be less than 1")
    return int(value)


def _pool(value: Any, name: str) -> str:
    return "default_pool" if value is None else str(value)


def _dict(value: Any, name: str) -> Any:
    return value or {}


LEGACY_TRIGGER_RULES = {
    "dummy": "always",
    "none_failed_or_skipped": "none_failed_min_one_success",
}

DEFAULTS: dict[str, Any] = {
    "owner": "airflow",
    "email": None,
    "email_on_retry": True,
    "email_on_failure": True,
    "retries": 0,
    "retry_delay": timedelta(seconds=300),
    "retry_exponential_backoff": 0.0,
    "max_retry_delay": None,
    "retry_policy": None,
    "start_date": None,
    "end_date": None,
    "depends_on_past": False,
    "ignore_first_depends_on_past": False,
    "wait_for_past_depends_before_skipping": False,
    "wait_for_downstream": False,
    "priority_weight": 1,
    "weight_rule": "downstream",
    "queue": "default",
    "pool": None,
    "pool_slots": 1,
    "execution_timeout": None,
    "on_execute_callback": None,
    "on_failure_callback": None,
    "on_success_callback": None,
    "on_retry_callback": None,
    "on_skipped_callback": None,
    "pre_execute": None,
    "post_execute": None,
    "trigger_rule": TriggerRule.ALL_SUCCESS,
    "resources": None,
    "run_as_user": None,
    "map_index_template": None,
    "max_active_tis_per_dag": None,
    "max_active_tis_per_dagrun": None,
    "executor": None,
    "executor_config": None,
    "do_xcom_push": True,
    "multiple_outputs": False,
    "inlets": None,
    "outlets": None,
    "doc": None,
    "doc_md": None,
    "doc_json": None,
    "doc_yaml": None,
    "doc_rst": None,
    "task_display_name": None,
    "logger_name": None,
    "allow_nested_operators": True,
    "render_template_as_native_obj": None,
}
"""Every argument beside task_id, dag, task_group, params and default_args."""

_CONVERT: dict[str, Callable[[Any, str], Any]] = {
    "retries": _retries,
    "retry_delay": _duration,
    "retry_exponential_backoff": _factor,
    "max_retry_delay": _duration,
    "execution_timeout": _strict_duration,
    "start_date": _date,
    "end_date": _date,
    "trigger_rule": _trigger_rule,
    "pool": _pool,
    "pool_slots": _pool_slots,
    "executor_config": _dict,
    "inlets": _list,
    "outlets": _list,
    **{f"on_{kind}_callback": _callbacks for kind in ("execute", "failure", "success", "retry")},
    "on_skipped_callback": _callbacks,
}

EXPECTED_TYPES: dict[str, type | tuple[type, ...]] = {
    "task_id": str,
    "email": (str, Sequence),
    "email_on_retry": bool,
    "email_on_failure": bool,
    "retries": int,
    "retry_exponential_backoff": (int, float),
    "depends_on_past": bool,
    "ignore_first_depends_on_past": bool,
    "wait_for_past_depends_before_skipping": bool,
    "wait_for_downstream": bool,
    "priority_weight": int,
    "queue": str,
    "pool": str,
    "pool_slots": int,
    "trigger_rule": str,
    "run_as_user": str,
    "map_index_template": str,
    "max_active_tis_per_dag": int,
    "max_active_tis_per_dagrun": int,
    "executor": str,
    "do_xcom_push": bool,
    "multiple_outputs": bool,
    "doc_md": str,
    "task_display_name": str,
    "logger_name": str,
    "allow_nested_operators": bool,
    "start_date": datetime,
    "end_date": datetime,
}


def check_types(values: Mapping[str, Any]) -> None:
    """Raises TypeError for a value of a kind that could not be meant."""
    for name, expected in EXPECTED_TYPES.items():
        value = values.get(name)
        if value is not None and not isinstance(value, expected):
            raise TypeError(
                f"{name!r} has an invalid type {type(value)} with value {value!r}, "
                f"expected type is {expected}"
            )


def convert(name: str, value: Any) -> Any:
    """The value in the form in which it is kept; raises what Airflow raises for a bad one."""
    converter = _CONVERT.get(name)
    return value if converter is None else converter(value, name)


RENAMED = {"task_concurrency": "max_active_tis_per_dag", "xcom_push": "do_xcom_push"}
DROPPED = {
    "provide_context": "the context is always passed",
    "sla": "use a DeadlineAlert of the DAG",
    "adhoc": "has no effect since Airflow 2",
    "run_as_owner": "use run_as_user",
}


def modernise(kwargs: MutableMapping[str, Any], accepted: Callable[[], frozenset[str]]) -> None:
    """Replace arguments of Airflow 1 and 2 in place, but for those the operator itself `accepted`.

    Notes each one with its modern form.
    """
    old_ones = [name for name in (*RENAMED, *DROPPED) if name in kwargs]
    own = accepted() if old_ones else frozenset()
    for old in old_ones:
        if old in own:
            continue
        value = kwargs.pop(old)
        if old in RENAMED:
            kwargs.setdefault(RENAMED[old], value)
            note_old_name(f"The argument {old} is now called {RENAMED[old]}.")
        else:
            note_old_name(f"The argument {old} is ignored: {DROPPED[old]}.")
    rule = kwargs.get("trigger_rule")
    if isinstance(rule, str) and rule in LEGACY_TRIGGER_RULES:
        kwargs["trigger_rule"] = LEGACY_TRIGGER_RULES[rule]
        note_old_name(f"trigger_rule {rule!r} is now called {LEGACY_TRIGGER_RULES[rule]!r}.")


def note_old_defaults(default_args: Mapping[str, Any]) -> None:
    """Say what has become of arguments of Airflow 1 and 2 in default_args."""
    for old, new in RENAMED.items():
        if old in default_args:
            note_old_name(f"{old} in default_args is now called {new}.")
    for old, instead in DROPPED.items():
        if old in default_args:
            note_old_name(f"{old} in default_args is ignored: {instead}.")


def merged_defaults(
    dag: DAG | None, task_group: Any, default_args: Mapping[str, Any] | None
) -> dict[str, Any]:
    """default_args of the DAG, overridden by its groups' and then by the task's own."""
    merged: dict[str, Any] = {}
    for level in (dag, task_group):
        merged.update(level.default_args or {} if level is not None else {})
    if default_args is not None and not isinstance(default_args, Mapping):
        raise TypeError(f"default_args must be a mapping, got {type(default_args)}")
    merged.update(default_args or {})
    for old, new in RENAMED.items():
        if old in merged:
            merged.setdefault(new, merged[old])
    return merged
