"""The scheduled instances of a run, in the order in which they are to be claimed."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import NamedTuple

from tradewind.core.runs.board import Node
from tradewind.core.runs.instances import TaskInstance


class Lane(NamedTuple):
    """Instances that the same limits hold back: when one cannot be claimed, none of them can.

    `limited_task`: the task id, if the task has a limit of its own (max_active_tis_per_*).
    """

    pool: str
    pool_slots: int
    executor: str | None
    limited_task: str | None


_Entry = tuple[int, int, int, int, TaskInstance]  # -weight, position, map index, ticket


class ReadyQueue:
    """By weight, highest first, then in the DAG's order. Adding and claiming cost a heap step."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, list[_Entry]] = {}
        self._tickets: dict[int, int] = {}  # id(instance) → the ticket of its valid entry
        self._next_ticket = 0

    def add(self, node: Node, ti: TaskInstance) -> None:
        self._next_ticket += 1
        self._tickets[id(ti)] = self._next_ticket
        spec, position = node.plan.spec, node.plan.position
        entry = (-spec.weight, position, ti.map_index, self._next_ticket, ti)
        heappush(self._lanes.setdefault(lane_of(node), []), entry)

    def remove(self, ti: TaskInstance) -> None:
        """Forget the instance if it is here; its entry is dropped when it comes up."""
        self._tickets.pop(id(ti), None)

    def first(self, limit: int, room: Callable[[Lane], int]) -> list[TaskInstance]:
        """The first `limit` instances, at most `room(lane)` of each lane. They stay queued."""
        quotas: dict[Lane, int] = {}
        heads: list[tuple[_Entry, Lane]] = []
        for lane in list(self._lanes):
            quotas[lane] = room(lane)
            self._advance(lane, quotas, heads)
        taken: list[tuple[_Entry, Lane]] = []
        while heads and len(taken) < limit:
            entry, lane = heappop(heads)
            taken.append((entry, lane))
            self._advance(lane, quotas, heads)
        for entry, lane in (*taken, *heads):
            heappush(self._lanes.setdefault(lane, []), entry)
        return [entry[-1] for entry, _ in taken]

    def _advance(
        self, lane: Lane, quotas: dict[Lane, int], heads: list[tuple[_Entry, Lane]]
    ) -> None:
        """Move the lane's next valid entry to the heads, if the lane has room for one more."""
        if quotas[lane] <= 0:
            return
        entries = self._lanes.get(lane)
        while entries:
            entry = heappop(entries)
            if self._tickets.get(id(entry[-1])) == entry[-2]:
                quotas[lane] -= 1
                heappush(heads, (entry, lane))
                return
        self._lanes.pop(lane, None)


def lane_of(node: Node) -> Lane:
    spec = node.plan.spec
    limited = spec.max_active_tis_per_dag is not None or spec.max_active_tis_per_dagrun is not None
    return Lane(spec.pool, spec.pool_slots, spec.executor, spec.task_id if limited else None)
