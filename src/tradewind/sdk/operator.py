"""What plain and mapped operators have in common: their place in the DAG and in its groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tradewind.core.states import TriggerRule
from tradewind.sdk.node import Node, as_list
from tradewind.sdk.templater import Templater

if TYPE_CHECKING:
    from typing import Self

    from tradewind.sdk.dag import DAG
    from tradewind.sdk.taskgroup import MappedTaskGroup, TaskGroup
    from tradewind.sdk.xcom_arg import XComArg


class AbstractOperator(Templater, Node):
    """A task of a DAG, mapped or not."""

    task_id: str
    task_group: TaskGroup | None
    trigger_rule: TriggerRule
    returns_dag_result: bool = False
    owner: str
    start_date: datetime | None
    end_date: datetime | None
    task_display_name: str
    is_mapped: bool = False
    _dag: DAG | None = None

    def __init__(self) -> None:
        self.upstream_task_ids = set()
        self.downstream_task_ids = set()

    # --- who it is --------------------------------------------------------------------------------

    @property
    def task_type(self) -> str:
        """The operator class's name."""
        raise TypeError(f"{type(self).__name__} has no operator class")

    @property
    def operator_name(self) -> str:
        """The name to show: "BashOperator", "@task.branch"."""
        raise TypeError(f"{type(self).__name__} has no operator class")

    @property
    def node_id(self) -> str:
        return self.task_id

    @property
    def dag_id(self) -> str:
        return self._dag.dag_id if self._dag is not None else f"adhoc_{self.owner}"

    @property
    def label(self) -> str:
        """The id without its group's prefix, or the display name if one was given."""
        if self.task_display_name != self.task_id:
            return self.task_display_name
        group = self.task_group
        if group is not None and group.group_id and group.prefix_group_id:
            return self.task_id.removeprefix(f"{group.group_id}.")
        return self.task_id

    # --- where it stands --------------------------------------------------------------------------

    def get_dag(self) -> DAG | None:
        return self._dag

    @property
    def dag(self) -> DAG:
        if self._dag is None:
            raise RuntimeError(f"Operator {self} has not been assigned to a Dag yet")
        return self._dag

    @dag.setter
    def dag(self, dag: DAG | None) -> None:
        if dag is None or dag is self._dag:
            return
        if self._dag is not None:
            raise ValueError(f"The dag assigned to {self} can not be changed.")
        dag.add_task(self)

    @property
    def roots(self) -> Sequence[AbstractOperator]:
        return [self]

    @property
    def leaves(self) -> Sequence[AbstractOperator]:
        return [self]

    @property
    def upstream_list(self) -> list[AbstractOperator]:
        return [self.dag.task_dict[task_id] for task_id in sorted(self.upstream_task_ids)]

    @property
    def downstream_list(self) -> list[AbstractOperator]:
        return [self.dag.task_dict[task_id] for task_id in sorted(self.downstream_task_ids)]

    def get_direct_relative_ids(self, upstream: bool = False) -> set[str]:
        return self.upstream_task_ids if upstream else self.downstream_task_ids

    def get_direct_relatives(self, upstream: bool = False) -> list[AbstractOperator]:
        return self.upstream_list if upstream else self.downstream_list

    def get_flat_relative_ids(
        self, *, upstream: bool = False, depth: int | None = None
    ) -> set[str]:
        """Ids of all tasks that can be reached, at most `depth` arrows away."""
        if depth is not None and depth < 0:
            raise ValueError(f"depth must be non-negative, got {depth}")
        found: set[str] = set()
        edge = set(self.get_direct_relative_ids(upstream)) if self._dag is not None else set()
        while edge and (depth is None or depth > 0):
            found |= edge
            edge = {
                relative
                for task_id in edge
                for relative in self.dag.task_dict[task_id].get_direct_relative_ids(upstream)
            } - found
            depth = None if depth is None else depth - 1
        return found

    def get_flat_relatives(
        self, upstream: bool = False, depth: int | None = None
    ) -> Collection[AbstractOperator]:
        ids = sorted(self.get_flat_relative_ids(upstream=upstream, depth=depth))
        return [self.dag.task_dict[task_id] for task_id in ids]

    def iter_mapped_task_groups(self) -> Iterator[MappedTaskGroup]:
        """The mapped groups that it is in, innermost first."""
        if self.task_group is not None:
            yield from self.task_group.iter_mapped_task_groups()

    def get_closest_mapped_task_group(self) -> MappedTaskGroup | None:
        return next(self.iter_mapped_task_groups(), None)

    def get_needs_expansion(self) -> bool:
        """Whether it has several instances per run: mapped itself or in a mapped group."""
        return self.is_mapped or self.get_closest_mapped_task_group() is not None

    # --- setup and teardown -----------------------------------------------------------------------

    @property
    def is_setup(self) -> bool:
        return bool(self.__dict__.get("_is_setup"))

    @is_setup.setter
    def is_setup(self, value: bool) -> None:
        if value and self.is_teardown:
            raise ValueError(
                f"Cannot mark task '{self.task_id}' as setup; task is already a teardown."
            )
        self.__dict__["_is_setup"] = value

    @property
    def is_teardown(self) -> bool:
        return bool(self.__dict__.get("_is_teardown"))

    @is_teardown.setter
    def is_teardown(self, value: bool) -> None:
        if value and self.is_setup:
            raise ValueError(
                f"Cannot mark task '{self.task_id}' as teardown; task is already a setup."
            )
        self.__dict__["_is_teardown"] = value

    @property
    def on_failure_fail_dagrun(self) -> bool:
        return bool(self.__dict__.get("_on_failure_fail_dagrun"))

    @on_failure_fail_dagrun.setter
    def on_failure_fail_dagrun(self, value: bool) -> None:
        if value and not self.is_teardown:
            raise ValueError(
                f"Cannot set task on_failure_fail_dagrun for '{self.task_id}' "
                "because it is not a teardown task."
            )
        self.__dict__["_on_failure_fail_dagrun"] = value

    # --- results ----------------------------------------------------------------------------------

    @property
    def output(self) -> XComArg:
        """A reference to what the task returns."""
        from tradewind.sdk.xcom_arg import PlainXComArg

        return PlainXComArg(self)

    def unmap(self, resolve: Mapping[str, Any] | None) -> Any:
        """The plain operator to run; see `MappedOperator.unmap`."""
        return self

    def as_setup(self) -> Self:
        self.is_setup = True
        return self

    def as_teardown(
        self, *, setups: Any = None, on_failure_fail_dagrun: bool | None = None
    ) -> Self:
        """Run at the end although tasks failed; `setups` get an arrow to this task."""
        self.is_teardown = True
        self.trigger_rule = TriggerRule.ALL_DONE_SETUP_SUCCESS
        if on_failure_fail_dagrun is not None:
            self.on_failure_fail_dagrun = on_failure_fail_dagrun
        for setup in as_list(setups) if setups is not None else []:
            setup.as_setup()
            setup >> self
        return self

    def __enter__(self) -> Any:
        from tradewind.sdk.setup_teardown import enter

        return enter([self])

    def __exit__(self, *error: object) -> None:
        from tradewind.sdk.setup_teardown import leave

        leave()

    def _draw_arrows_from(self, values: Iterable[Any]) -> None:
        """Arrows from every task whose result is used in `values`."""
        from tradewind.sdk.xcom_arg import iter_xcom_references

        for value in values:
            for operator, _ in iter_xcom_references(value):
                if operator is not self:
                    self.set_upstream(operator)
