"""Plain `@task`: the function runs in the task's own process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.calling import call
from tradewind.sdk.decorators.base import DecoratedOperator, task_decorator_factory


class _CallFunction(BaseOperator):
    """Calls the function. `templates_dict` is rendered and put into the context."""

    def __init__(
        self,
        *,
        templates_dict: dict[str, Any] | None = None,
        templates_exts: list[str] | None = None,
        show_return_value_in_logs: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.templates_dict = templates_dict
        self.show_return_value_in_logs = show_return_value_in_logs
        if templates_exts:
            self.template_ext = templates_exts

    def execute(self, context: Any) -> Any:
        context["templates_dict"] = self.templates_dict
        result = call(self.python_callable, self.op_args, self.op_kwargs, context)
        if self.show_return_value_in_logs:
            self.log.info("Done. Returned value was: %s", result)
        else:
            self.log.info("Done. Returned value not shown")
        return result

    python_callable: Callable[..., Any]
    op_args: Any
    op_kwargs: Any


class FunctionTask(DecoratedOperator, _CallFunction):
    """The operator of a plain @task."""

    template_fields = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers: ClassVar[Mapping[str, str]] = {
        "templates_dict": "json",
        "op_args": "py",
        "op_kwargs": "py",
    }
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
