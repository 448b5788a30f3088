"""Who a task is, as environment variables of the processes that it starts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

DEFAULT_FORMAT_PREFIX = "airflow.ctx."
ENV_VAR_FORMAT_PREFIX = "AIRFLOW_CTX_"

_SOURCES = (
    ("task", "email", "dag_email"),
    ("task", "owner", "dag_owner"),
    ("ti", "dag_id", "dag_id"),
    ("ti", "task_id", "task_id"),
    ("ti", "try_number", "try_number"),
    ("dag_run", "logical_date", "logical_date"),
    ("dag_run", "logical_date", "execution_date"),  # Airflow 2's name
    ("dag_run", "run_id", "dag_run_id"),
)

AIRFLOW_VAR_NAME_FORMAT_MAPPING = {
    f"AIRFLOW_CONTEXT_{name.upper()}": {
        "default": DEFAULT_FORMAT_PREFIX + name,
        "env_var_format": ENV_VAR_FORMAT_PREFIX + name.upper(),
    }
    for _, _, name in _SOURCES
}
"""The keys of `context_to_airflow_vars` in both forms, as hooks look them up that pass them on."""


def context_to_airflow_vars(
    context: Mapping[str, Any], in_env_var_format: bool = False
) -> dict[str, str]:
    """The task's identity: keys like ``airflow.ctx.dag_id``, or ``AIRFLOW_CTX_DAG_ID``.

    What the context or the run does not have (a run may lack a logical date) is left out.
    """
    prefix = ENV_VAR_FORMAT_PREFIX if in_env_var_format else DEFAULT_FORMAT_PREFIX
    values: dict[str, str] = {}
    for source, attribute, name in _SOURCES:
        value = getattr(context.get(source), attribute, None)
        if value:
            values[prefix + (name.upper() if in_env_var_format else name)] = _text(value)
    return values


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)
