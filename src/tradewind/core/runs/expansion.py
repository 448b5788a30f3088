"""Expanding a mapped task's instances in a run, and fitting them to a length that has changed."""

from datetime import datetime

from tradewind.core.runs.board import Node
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.runs.ledger import Ledger
from tradewind.core.states import TaskInstanceState

S = TaskInstanceState
_SURPLUS = "what it is mapped over has become shorter"


def expand(ledger: Ledger, node: Node, ti: TaskInstance, now: datetime) -> None:
    """The unexpanded instance, free to run, becomes index 0, and the others are made.

    Over nothing it is skipped; over something that never came it is upstream_failed.
    """
    length = ledger.board.lengths.of_task(ti.task_id)
    if length is None:
        ledger.stop(ti, S.UPSTREAM_FAILED, now, "what it is mapped over was never returned")
    elif length == 0:
        ledger.stop(ti, S.SKIPPED, now, "it is mapped over nothing")
    else:
        ledger.reindex(ti, 0)
        _resize(ledger, node, length, now)


def fits(ledger: Ledger, node: Node, ti: TaskInstance, now: datetime) -> bool:
    """Whether an expanded instance is still wanted. Applies a length that changed meanwhile.

    Done when an instance is about to start, because only then what it is mapped over is there again
    after a clear.
    """
    length = ledger.board.lengths.of_task(ti.task_id)
    if length is None:
        return True
    if node.sized != length:
        _resize(ledger, node, length, now)
    return ti.map_index < length


def _resize(ledger: Ledger, node: Node, length: int, now: datetime) -> None:
    node.sized = length
    for map_index, ti in list(node.instances.items()):
        if map_index >= length and ti.state is not S.REMOVED:
            ledger.stop(ti, S.REMOVED, now, _SURPLUS)
    for map_index in range(length):
        if map_index not in node.instances:
            ledger.add(node.plan.spec.task_id, map_index)
    if len(node.plan.expansions) > 1:
        ledger.board.rebuild_views()
