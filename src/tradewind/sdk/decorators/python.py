"""Plain `@task`: the function runs in the task's own process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradewind.sdk.decorators.base import task_decorator_factory
from tradewind.sdk.decorators.function import FunctionOperator
from tradewind.sdk.operators.python import PythonOperator


class FunctionTask(FunctionOperator, PythonOperator):
    """The operator of a plain @task."""

    template_fields = PythonOperator.template_fields
    custom_operator_name = "@task"


def python_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Any:
    """`@task` and `@task.python`."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=FunctionTask,
        **kwargs,
    )
