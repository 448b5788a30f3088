"""`@task.branch`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tradewind.sdk.decorators.base import task_decorator_factory
from tradewind.sdk.decorators.function import FunctionOperator
from tradewind.sdk.operators.python import BranchPythonOperator


class _BranchTask(FunctionOperator, BranchPythonOperator):
    template_fields: Sequence[str] = BranchPythonOperator.template_fields
    custom_operator_name = "@task.branch"


def branch_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Any:
    """The function names the tasks or groups to follow; the other children are skipped."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_BranchTask,
        **kwargs,
    )
