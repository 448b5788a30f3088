"""Priority weights: a task's own weight, and those of the tasks that its rule adds.

Strategies of the user's own are asked when the DAG is serialized, in the parsing child.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tradewind.core.errors import InvalidDag
from tradewind.sdk.operator import AbstractOperator

LOWEST, HIGHEST = -2_147_483_648, 2_147_483_647


class WeightRule(StrEnum):
    """Which other tasks' weights are added to a task's own."""

    DOWNSTREAM = "downstream"
    UPSTREAM = "upstream"
    ABSOLUTE = "absolute"


class PriorityWeightStrategy:
    """Base of a weight rule of your own: define `get_weight(ti)`; it is called with try 1."""

    def get_weight(self, ti: Any) -> int:
        """`ti` has `task`, `task_id`, `dag_id`, `try_number`, `map_index` and `priority_weight`."""
        raise TypeError(f"{type(self).__name__} does not define get_weight()")

    def serialize(self) -> dict[str, Any]:
        """Airflow's hook; nothing here needs it."""
        return {}


@dataclass(frozen=True)
class _FirstTry:
    task: Any
    task_id: str
    dag_id: str
    priority_weight: int
    try_number: int = 1
    map_index: int = -1


def rule_name(task: Any) -> str:
    """The rule as text: one of `WeightRule`, or the class path of a strategy.

    Raises InvalidDag for a name that stands for nothing.
    """
    rule = task.weight_rule
    if isinstance(rule, PriorityWeightStrategy):
        return f"{type(rule).__module__}.{type(rule).__qualname__}"
    if isinstance(rule, type) and issubclass(rule, PriorityWeightStrategy):
        return f"{rule.__module__}.{rule.__qualname__}"
    if rule in set(WeightRule):
        return WeightRule(rule).value
    _strategy(task)
    return str(rule)


def _strategy(task: Any) -> PriorityWeightStrategy:
    rule = task.weight_rule
    if isinstance(rule, PriorityWeightStrategy):
        return rule
    try:
        if not isinstance(rule, type):
            module, _, name = str(rule).rpartition(".")
            rule = getattr(importlib.import_module(module), name)
        strategy = rule()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise InvalidDag(
            f"Task {task.task_id!r} has the unknown weight_rule {task.weight_rule!r}.",
            hint=f"Use one of {', '.join(WeightRule)}, or the class path of a "
            "PriorityWeightStrategy.",
        ) from error
    if not hasattr(strategy, "get_weight"):
        raise InvalidDag(
            f"weight_rule {task.weight_rule!r} of {task.task_id!r} has no get_weight()."
        )
    return strategy  # type: ignore[no-any-return]  # duck-typed, as Airflow's own base is


def weights(tasks: Sequence[AbstractOperator]) -> dict[str, int]:
    """The effective weight of each task. `tasks` in topological order."""
    own = {task.task_id: getattr(task, "priority_weight", 1) for task in tasks}
    bit = {task.task_id: 1 << position for position, task in enumerate(tasks)}
    masks = _masks(own, bit)
    below = _closure(list(reversed(tasks)), bit, upstream=False)
    above = _closure(tasks, bit, upstream=True)
    result = {}
    for task in tasks:
        task_id = task.task_id
        match rule_name(task):
            case "absolute":
                weight = own[task_id]
            case "downstream":
                weight = own[task_id] + _sum(below[task_id], masks)
            case "upstream":
                weight = own[task_id] + _sum(above[task_id], masks)
            case _:
                first_try = _FirstTry(task, task_id, task.dag_id, own[task_id])
                weight = int(_strategy(task).get_weight(first_try))
        result[task_id] = min(max(weight, LOWEST), HIGHEST)
    return result


def _closure(
    tasks: Sequence[AbstractOperator], bit: Mapping[str, int], *, upstream: bool
) -> dict[str, int]:
    """For each task the set of all tasks beyond it, as bits: quick also for 10,000 of them."""
    reach: dict[str, int] = {}
    for task in tasks:
        beyond = 0
        for relative in task.get_direct_relative_ids(upstream):
            beyond |= bit[relative] | reach[relative]
        reach[task.task_id] = beyond
    return reach


def _masks(own: Mapping[str, int], bit: Mapping[str, int]) -> dict[int, int]:
    """Own weight → the tasks that have it, as bits."""
    masks: dict[int, int] = {}
    for task_id, weight in own.items():
        masks[weight] = masks.get(weight, 0) | bit[task_id]
    return masks


def _sum(members: int, masks: Mapping[int, int]) -> int:
    return sum(weight * (members & mask).bit_count() for weight, mask in masks.items())
