"""Drawing many arrows at once, and labels on arrows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tradewind.sdk.node import DependencyMixin, as_list

if TYPE_CHECKING:
    from tradewind.sdk.dag import DAG
    from tradewind.sdk.operator import AbstractOperator


class EdgeModifier(DependencyMixin):
    """A label between two arrows: `a >> Label("if it rains") >> b`."""

    def __init__(self, label: str | None = None) -> None:
        self.label = label
        self._upstream: list[Any] = []
        self._downstream: list[Any] = []

    @property
    def roots(self) -> list[AbstractOperator]:
        return [task for node in self._downstream for task in node.roots]

    @property
    def leaves(self) -> list[AbstractOperator]:
        return [task for node in self._upstream for task in node.leaves]

    def set_upstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        self._keep(other, self._upstream)
        for node in self._downstream:
            node.set_upstream(other, edge_modifier=self)

    def set_downstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        self._keep(other, self._downstream)
        for node in self._upstream:
            node.set_downstream(other, edge_modifier=self)

    def update_relative(
        self, other: Any, upstream: bool = True, edge_modifier: EdgeModifier | None = None
    ) -> None:
        if upstream:
            self.set_upstream(other)
        else:
            self.set_downstream(other)

    def _keep(self, nodes: Any, side: list[Any]) -> None:
        for node in as_list(nodes):
            if not isinstance(node, DependencyMixin) or isinstance(node, EdgeModifier):
                raise TypeError(
                    f"Cannot use edge labels with {type(node).__name__}, "
                    "only tasks, XComArg or TaskGroups"
                )
            side.append(node)

    def add_edge_info(self, dag: DAG, upstream_id: str, downstream_id: str) -> None:
        dag.set_edge_info(upstream_id, downstream_id, {"label": self.label})


def Label(label: str) -> EdgeModifier:  # Airflow's name
    """Text to show on the arrows that it stands between."""
    return EdgeModifier(label)


def _check_nodes(nodes: Sequence[Any], what: str) -> None:
    for node in nodes:
        for part in as_list(node):
            if not isinstance(part, DependencyMixin):
                raise TypeError(
                    f"{what} is not supported between instances of {type(part).__name__}"
                )


def chain(*tasks: Any) -> None:
    """`chain(a, [b, c], [d, e], f)`: arrows from each to the next; equal lists pair up by position.

    Raises ValueError when two lists beside each other differ in length.
    """
    _check_nodes(tasks, "chain()")
    for up, down in pairwise(tasks):
        if isinstance(up, DependencyMixin):
            up.set_downstream(down)
        elif isinstance(down, DependencyMixin):
            down.set_upstream(up)
        elif len(up) != len(down):
            raise ValueError(
                "Chain not supported for different length Iterable. "
                f"Got {len(up)} and {len(down)}; use cross_downstream() or chain_linear()."
            )
        else:
            for one_up, one_down in zip(up, down, strict=True):
                one_up.set_downstream(one_down)


def chain_linear(*elements: Any) -> None:
    """`chain_linear(a, [b, c], [d, e])`: arrows from all of each to all of the next."""
    if not elements:
        raise ValueError("No tasks provided; nothing to do.")
    _check_nodes(elements, "chain_linear()")
    previous: list[Any] | None = None
    drawn = False
    for element in elements:
        nodes = [element] if isinstance(element, DependencyMixin) else list(element)
        if not nodes:
            continue
        for up in previous or []:
            for down in nodes:
                up.set_downstream(down)
                drawn = True
        previous = nodes
    if not drawn:
        raise ValueError("No dependencies were set. Did you forget to expand with `*`?")


def cross_downstream(from_tasks: Sequence[Any], to_tasks: Any) -> None:
    """Arrows from each of `from_tasks` to each of `to_tasks`."""
    for task in from_tasks:
        task.set_downstream(to_tasks)


__all__ = ["EdgeModifier", "Label", "chain", "chain_linear", "cross_downstream"]
