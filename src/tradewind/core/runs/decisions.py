"""What is to become of an instance that waits: the one place that the engine and `why` both ask."""

from enum import Enum
from typing import NamedTuple

from tradewind.core.runs.board import Board, Node
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.runs.past import PastGate
from tradewind.core.runs.plan import Relation
from tradewind.core.runs.trigger_rules import Tally, Verdict, decide_rule, decide_setups
from tradewind.core.states import FINISHED_STATES, TaskInstanceState, TriggerRule

_DECIDED_BY_SOME = frozenset(
    {
        TriggerRule.ONE_SUCCESS,
        TriggerRule.ONE_FAILED,
        TriggerRule.ONE_DONE,
        TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
    }
)
"""Rules that a part of the upstreams can satisfy. An unexpanded task of a mapped group must look at
all indexes under these, or it would be skipped before it has any."""


class Cause(Enum):
    """What a decision rests on."""

    NOTHING = "nothing"  # nothing stands in the way
    BRANCH = "branch"
    TRIGGER_RULE = "trigger_rule"
    SETUPS = "setups"
    SCOPE = "scope"
    PRODUCERS = "producers"
    PAST = "past"


class Decision(NamedTuple):
    verdict: Verdict
    cause: Cause


_RUN = Decision(Verdict.RUN, Cause.NOTHING)
_STRENGTH = (Verdict.REMOVE, Verdict.SKIP, Verdict.UPSTREAM_FAILED)


def decide(board: Board, gate: PastGate, ti: TaskInstance) -> Decision:
    """Judge an instance that has not started, or whose wait is over.

    An end beats waiting: an instance whose fate is sealed does not wait for the rest. Among ends a
    branch's skip stands, then upstream_failed beats skipped.
    """
    node = board.nodes[ti.task_id]
    objects = gate.objection(ti.task_id) is not None
    found = _all_decisions(board, node, ti)
    ends = [decision for decision in found if decision.verdict.is_end]
    if ends:
        end = max(ends, key=lambda decision: _STRENGTH.index(decision.verdict))
        patient = node.plan.spec.wait_for_past_depends_before_skipping
        if objects and patient and end.verdict is Verdict.SKIP:
            return Decision(Verdict.WAIT, Cause.PAST)
        return end
    if found:
        return found[0]
    return Decision(Verdict.WAIT, Cause.PAST) if objects else _RUN


def rule_tally(board: Board, ti: TaskInstance) -> Tally:
    """The direct upstreams as the instance's trigger rule sees them."""
    return board.tally(ti, Relation.UPSTREAM, broad=_sees_all_indexes(board, ti))


def _all_decisions(board: Board, node: Node, ti: TaskInstance) -> list[Decision]:
    """Everything that speaks against running now."""
    if board.branch_against(ti) is not None:
        return [Decision(Verdict.SKIP, Cause.BRANCH)]
    found = _by_upstreams(board, node, ti)
    producers = _by_producers(board, node)
    if producers is not Verdict.RUN:
        found.append(Decision(producers, Cause.PRODUCERS))
    return found


def _by_upstreams(board: Board, node: Node, ti: TaskInstance) -> list[Decision]:
    spec = node.plan.spec
    if not spec.upstream or spec.trigger_rule is TriggerRule.ALWAYS:
        return []
    found = []
    broad = _sees_all_indexes(board, ti)
    if not spec.is_teardown:
        setups = decide_setups(board.tally(ti, Relation.SETUP, broad=broad), ti.map_index)
        if setups is not Verdict.RUN:
            found.append(Decision(setups, Cause.SETUPS))
        if setups.is_end:
            return found
    tally = board.tally(ti, Relation.UPSTREAM, broad=broad)
    rule = decide_rule(spec.trigger_rule, tally, ti.map_index)
    if rule is not Verdict.RUN:
        found.append(Decision(rule, Cause.TRIGGER_RULE))
    elif spec.is_teardown and not board.tally(ti, Relation.SCOPE, broad=broad).all_done:
        found.append(Decision(Verdict.WAIT, Cause.SCOPE))
    return found


def _by_producers(board: Board, node: Node) -> Verdict:
    """A task mapped over something that failed or was skipped ends likewise, whatever its rule.

    A producer that was expanded did not end as a whole; only unexpanded ones count.
    """
    states = set()
    for producer in node.plan.producers:
        ti = board.nodes[producer].instances.get(-1)
        if ti is not None and ti.state in FINISHED_STATES:
            states.add(ti.state)
    states.discard(TaskInstanceState.SUCCESS)
    if not states:
        return Verdict.RUN
    if states & {TaskInstanceState.FAILED, TaskInstanceState.UPSTREAM_FAILED}:
        return Verdict.UPSTREAM_FAILED
    return Verdict.SKIP if TaskInstanceState.SKIPPED in states else Verdict.WAIT


def _sees_all_indexes(board: Board, ti: TaskInstance) -> bool:
    """Whether an instance in a mapped group, not expanded yet, depends on all indexes of the group.

    It does when it cannot be expanded yet, and under rules that some upstreams can satisfy.
    """
    plan = board.nodes[ti.task_id].plan
    if ti.map_index >= 0 or not plan.mapped_groups:
        return False
    return plan.spec.trigger_rule in _DECIDED_BY_SOME or not board.lengths.of_task(ti.task_id)
