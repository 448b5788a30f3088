"""`@task.branch_external_python`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tradewind.sdk.decorators.base import task_decorator_factory
from tradewind.sdk.decorators.function import FunctionOperator
from tradewind.sdk.operators.external_python import BranchExternalPythonOperator


class _BranchExternalPythonTask(FunctionOperator, BranchExternalPythonOperator):
    template_fields: Sequence[str] = BranchExternalPythonOperator.template_fields
    custom_operator_name = "@task.branch_external_python"


def branch_external_python_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Like `@task.branch`, with another Python interpreter."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_BranchExternalPythonTask,
        **kwargs,
    )
