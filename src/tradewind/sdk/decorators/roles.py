"""`@setup`, `@teardown` and `@result`: what part a task plays in its DAG."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from tradewind.sdk.exceptions import AirflowException


def setup(func: Any) -> Any:
    """Runs before the tasks that need it; goes over @task or a plain function."""
    task = _as_task(func)
    task.is_setup = True
    return task


def teardown(
    _func: Any = None, *, on_failure_fail_dagrun: bool = False
) -> Any | Callable[[Any], Any]:
    """Runs at the end once its setups succeeded.

    Its failure fails the run only with `on_failure_fail_dagrun`.
    """

    def decorate(func: Any) -> Any:
        task = _as_task(func)
        task.is_teardown = True
        task.on_failure_fail_dagrun = on_failure_fail_dagrun
        return task

    return decorate if _func is None else decorate(_func)


def result(func: Any) -> Any:
    """The task's return value is the result of the whole run."""
    task = _as_task(func)
    task.returns_dag_result = True
    return task


def _as_task(func: Any) -> Any:
    if getattr(func, "is_task_decorator", False):
        return func
    if getattr(func, "is_task_group_factory", False):
        raise AirflowException("Task groups cannot be marked as setup or teardown.")
    from tradewind.sdk.decorators.python import python_task

    return python_task(func)


class ContextWrapper(list[Any]):
    """`with context_wrapper([setup_a, setup_b]):`, a block under several setups or teardowns."""

    def __enter__(self) -> Any:
        from tradewind.sdk.setup_teardown import enter

        return enter([getattr(task, "operator", task) for task in self])

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from tradewind.sdk.setup_teardown import leave

        leave()


context_wrapper = ContextWrapper
