"""Dynamic mapping: how long expansions are, and which instances belong together.

An instance's map index counts through all that multiplies its task: the mapped groups around it,
outermost first, then its own `expand()`. Two tasks in one mapped group belong together where their
indexes in that group are the same.
"""

from collections.abc import Callable
from math import prod

from tradewind.core.dag import ConcatLength, LengthSource, LiteralLength, XComLength
from tradewind.core.runs.plan import DagPlan

ResultLength = Callable[[XComLength], int | None]
"""The length of a task's result, or None while it has none."""


def source_length(source: LengthSource, result_length: ResultLength) -> int | None:
    """The length of one argument, None while any part of it is unknown."""
    if isinstance(source, LiteralLength):
        return source.length
    if isinstance(source, XComLength):
        return result_length(source)
    lengths = [source_length(part, result_length) for part in source.sources]
    known = [length for length in lengths if length is not None]
    if len(known) < len(lengths):
        return None
    if isinstance(source, ConcatLength):
        return sum(known)
    return max(known) if source.longest else min(known)


class Lengths:
    """The lengths of one run's expansions, by mapped task or group id.

    A length that was known stays known while its producer runs again after a clear, because the
    instances that it made are still there.
    """

    def __init__(self, plan: DagPlan, result_length: ResultLength) -> None:
        self._plan = plan
        self._result_length = result_length
        self._last_known: dict[str, int] = {}

    def of_node(self, node_id: str) -> int | None:
        """Length of one mapped task's or group's own expansion; None while unknown."""
        arguments = self._plan.expansion[node_id].arguments
        lengths = [source_length(argument.source, self._result_length) for argument in arguments]
        known = [length for length in lengths if length is not None]
        if len(known) < len(lengths):
            return None
        length = prod(known) if known else 0
        self._last_known[node_id] = length
        return length

    def of_task(self, task_id: str) -> int | None:
        """How many instances the task is to have; None while unknown."""
        total = 1
        for node_id in self._plan.tasks[task_id].expansions:
            length = self.of_node(node_id)
            if length is None:
                return None
            total *= length
        return total

    def per_group_index(self, task_id: str, group_id: str) -> int:
        """How many instances of the task share one index of the mapped group around it."""
        factor = 1
        for node_id in self._plan.further_expansions(task_id, group_id):
            length = self.of_node(node_id)
            factor *= self._last_known.get(node_id, 1) if length is None else length
        return factor or 1


def group_index(lengths: Lengths, task_id: str, map_index: int, group_id: str) -> int:
    """The index in the mapped group to which an instance belongs."""
    return map_index // lengths.per_group_index(task_id, group_id)


def indexes_in_group(lengths: Lengths, task_id: str, index: int, group_id: str) -> range:
    """The task's map indexes that belong to one index of the mapped group."""
    count = lengths.per_group_index(task_id, group_id)
    return range(index * count, (index + 1) * count)


def upstream_indexes(
    plan: DagPlan, lengths: Lengths, task_id: str, map_index: int, upstream_id: str
) -> int | list[int] | None:
    """Which instances of an upstream task an instance reads and waits for; None: all of them."""
    group_id = plan.common_group(task_id, upstream_id)
    if map_index < 0 or group_id is None:
        return None
    index = group_index(lengths, task_id, map_index, group_id)
    if not plan.further_expansions(upstream_id, group_id):
        return index
    return list(indexes_in_group(lengths, upstream_id, index, group_id))
