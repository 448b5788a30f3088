"""`@task.bash`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from tradewind.sdk.authoring import NOTSET
from tradewind.sdk.calling import call
from tradewind.sdk.decorators.base import DecoratedOperator, task_decorator_factory
from tradewind.sdk.operators.bash import BashOperator, is_script_file


class _ComputedBashOperator(BashOperator):
    """Asks the function for the command, and renders that, before it runs it."""

    python_callable: Callable[..., Any]
    op_args: Any
    op_kwargs: Any

    def execute(self, context: Any) -> Any:
        command = call(self.python_callable, self.op_args, self.op_kwargs, context)
        if not isinstance(command, str) or not command.strip():
            raise TypeError(
                "The returned value from the TaskFlow callable must be a non-empty string."
            )
        self._is_script_file = is_script_file(command, self.template_ext)
        self.bash_command = command
        self.bash_command = self.render_template(command, context)
        return super().execute(context)


class _BashTask(DecoratedOperator, _ComputedBashOperator):
    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *BashOperator.template_fields,
    )
    template_fields_renderers: ClassVar[Mapping[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **BashOperator.template_fields_renderers,
    }
    custom_operator_name = "@task.bash"
    overwrite_rtif_after_execution = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(kwargs_to_upstream={"bash_command": NOTSET}, **kwargs)


def bash_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Any:
    """The function returns the shell command to run; its last line of output is the result."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_BashTask,
        **kwargs,
    )
