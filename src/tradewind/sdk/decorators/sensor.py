"""`@task.sensor`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tradewind.sdk.decorators.base import task_decorator_factory
from tradewind.sdk.decorators.function import FunctionOperator
from tradewind.sdk.sensors.python import PythonSensor


class _SensorTask(FunctionOperator, PythonSensor):
    template_fields: Sequence[str] = PythonSensor.template_fields
    custom_operator_name = "@task.sensor"


def sensor_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
    """The function is asked again and again until its answer is true."""
    return task_decorator_factory(
        python_callable, multiple_outputs=False, decorated_operator_class=_SensorTask, **kwargs
    )
