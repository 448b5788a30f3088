"""`@task.external_python`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tradewind.sdk.decorators.base import task_decorator_factory
from tradewind.sdk.decorators.function import FunctionOperator
from tradewind.sdk.operators.external_python import ExternalPythonOperator


class _ExternalPythonTask(FunctionOperator, ExternalPythonOperator):
    template_fields: Sequence[str] = ExternalPythonOperator.template_fields
    custom_operator_name = "@task.external_python"


def external_python_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Any:
    """The function runs with another Python interpreter, `python=`."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_ExternalPythonTask,
        **kwargs,
    )
