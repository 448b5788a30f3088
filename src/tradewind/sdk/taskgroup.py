"""Task groups, plain and mapped, and the `@task_group` decorator's class."""

from __future__ import annotations

import copy
import re
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tradewind.core.states import TriggerRule
from tradewind.sdk.authoring import (
    current_dag,
    current_group,
    pop_group,
    push_group,
    read_if_markdown_file,
    validate_group_key,
)
from tradewind.sdk.exceptions import (
    DuplicateTaskIdFound,
    NodeNotFound,
    TaskAlreadyInTaskGroup,
)
from tradewind.sdk.node import DependencyMixin, Node, as_list
from tradewind.sdk.operator import AbstractOperator

if TYPE_CHECKING:
    from typing import Self

    from tradewind.sdk.dag import DAG
    from tradewind.sdk.edges import EdgeModifier
    from tradewind.sdk.expand_input import ExpandInput


class TaskGroup(Node):
    """Tasks that belong together: arrows to it reach its roots, arrows from it start at its leaves.

    Ids of its members get its own id as a prefix unless `prefix_group_id` is False.
    `default_args` override the DAG's. The DAG's own group has no id.
    """

    def __init__(
        self,
        group_id: str | None = None,
        prefix_group_id: bool = True,
        parent_group: TaskGroup | None = None,
        dag: DAG | None = None,
        default_args: Mapping[str, Any] | None = None,
        tooltip: str = "",
        doc_md: str | None = None,
        ui_color: str = "CornflowerBlue",
        ui_fgcolor: str = "#000",
        add_suffix_on_collision: bool = False,
        group_display_name: str = "",
    ) -> None:
        self._group_id = None if group_id is None else validate_group_key(group_id)
        if group_id is not None and parent_group is None:
            parent_group = current_group(dag)
        owner = parent_group.dag if parent_group is not None else dag or current_dag()
        if owner is None:
            raise RuntimeError(f"TaskGroup {group_id!r} can only be used inside a dag")
        self._dag = weakref.ref(owner)
        self.parent_group = parent_group
        self.prefix_group_id = prefix_group_id
        self.tooltip = tooltip
        self.doc_md = read_if_markdown_file(doc_md)
        self.ui_color = ui_color
        self.ui_fgcolor = ui_fgcolor
        self.group_display_name = group_display_name
        self.children: dict[str, Node] = {}
        self.upstream_task_ids = set()
        self.downstream_task_ids = set()
        inherited = parent_group.default_args if parent_group is not None else {}
        self.default_args: dict[str, Any] = {**inherited, **copy.deepcopy(dict(default_args or {}))}
        if parent_group is not None:
            self._find_free_id(owner, add_suffix_on_collision)
            parent_group.add(self)
            owner.used_group_ids.add(self.node_id)

    def _find_free_id(self, dag: DAG, may_add_suffix: bool) -> None:
        if self.node_id not in dag.used_group_ids:
            return
        if not may_add_suffix:
            raise DuplicateTaskIdFound(
                f"group_id '{self.node_id}' has already been added to the DAG"
            )
        base = re.split(r"__\d+$", self._group_id or "")[0]
        number = 1
        while self.node_id in dag.used_group_ids:
            self._group_id = f"{base}__{number}"
            number += 1

    # --- who it is -------------------------------------------------------------------------------

    @property
    def dag(self) -> DAG:
        dag = self._dag()
        if dag is None:
            raise RuntimeError(f"The DAG of task group {self.group_id!r} is gone")
        return dag

    def get_dag(self) -> DAG | None:
        return self._dag()

    @property
    def group_id(self) -> str | None:
        if self._group_id is None or self.parent_group is None:
            return self._group_id
        return self.parent_group.child_id(self._group_id)

    @property
    def node_id(self) -> str:
        return self.group_id or ""

    @property
    def is_root(self) -> bool:
        return self._group_id is None

    @property
    def label(self) -> str:
        return self.group_display_name or self._group_id or ""

    @property
    def task_group(self) -> TaskGroup | None:  # type: ignore[override]  # a group's group
        return self.parent_group

    def child_id(self, label: str) -> str:
        """The full id of a member called `label`."""
        group_id = self.group_id
        return f"{group_id}.{label}" if self.prefix_group_id and group_id else label

    def __repr__(self) -> str:
        return f"<TaskGroup: {self.group_id}>"

    # --- members ---------------------------------------------------------------------------------

    def add(self, node: Any) -> Any:
        """Take a task or group in. Raises when its id is taken or it is in another group."""
        existing = node.task_group
        if isinstance(node, AbstractOperator):
            if existing is not None and existing is not self:
                raise TaskAlreadyInTaskGroup(
                    f"cannot add {node.task_id!r} to {self.group_id!r} "
                    f"(already in group {existing.group_id!r})"
                )
            node.task_group = self
        if node.node_id in self.children:
            kind = "Task" if isinstance(node, AbstractOperator) else "Task Group"
            raise DuplicateTaskIdFound(
                f"{kind} id '{node.node_id}' has already been added to the DAG"
            )
        self.children[node.node_id] = node
        return node

    def __iter__(self) -> Iterator[AbstractOperator]:
        """All tasks, also those of inner groups."""
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                yield from child
            elif isinstance(child, AbstractOperator):
                yield child

    def iter_tasks(self) -> Iterator[AbstractOperator]:
        yield from self

    def iter_groups(self) -> Iterator[TaskGroup]:
        """Inner groups, parents before their children."""
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                yield child
                yield from child.iter_groups()

    def has_task(self, task: AbstractOperator) -> bool:
        return any(task is member for member in self)

    def get_task_group_dict(self) -> dict[str | None, TaskGroup]:
        return {group.group_id: group for group in [self, *self.iter_groups()]}

    def get_child_by_label(self, label: str) -> Node:
        try:
            return self.children[self.child_id(label)]
        except KeyError:
            raise NodeNotFound(f"Task {label!r} not found in group {self.group_id!r}") from None

    def __getitem__(self, label: str) -> Node:
        return self.get_child_by_label(label)

    def iter_mapped_task_groups(self) -> Iterator[MappedTaskGroup]:
        """The mapped ones among this group and those around it, innermost first."""
        group: TaskGroup | None = self
        while group is not None:
            if isinstance(group, MappedTaskGroup):
                yield group
            group = group.parent_group

    # --- arrows ----------------------------------------------------------------------------------

    @property
    def roots(self) -> Sequence[AbstractOperator]:
        members = list(self)
        ids = {task.task_id for task in members}
        return [task for task in members if not task.upstream_task_ids & ids]

    @property
    def leaves(self) -> Sequence[AbstractOperator]:
        """Tasks without a successor in the group; a teardown hands over to what is before it."""
        members = {task.task_id: task for task in self}
        found: dict[str, AbstractOperator] = {}
        for task in members.values():
            if not task.downstream_task_ids & members.keys():
                for leaf in [task] if not task.is_teardown else _before_teardown(task, members):
                    found[leaf.task_id] = leaf
        return list(found.values())

    def get_roots(self) -> Iterator[AbstractOperator]:
        yield from self.roots

    def get_leaves(self) -> Iterator[AbstractOperator]:
        yield from self.leaves

    def _arrow_starts(self) -> Sequence[AbstractOperator]:
        """Where an arrow out of the group starts; an empty group passes on what came in."""
        group: TaskGroup | None = self
        while group is not None:
            if leaves := group.leaves:
                return leaves
            if group.upstream_task_ids:
                return [group.dag.get_task(task_id) for task_id in sorted(group.upstream_task_ids)]
            group = group.parent_group
        return []

    def _connect(
        self, other: Any, *, upstream: bool, edge_modifier: EdgeModifier | None = None
    ) -> None:
        for node in as_list(other):
            if isinstance(node, DependencyMixin):
                self.update_relative(node, upstream)
        super()._connect(other, upstream=upstream, edge_modifier=edge_modifier)

    def update_relative(
        self, other: Any, upstream: bool = True, edge_modifier: EdgeModifier | None = None
    ) -> None:
        """Remember direct neighbours, which an empty group has to pass on."""
        tasks = other.leaves if upstream else other.roots
        ids = self.upstream_task_ids if upstream else self.downstream_task_ids
        ids.update(task.task_id for task in tasks)

    def __enter__(self) -> Self:
        push_group(self)
        return self

    def __exit__(self, *error: object) -> None:
        pop_group()


def _before_teardown(
    teardown: AbstractOperator, members: Mapping[str, AbstractOperator]
) -> Iterator[AbstractOperator]:
    for task_id in sorted(teardown.upstream_task_ids & members.keys()):
        task = members[task_id]
        if task.is_teardown:
            yield from _before_teardown(task, members)
        elif not task.is_setup and not _has_work_below(task, teardown, members):
            yield task


def _has_work_below(
    task: AbstractOperator, teardown: AbstractOperator, members: Mapping[str, AbstractOperator]
) -> bool:
    below = task.downstream_task_ids & members.keys() - {teardown.task_id}
    return any(not members[task_id].is_teardown for task_id in below)


class MappedTaskGroup(TaskGroup):
    """A group that runs once for each item; made by `@task_group` with `.expand(...)`."""

    def __init__(self, *, expand_input: ExpandInput, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.expand_input = expand_input

    def iter_mapped_dependencies(self) -> Iterator[AbstractOperator]:
        for operator, _ in self.expand_input.iter_references():
            yield operator

    def __exit__(self, *error: object) -> None:
        for task in self:
            if task.trigger_rule == TriggerRule.ALWAYS:
                raise ValueError(
                    "Task-generated mapping within a mapped task group is not "
                    f"allowed with trigger rule 'always' (task {task.task_id!r})"
                )
        for operator in self.iter_mapped_dependencies():
            self.set_upstream(operator)
        super().__exit__(*error)
