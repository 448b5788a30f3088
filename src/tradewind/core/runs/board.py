"""The board: where all instances of one run stand, with counters that make looking cheap.

Bookkeeping only; it decides nothing. Whoever moves an instance moves it here, and the board keeps,
for every task, the tally of what that task watches. So one event costs in proportion to the tasks
that watch it, however many instances the run has, and judging a task reads its tally alone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tradewind.core.dag import XComLength
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.runs.mapping import Lengths, group_index, indexes_in_group, upstream_indexes
from tradewind.core.runs.plan import DagPlan, Relation, TaskPlan, Watched, Watcher
from tradewind.core.runs.trigger_rules import Tally
from tradewind.core.states import FINISHED_STATES, TaskInstanceState

NONE = TaskInstanceState.NONE
FAILED_STATES = frozenset({TaskInstanceState.FAILED, TaskInstanceState.UPSTREAM_FAILED})
ACTIVE_STATES = frozenset(
    {
        TaskInstanceState.QUEUED,
        TaskInstanceState.RUNNING,
        TaskInstanceState.RESTARTING,
        TaskInstanceState.DEFERRED,
    }
)
"""What counts against max_active_tis_per_dagrun (and, in the shell, per_dag)."""


class View:
    """What one task sees of the instances that it watches in one relation.

    `shared` concerns all instances of the watcher. Inside a mapped group what is watched counts at
    its index of the group (`by_index`), and once more in `indexed`, which is for the watcher's
    instance that is not expanded yet.
    """

    __slots__ = ("by_index", "indexed", "shared")

    def __init__(self, watched: Watched) -> None:
        if watched.by_rows:
            self.shared = Tally()
        else:
            self.shared = Tally(len(watched.task_ids), watched.setups)
        self.indexed = Tally()
        self.by_index: dict[tuple[str, int], Tally] = {}

    def at(self, group_id: str, index: int) -> Tally:
        return self.by_index.setdefault((group_id, index), Tally())


_NOTHING = View(Watched(task_ids=(), by_rows=False, setups=0))  # shared: nothing is counted in it


class Node:
    """One task in the run. `open`: instances to be judged. `sized`: the length last applied."""

    __slots__ = ("active", "done", "instances", "open", "plan", "pushed", "sized", "views")

    def __init__(self, plan: TaskPlan) -> None:
        self.plan = plan
        self.instances: dict[int, TaskInstance] = {}
        self.open: dict[int, TaskInstance] = {}
        self.views: tuple[View, ...]
        self.clear_views()
        self.done = 0
        self.active = 0
        self.pushed = 0
        self.sized: int | None = None

    @property
    def all_done(self) -> bool:
        return self.done == len(self.instances)

    def clear_views(self) -> None:
        watched = self.plan.watched
        self.views = tuple(View(w) if w.task_ids else _NOTHING for w in watched)


class Board:
    """All nodes of a run. `dirty`: what to judge again: task id → map indexes, or None for all."""

    def __init__(self, plan: DagPlan, instances: Iterable[TaskInstance] = ()) -> None:
        self.plan = plan
        self.nodes = {task_id: Node(task) for task_id, task in plan.tasks.items()}
        self.lengths = Lengths(plan, self._result_length)
        self.counts: Counter[TaskInstanceState] = Counter()
        self.failed_leaves = 0
        self.unfinished = 0
        self.dirty: dict[str, set[int] | None] = {}
        self._not_followed: dict[str, set[tuple[str, int]]] = {}
        for ti in instances:
            self.add(ti)

    # --- reading -------------------------------------------------------------------------------

    def instances(self) -> Iterator[TaskInstance]:
        for node in self.nodes.values():
            yield from node.instances.values()

    def tally(self, ti: TaskInstance, relation: Relation, *, broad: bool = False) -> Tally:
        """What the instance sees. `broad`: an unexpanded one sees all indexes of its group."""
        node = self.nodes[ti.task_id]
        view = node.views[relation]
        if not view.by_index:
            return view.shared
        if ti.map_index < 0:
            return view.shared.plus(view.indexed) if broad else view.shared
        tally = view.shared
        for group_id in node.plan.mapped_groups:
            index = group_index(self.lengths, ti.task_id, ti.map_index, group_id)
            at_index = view.by_index.get((group_id, index))
            if at_index is not None:
                tally = tally.plus(at_index)
        return tally

    def branch_against(self, ti: TaskInstance) -> str | None:
        """The direct upstream, done, whose last decision was not to follow this instance."""
        for parent_id, map_index in self._not_followed.get(ti.task_id, ()):
            parent = self.nodes[parent_id].instances.get(map_index)
            if parent is None or parent.state not in FINISHED_STATES:
                continue
            indexes = upstream_indexes(self.plan, self.lengths, ti.task_id, ti.map_index, parent_id)
            if map_index == (-1 if indexes is None else indexes):
                return parent_id
        return None

    def not_followed_instances(self, branch: TaskInstance) -> Iterator[TaskInstance]:
        """The instances that a branch's `skips` name; inside a mapped group those at its index."""
        for task_id in branch.skips or ():
            node = self.nodes.get(task_id)
            if node is None:
                continue
            if branch.map_index < 0:
                yield from list(node.instances.values())
                continue
            group_id = self.plan.common_group(task_id, branch.task_id)
            if group_id is None or self.plan.further_expansions(branch.task_id, group_id):
                continue
            for index in indexes_in_group(self.lengths, task_id, branch.map_index, group_id):
                if index in node.instances:
                    yield node.instances[index]

    def _result_length(self, source: XComLength) -> int | None:
        node = self.nodes[source.task_id]
        if not node.plan.is_expanded:
            ti = node.instances.get(-1)
            return ti.mapped_length if ti is not None else None
        return node.pushed if node.all_done else None

    # --- moving --------------------------------------------------------------------------------

    def add(self, ti: TaskInstance) -> None:
        node = self.nodes[ti.task_id]
        node.instances[ti.map_index] = ti
        self._count(node, ti, 1)
        self._count_results(node, ti, 1)
        for watcher in node.plan.watchers:
            self._show(node, watcher, ti, None, ti.state)

    def discard(self, ti: TaskInstance) -> None:
        node = self.nodes[ti.task_id]
        del node.instances[ti.map_index]
        self._count(node, ti, -1)
        self._count_results(node, ti, -1)
        for watcher in node.plan.watchers:
            self._show(node, watcher, ti, ti.state, None)

    def move(self, ti: TaskInstance, state: TaskInstanceState) -> None:
        """Put the instance into `state` and tell everybody whom it concerns."""
        node = self.nodes[ti.task_id]
        old = ti.state
        self._count(node, ti, -1)
        ti.state = state
        self._count(node, ti, 1)
        if old not in FINISHED_STATES and state not in FINISHED_STATES:
            return
        for watcher in node.plan.watchers:
            self._show(node, watcher, ti, old, state)
        if node.all_done:
            for task_id in node.plan.produces_for:
                self.touch(task_id)

    def set_result(
        self, ti: TaskInstance, mapped_length: int | None, skips: list[str] | None
    ) -> None:
        """What a success left behind: a length to map over, and whom it did not follow."""
        node = self.nodes[ti.task_id]
        self._count_results(node, ti, -1)
        ti.mapped_length = mapped_length
        ti.skips = skips
        self._count_results(node, ti, 1)

    def reopen(self, ti: TaskInstance) -> None:
        """A wait is over: judge the instance like one that never started."""
        self.nodes[ti.task_id].open[ti.map_index] = ti
        self.touch(ti.task_id, ti.map_index)

    def touch(self, task_id: str, map_index: int | None = None) -> None:
        """Judge the task's open instances again, or just one."""
        if not self.nodes[task_id].open:
            return
        if map_index is None:
            self.dirty[task_id] = None
            return
        indexes = self.dirty.setdefault(task_id, set())
        if indexes is not None:
            indexes.add(map_index)

    def rebuild_views(self) -> None:
        """Count everything anew: index arithmetic inside nested mapped groups has changed."""
        for node in self.nodes.values():
            node.clear_views()
        for node in self.nodes.values():
            for ti in node.instances.values():
                for watcher in node.plan.watchers:
                    self._show(node, watcher, ti, None, ti.state)

    def _count(self, node: Node, ti: TaskInstance, step: int) -> None:
        state = ti.state
        self.counts[state] += step
        if state in FINISHED_STATES:
            node.done += step
        else:
            self.unfinished += step
        if state in ACTIVE_STATES:
            node.active += step
        if state in FAILED_STATES and node.plan.is_leaf:
            self.failed_leaves += step
        if step < 0:
            node.open.pop(ti.map_index, None)
        elif state is NONE:
            node.open[ti.map_index] = ti
            self.touch(ti.task_id, ti.map_index)

    def _count_results(self, node: Node, ti: TaskInstance, step: int) -> None:
        if ti.mapped_length is not None and ti.map_index >= 0:
            node.pushed += step
        key = (ti.task_id, ti.map_index)
        for child in set(ti.skips or ()).intersection(node.plan.downstream):
            against = self._not_followed.setdefault(child, set())
            if step > 0:
                against.add(key)
            else:
                against.discard(key)

    def _show(
        self,
        node: Node,
        watcher: Watcher,
        ti: TaskInstance,
        old: TaskInstanceState | None,
        new: TaskInstanceState | None,
    ) -> None:
        """Show a watcher a change of state; None: the instance is not there (yet, any more)."""
        target = self.nodes[watcher.task_id]
        view = target.views[watcher.relation]
        change = _Change(
            by_rows=target.plan.watched[watcher.relation].by_rows,
            is_setup=node.plan.spec.is_setup,
            old=old,
            new=new,
        )
        if watcher.group is None or ti.map_index < 0:
            if change.apply(view.shared):
                self.touch(watcher.task_id)
            return
        index = group_index(self.lengths, ti.task_id, ti.map_index, watcher.group)
        if change.apply(view.at(watcher.group, index)):
            for i in indexes_in_group(self.lengths, watcher.task_id, index, watcher.group):
                self.touch(watcher.task_id, i)
        if change.apply(view.indexed):
            self.touch(watcher.task_id, -1)


class _Change(NamedTuple):
    by_rows: bool
    is_setup: bool
    old: TaskInstanceState | None
    new: TaskInstanceState | None

    def apply(self, tally: Tally) -> bool:
        """Count it; True if some rule may now say something else than before."""
        before = tally.signature()
        if self.by_rows:
            tally.expect(self.is_setup, (self.new is not None) - (self.old is not None))
        if self.old is not None:
            tally.count(self.old, self.is_setup, -1)
        if self.new is not None:
            tally.count(self.new, self.is_setup, 1)
        return tally.signature() != before
