"""`@task.virtualenv`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tradewind.sdk.decorators.base import task_decorator_factory
from tradewind.sdk.decorators.function import FunctionOperator
from tradewind.sdk.operators.external_python import PythonVirtualenvOperator


class _VirtualenvTask(FunctionOperator, PythonVirtualenvOperator):
    template_fields: Sequence[str] = PythonVirtualenvOperator.template_fields
    custom_operator_name = "@task.virtualenv"


def virtualenv_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Any:
    """The function runs in a virtual environment that is made for it."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_VirtualenvTask,
        **kwargs,
    )
