"""`@task.short_circuit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tradewind.sdk.decorators.base import task_decorator_factory
from tradewind.sdk.decorators.function import FunctionOperator
from tradewind.sdk.operators.python import ShortCircuitOperator


class _ShortCircuitTask(FunctionOperator, ShortCircuitOperator):
    template_fields: Sequence[str] = ShortCircuitOperator.template_fields
    custom_operator_name = "@task.short_circuit"


def short_circuit_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Any:
    """What is downstream is skipped unless the function's answer is true."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_ShortCircuitTask,
        **kwargs,
    )
