"""Who a task is, as environment variables of the processes that it starts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

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


def context_to_airflow_vars(
    context: Mapping[str, Any], in_env_var_format: bool = False
) -> dict[str, str]:
    """The task's identity: keys like ``airflow.ctx.dag_id``, or ``AIRFLOW_CTX_DAG_ID``.

    What the context or the run does not have (a run may lack a logical date) is left out.
    """
    prefix = "AIRFLOW_CTX_" if in_env_var_format else "airflow.ctx."
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
