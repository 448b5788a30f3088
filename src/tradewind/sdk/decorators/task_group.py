"""`@task_group`: a function whose tasks form a group."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from tradewind.sdk.taskgroup import MappedTaskGroup, TaskGroup


class TaskGroupFactory:
    """What `@task_group` makes of a function. A call builds the group and returns what the function
    does, or the group if it returns nothing."""

    is_task_group_factory = True

    def __init__(
        self,
        function: Callable[..., Any],
        group_kwargs: Mapping[str, Any] | None = None,
        partial_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.function = function
        self.group_kwargs = {"group_id": function.__name__, **(group_kwargs or {})}
        self.partial_kwargs = dict(partial_kwargs or {})
        self._used = not partial_kwargs
        inspect.signature(TaskGroup).bind_partial(**self.group_kwargs)
        functools.update_wrapper(self, function)

    def __del__(self) -> None:
        if not self.__dict__.get("_used", True):
            name = self.group_kwargs["group_id"]
            warnings.warn(f"Partial task group {name!r} was never mapped!", stacklevel=1)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._create(TaskGroup, *args, **{**self.partial_kwargs, **kwargs})

    def _create(self, make: Callable[..., TaskGroup], *args: Any, **kwargs: Any) -> Any:
        self._used = True
        with make(**{"add_suffix_on_collision": True, **self.group_kwargs}) as group:
            if self.function.__doc__:
                group.tooltip = group.tooltip or self.function.__doc__
                group.doc_md = group.doc_md or self.function.__doc__
            returned = self.function(*args, **kwargs)
        return group if returned is None else returned

    def override(self, **kwargs: Any) -> TaskGroupFactory:
        """The same function with other arguments of the group."""
        self._used = True
        return TaskGroupFactory(self.function, {**self.group_kwargs, **kwargs}, self.partial_kwargs)

    def partial(self, **kwargs: Any) -> TaskGroupFactory:
        """Fix some of the function's arguments before `expand`."""
        from tradewind.sdk.decorators.base import check_function_arguments
        from tradewind.sdk.expand_input import refuse_duplicates

        self._used = True
        check_function_arguments(self.function, "partial", kwargs)
        refuse_duplicates(self.partial_kwargs, kwargs, "duplicate partial")
        return TaskGroupFactory(self.function, self.group_kwargs, {**self.partial_kwargs, **kwargs})

    def expand(self, **kwargs: Any) -> Any:
        """The group once for each combination of the arguments' items."""
        from tradewind.sdk.decorators.base import check_function_arguments
        from tradewind.sdk.expand_input import DictOfListsExpandInput, refuse_duplicates

        if not kwargs:
            raise TypeError("no arguments to expand against")
        check_function_arguments(self.function, "expand", kwargs)
        refuse_duplicates(self.partial_kwargs, kwargs, "mapping already partial")
        return self._create_mapped(DictOfListsExpandInput(kwargs), list(kwargs))

    def expand_kwargs(self, kwargs: Any) -> Any:
        """The group once for each dict of arguments."""
        from tradewind.sdk.expand_input import ListOfDictsExpandInput

        parameters = inspect.signature(self.function).parameters
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values()):
            raise TypeError(
                "calling expand_kwargs() on task group function with * or ** is not supported"
            )
        names = [name for name in parameters if name not in self.partial_kwargs]
        return self._create_mapped(ListOfDictsExpandInput(kwargs), names)

    def _create_mapped(self, expand_input: Any, names: list[str]) -> Any:
        from tradewind.sdk.expand_input import MappedArgument, ensure_return_values

        ensure_return_values(expand_input.value)
        stand_ins = {name: MappedArgument(input=expand_input, key=name) for name in names}
        make = functools.partial(MappedTaskGroup, expand_input=expand_input)
        return self._create(make, **self.partial_kwargs, **stand_ins)


def task_group(python_callable: Any = None, **group_kwargs: Any) -> Any:
    """Make a function a task group; arguments are those of `TaskGroup`."""
    if callable(python_callable):
        return TaskGroupFactory(python_callable, group_kwargs)
    if python_callable is not None:
        group_kwargs["group_id"] = python_callable  # @task_group("name")

    def decorate(function: Callable[..., Any]) -> TaskGroupFactory:
        return TaskGroupFactory(function, group_kwargs)

    return decorate
