"""`with setup_task >> teardown_task:`, which puts the tasks of the block between the two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tradewind.sdk.exceptions import AirflowException

if TYPE_CHECKING:
    from tradewind.sdk.operator import AbstractOperator


class Scope:
    """One open block: its setups and teardowns, and the work tasks added inside."""

    def __init__(
        self, setups: Sequence[AbstractOperator], teardowns: Sequence[AbstractOperator]
    ) -> None:
        self.setups = list(setups)
        self.teardowns = list(teardowns)
        self.work: list[AbstractOperator] = []

    def add_task(self, task: Any) -> None:
        """Put a task into the block that was made before it."""
        if self not in _scopes:
            raise AirflowException("Cannot add task to context outside the context manager.")
        _add(self, getattr(task, "operator", task))


_scopes: list[Scope] = []


def note_new_task(task: AbstractOperator) -> None:
    """Called for each new task of a DAG: the innermost open block takes it."""
    if _scopes:
        _add(_scopes[-1], task)


def _add(scope: Scope, task: AbstractOperator) -> None:
    if all(task is not known for known in scope.work):
        scope.work.append(task)


def enter(tasks: Sequence[AbstractOperator]) -> Scope:
    """Open a block around the setups or teardowns `tasks`; their counterparts are looked up."""
    roles = {(task.is_setup, task.is_teardown) for task in tasks}
    if roles == {(True, False)}:
        scope = Scope(tasks, _reachable(tasks, upstream=False))
    elif roles == {(False, True)}:
        scope = Scope(_reachable(tasks, upstream=True), tasks)
    elif len(roles) > 1:
        raise ValueError("All tasks in the list must be either setup or teardown tasks")
    else:
        raise RuntimeError("Only setup/teardown tasks can be used as context managers.")
    _scopes.append(scope)
    return scope


def _reachable(tasks: Sequence[AbstractOperator], *, upstream: bool) -> list[AbstractOperator]:
    """The nearest teardowns below a setup, or setups above a teardown."""
    seen = {task.task_id for task in tasks}
    level = [relative for task in tasks for relative in task.get_direct_relatives(upstream)]
    while level:
        found = [task for task in level if (task.is_setup if upstream else task.is_teardown)]
        if found:
            return found
        seen |= {task.task_id for task in level}
        level = [
            relative
            for task in level
            for relative in task.get_direct_relatives(upstream)
            if relative.task_id not in seen
        ]
    return []


def leave() -> None:
    """Close the innermost block and draw its arrows."""
    scope = _scopes.pop()
    work = [task for task in scope.work if not task.is_setup and not task.is_teardown]
    if work:
        setup_ids = {task.task_id for task in scope.setups}
        teardown_ids = {task.task_id for task in scope.teardowns}
        roots = [task for task in work if task.upstream_task_ids <= setup_ids]
        leaves = [task for task in work if task.downstream_task_ids <= teardown_ids]
        _draw(scope.setups, roots or work[:1])
        _draw(leaves or work[-1:], scope.teardowns)
    if _scopes:
        outer = _scopes[-1]
        _draw(outer.setups, scope.setups)
        _draw(scope.teardowns, outer.teardowns)


def _draw(starts: Iterable[AbstractOperator], ends: Iterable[AbstractOperator]) -> None:
    for start in starts:
        for end in ends:
            if start is not end:
                start.set_downstream(end)
