"""Nodes and arrows: what tasks, groups, XComArgs and labels have in common."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tradewind.sdk.dag import DAG
    from tradewind.sdk.edges import EdgeModifier
    from tradewind.sdk.operator import AbstractOperator
    from tradewind.sdk.taskgroup import TaskGroup

Other = TypeVar("Other")


class DependencyMixin:
    """Whatever can stand beside `>>` and `<<`.

    An incoming arrow reaches its `roots`, an outgoing one starts at its `leaves`.
    """

    @property
    def roots(self) -> Sequence[AbstractOperator]:
        raise TypeError(f"{type(self).__name__} cannot stand at the end of an arrow")

    @property
    def leaves(self) -> Sequence[AbstractOperator]:
        raise TypeError(f"{type(self).__name__} cannot stand at the start of an arrow")

    def set_upstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        raise TypeError(f"{type(self).__name__} cannot have upstreams")

    def set_downstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        raise TypeError(f"{type(self).__name__} cannot have downstreams")

    def update_relative(
        self, other: Any, upstream: bool = True, edge_modifier: EdgeModifier | None = None
    ) -> None:
        """The other side of an arrow is being drawn to `other`; most nodes need not know."""

    def as_setup(self) -> DependencyMixin:
        raise TypeError(f"{type(self).__name__} cannot be a setup")

    def as_teardown(
        self, *, setups: Any = None, on_failure_fail_dagrun: bool | None = None
    ) -> DependencyMixin:
        raise TypeError(f"{type(self).__name__} cannot be a teardown")

    def __rshift__(self, other: Other) -> Other:
        self.set_downstream(other)
        return other

    def __lshift__(self, other: Other) -> Other:
        self.set_upstream(other)
        return other

    def __rrshift__(self, other: Any) -> DependencyMixin:
        self.__lshift__(other)  # [a, b] >> self: a list has no arrows of its own
        return self

    def __rlshift__(self, other: Any) -> DependencyMixin:
        self.__rshift__(other)
        return self


def as_list(nodes: Any) -> Sequence[Any]:
    return nodes if isinstance(nodes, (list, tuple)) else [nodes]


class Node(DependencyMixin):
    """A task or a task group of a DAG."""

    task_group: TaskGroup | None
    upstream_task_ids: set[str]
    downstream_task_ids: set[str]
    _logger_name: str | None = None

    @property
    def node_id(self) -> str:
        raise TypeError(f"{type(self).__name__} has no id")

    def get_dag(self) -> DAG | None:
        raise TypeError(f"{type(self).__name__} belongs to no DAG")

    def has_dag(self) -> bool:
        return self.get_dag() is not None

    @property
    def log(self) -> logging.Logger:
        cls = type(self)
        name = self._logger_name or f"{cls.__module__}.{cls.__qualname__}"
        return logging.getLogger(f"airflow.task.operators.{name}")

    def set_downstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        """Draw arrows from this node to `other`, or to each of them."""
        self._connect(other, upstream=False, edge_modifier=edge_modifier)

    def set_upstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        """Draw arrows from `other`, or each of them, to this node."""
        self._connect(other, upstream=True, edge_modifier=edge_modifier)

    def _arrow_starts(self) -> Sequence[AbstractOperator]:
        return self.leaves

    def _connect(
        self, other: Any, *, upstream: bool, edge_modifier: EdgeModifier | None = None
    ) -> None:
        relatives: list[AbstractOperator] = []
        for node in as_list(other):
            if not isinstance(node, DependencyMixin):
                raise TypeError(
                    f"Relationships can only be set between Operators; "
                    f"received {type(node).__name__} beside {self.node_id!r}"
                )
            node.update_relative(self, not upstream, edge_modifier=edge_modifier)
            relatives.extend(node.leaves if upstream else node.roots)
        if not relatives:
            return
        own = self.roots if upstream else self._arrow_starts()
        dag = shared_dag(self, [*own, *relatives])
        for task in own:
            for relative in relatives:
                start, end = (relative, task) if upstream else (task, relative)
                start.downstream_task_ids.add(end.task_id)
                end.upstream_task_ids.add(start.task_id)
                if edge_modifier is not None:
                    edge_modifier.add_edge_info(dag, start.task_id, end.task_id)


def shared_dag(node: Node, tasks: Iterable[AbstractOperator]) -> DAG:
    """The one DAG that the tasks belong to; those without a DAG are added to it."""
    tasks = list(tasks)
    dags = {id(dag): dag for task in tasks if (dag := task.get_dag()) is not None}
    if len(dags) > 1:
        names = sorted(dag.dag_id for dag in dags.values())
        raise RuntimeError(
            f"Tried to set relationships between tasks in more than one Dag: {names} "
            f"at {node.node_id!r}"
        )
    if not dags:
        raise ValueError(
            "Tried to create relationships between tasks that don't have Dags yet. "
            f"Set the Dag for at least one task and try again: {tasks}"
        )
    (dag,) = dags.values()
    for task in tasks:
        if not task.has_dag():
            dag.add_task(task)
    return dag
