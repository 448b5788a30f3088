"""`@task.branch_virtualenv`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tradewind.sdk.decorators.base import task_decorator_factory
from tradewind.sdk.decorators.function import FunctionOperator
from tradewind.sdk.operators.external_python import BranchPythonVirtualenvOperator


class _BranchVirtualenvTask(FunctionOperator, BranchPythonVirtualenvOperator):
    template_fields: Sequence[str] = BranchPythonVirtualenvOperator.template_fields
    custom_operator_name = "@task.branch_virtualenv"


def branch_virtualenv_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Like `@task.branch`, in a virtual environment."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_BranchVirtualenvTask,
        **kwargs,
    )
