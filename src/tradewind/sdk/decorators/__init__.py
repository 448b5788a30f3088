"""`task`, `setup`, `teardown`, `result`, `task_group`: functions that become tasks and groups.

One module per flavour of `@task`, imported when the flavour is used. Nothing here runs a task.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tradewind.sdk.decorators.conditions import run_if, skip_if
from tradewind.sdk.decorators.roles import result, setup, teardown
from tradewind.sdk.decorators.task_group import task_group

if TYPE_CHECKING:
    from tradewind.sdk.decorators.base import TaskDecorator

FLAVOURS: dict[str, tuple[str, str]] = {
    "python": ("python", "python_task"),
    "stub": ("stub", "stub_task"),
    "bash": ("bash", "bash_task"),
    "branch": ("branch", "branch_task"),
    "short_circuit": ("short_circuit", "short_circuit_task"),
    "sensor": ("sensor", "sensor_task"),
    "virtualenv": ("virtualenv", "virtualenv_task"),
    "external_python": ("external_python", "external_python_task"),
    "branch_virtualenv": ("branch_virtualenv", "branch_virtualenv_task"),
    "branch_external_python": ("branch_external_python", "branch_external_python_task"),
}
"""`@task.<name>` → module beside this one, and the function in it."""


class TaskDecoratorCollection:
    """`@task` itself, and its flavours as attributes, those of installed providers too."""

    run_if = staticmethod(run_if)
    skip_if = staticmethod(skip_if)

    def __call__(
        self,
        python_callable: Callable[..., Any] | None = None,
        multiple_outputs: bool | None = None,
        **kwargs: Any,
    ) -> TaskDecorator | Any:
        """Make a function a task. Arguments are those of `BaseOperator`."""
        return self.python(python_callable, multiple_outputs=multiple_outputs, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in FLAVOURS:
            module, function = FLAVOURS[name]
            module = f"{__name__}.{module}"
        else:
            module, function = _of_a_provider(name)
        flavour = getattr(importlib.import_module(module), function)
        self.__dict__[name] = flavour
        return flavour


def _of_a_provider(name: str) -> tuple[str, str]:
    from tradewind.sdk.providers import task_decorators

    brought = task_decorators()
    if name not in brought:
        known = ", ".join(sorted({*FLAVOURS, *brought, "run_if", "skip_if"}))
        raise AttributeError(f"task decorator {name!r} not found; there are: {known}")
    module, _, function = brought[name].rpartition(".")
    return module, function


task = TaskDecoratorCollection()

__all__ = ["result", "run_if", "setup", "skip_if", "task", "task_group", "teardown"]
