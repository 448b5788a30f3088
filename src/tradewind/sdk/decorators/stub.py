"""`@task.stub`: a task whose code is elsewhere, in another language."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from tradewind.sdk.decorators.base import (
    DecoratedOperator,
    source_of,
    task_decorator_factory,
)


class StubOperator(DecoratedOperator):
    """Checks that the function has no body of its own."""

    custom_operator_name = "@task.stub"
    is_stub = True

    def __init__(
        self, *, python_callable: Callable[..., Any], retry_policy: Any = None, **kwargs: Any
    ) -> None:
        if retry_policy is not None:
            raise ValueError(
                "@task.stub does not support `retry_policy`: it runs Python in-process, but the "
                "task's code is not Python here. Use `retries` instead."
            )
        (function,) = ast.parse(source_of(python_callable)).body
        if not isinstance(function, ast.FunctionDef):
            raise RuntimeError("@task.stub expects a single sync function")
        for statement in function.body:
            if not _is_empty(statement):
                raise ValueError(
                    "Functions passed to @task.stub must be an empty function (`pass`, or `...` "
                    f"only), got: {ast.unparse(statement)}"
                )
        super().__init__(python_callable=python_callable, **kwargs)

    def execute(self, context: Any) -> Any:
        raise RuntimeError(
            "@task.stub should not be executed directly: its queue has to be served by a worker of "
            "the task's own language. Check the task's queue."
        )


def _is_empty(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, (str, type(...)))
    )


def stub_task(
    python_callable: Callable[..., Any] | None = None,
    queue: str | None = None,
    executor: str | None = None,
    **kwargs: Any,
) -> Any:
    """`@task.stub(queue=...)`."""
    if queue is not None:
        kwargs["queue"] = queue
    return task_decorator_factory(
        python_callable, decorated_operator_class=StubOperator, executor=executor, **kwargs
    )
