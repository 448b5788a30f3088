"""`@task.run_if` and `@task.skip_if`: decide at run time whether the task does its work."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from tradewind.sdk.exceptions import AirflowSkipException

T = TypeVar("T")
Condition = Callable[[Any], Any]

DEFAULT_MESSAGE = "Task was skipped due to condition."


def run_if(condition: Condition, skip_message: str | None = None) -> Callable[[T], T]:
    """Skip unless `condition(context)` holds; it may give `(holds, message)`."""
    return _before_execute(condition, skip_message, skip_when=False)


def skip_if(condition: Condition, skip_message: str | None = None) -> Callable[[T], T]:
    """Skip when `condition(context)` holds; it may give `(holds, message)`."""
    return _before_execute(condition, skip_message, skip_when=True)


def _before_execute(
    condition: Condition, skip_message: str | None, *, skip_when: bool
) -> Callable[[T], T]:
    @functools.wraps(condition)
    def check(context: Any) -> None:
        holds, message = condition(context), skip_message
        if isinstance(holds, tuple):
            holds, own_message = holds
            message = own_message or message
        if bool(holds) is skip_when:
            raise AirflowSkipException(message or DEFAULT_MESSAGE)

    def decorate(task: T) -> T:
        if not getattr(task, "is_task_decorator", False):
            name = "skip_if" if skip_when else "run_if"
            raise TypeError(
                f"{name} can only be used with task. decorate with @task before @{name}."
            )
        kwargs: dict[str, Any] = task.kwargs  # type: ignore[attr-defined]  # a TaskDecorator
        earlier = kwargs.get("pre_execute")

        def pre_execute(context: Any) -> None:
            if earlier is not None:
                earlier(context)
            check(context)

        kwargs["pre_execute"] = pre_execute
        return task

    return decorate
