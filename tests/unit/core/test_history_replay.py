"""A claim is judged by the states that were recorded before it, under every trigger rule."""

from datetime import UTC, datetime, timedelta

import pytest

from support.worlds import dag, over, task
from tradewind.core.history.replay import replay
from tradewind.core.history.sweep import PoolSizes
from tradewind.core.history.vocabulary import Attempt, Event, Findings, Quiet, RunHistory, Statement
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.runs.plan import plan
from tradewind.core.states import AttemptState, TaskInstanceState, TriggerRule

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
S = TaskInstanceState


def findings_for(rule: TriggerRule, *before: str, setup: bool = False) -> Findings:
    """`x` is claimed when its two upstreams are in these states ("": not done)."""
    tasks = [task("a", is_setup=setup), task("b"), task("x", "a", "b", trigger_rule=rule)]
    instances = [
        TaskInstance(id=number, task_id=name, state=S(state or "running"))
        for number, (name, state) in enumerate(zip("ab", before, strict=True), 1)
    ]
    ends = [
        Event(id=ti.id or 0, event="end", at=NOW, instance_id=ti.id, detail=ti.state.value)
        for ti in instances
        if ti.state is not S.RUNNING
    ]
    x = TaskInstance(id=3, task_id="x", state=S.QUEUED)
    claim = Event(id=9, event="claim", at=NOW, instance_id=3, attempt_id=7, detail="32 32")
    run = RunHistory(
        dag_id="d",
        run_id="r",
        is_over=False,
        plan=plan(dag(*tasks)),
        instances=[*instances, x],
        attempts=[Attempt(id=7, instance_id=3, state=AttemptState.QUEUED)],
        events=[*ends, claim],
    )
    findings = Findings()
    replay(run, findings)
    return findings


HOLDS = [
    (TriggerRule.ALL_SUCCESS, "success", "success"),
    (TriggerRule.ALL_FAILED, "failed", "upstream_failed"),
    (TriggerRule.ALL_DONE, "success", "failed"),
    (TriggerRule.ALL_DONE_MIN_ONE_SUCCESS, "success", "failed"),
    (TriggerRule.ALL_SKIPPED, "skipped", "skipped"),
    (TriggerRule.ONE_SUCCESS, "success", ""),
    (TriggerRule.ONE_FAILED, "failed", ""),
    (TriggerRule.ONE_DONE, "failed", ""),
    (TriggerRule.NONE_FAILED, "success", "skipped"),
    (TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS, "success", "skipped"),
    (TriggerRule.NONE_SKIPPED, "success", "failed"),
    (TriggerRule.ALWAYS, "", ""),
]
DOES_NOT = [
    (TriggerRule.ALL_SUCCESS, "success", ""),
    (TriggerRule.ALL_SUCCESS, "success", "failed"),
    (TriggerRule.ALL_FAILED, "failed", ""),
    (TriggerRule.ALL_DONE, "success", ""),
    (TriggerRule.ALL_DONE_MIN_ONE_SUCCESS, "failed", "failed"),
    (TriggerRule.ALL_SKIPPED, "skipped", "success"),
    (TriggerRule.ONE_SUCCESS, "failed", ""),
    (TriggerRule.ONE_FAILED, "success", ""),
    (TriggerRule.ONE_DONE, "skipped", ""),
    (TriggerRule.NONE_FAILED, "success", "failed"),
    (TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS, "skipped", "skipped"),
    (TriggerRule.NONE_SKIPPED, "success", "skipped"),
]


@pytest.mark.parametrize(("rule", "first", "second"), HOLDS)
def test_a_claim_whose_rule_held(rule: TriggerRule, first: str, second: str) -> None:
    assert findings_for(rule, first, second).violations == []


@pytest.mark.parametrize(("rule", "first", "second"), DOES_NOT)
def test_a_claim_whose_rule_did_not_hold(rule: TriggerRule, first: str, second: str) -> None:
    (found,) = findings_for(rule, first, second).violations
    assert found.statement is Statement.TRIGGER_RULE
    assert "Attempt 7 of d.x in r" in found.message
    assert str(rule) in found.message


def test_what_is_mapped_waits_at_its_own_index() -> None:
    """Instance 1 was claimed when only instance 0 of what it waits for was done."""
    document = dag(task("a"), task("m", "a", expansion=over("a")), task("x", "m"))
    rows = [
        TaskInstance(id=1, task_id="a", state=S.SUCCESS, mapped_length=2),
        TaskInstance(id=2, task_id="m", map_index=0, state=S.SUCCESS),
        TaskInstance(id=3, task_id="m", map_index=1, state=S.RUNNING),
        TaskInstance(id=4, task_id="x", state=S.QUEUED),
    ]
    events = [
        Event(id=1, event="end", at=NOW, instance_id=1, detail="success"),
        Event(id=2, event="end", at=NOW, instance_id=2, detail="success"),
        Event(id=3, event="claim", at=NOW, instance_id=4, attempt_id=7, detail="32 32"),
    ]
    run = RunHistory(
        dag_id="d",
        run_id="r",
        is_over=False,
        plan=plan(document),
        instances=rows,
        attempts=[Attempt(id=7, instance_id=4, state=AttemptState.QUEUED)],
        events=events,
    )
    findings = Findings()
    replay(run, findings)
    assert [found.statement for found in findings.violations] == [Statement.TRIGGER_RULE]


def findings_of_branch(
    *events: Event, b: S = S.SUCCESS, skips: list[str] | None = None, x: S = S.SKIPPED
) -> Findings:
    """`x` waits for the branch `b`; both came to these states in the end."""
    run = RunHistory(
        dag_id="d",
        run_id="r",
        is_over=True,
        plan=plan(dag(task("b"), task("x", "b"))),
        instances=[
            TaskInstance(id=1, task_id="b", state=b, skips=skips),
            TaskInstance(id=2, task_id="x", state=x),
        ],
        attempts=[Attempt(id=7, instance_id=2, state=AttemptState.ENDED, outcome="success")],
        events=events,
    )
    findings = Findings()
    replay(run, findings)
    return findings


B_SUCCEEDS = Event(id=1, event="end", at=NOW, instance_id=1, detail="success")
X_RUNS = [
    Event(id=2, event="claim", at=NOW, instance_id=2, attempt_id=7, detail="32 32"),
    Event(id=3, event="finish", at=NOW, instance_id=2, attempt_id=7, detail="success"),
]
CLEAR = [
    Event(id=3 + number, event="clear", at=NOW, instance_id=number, detail="none")
    for number in (1, 2)
]
B_SUCCEEDS_AGAIN = Event(id=6, event="end", at=NOW, instance_id=1, detail="success")
X_IS_SKIPPED = Event(id=7, event="end", at=NOW, instance_id=2, detail="skipped")


def test_a_branch_that_takes_another_way_once_it_is_cleared() -> None:
    events = [B_SUCCEEDS, *X_RUNS, *CLEAR, B_SUCCEEDS_AGAIN, X_IS_SKIPPED]
    assert findings_of_branch(*events, skips=["x"]).violations == []


def test_what_a_branch_did_not_follow_was_not_to_be_claimed() -> None:
    events = [B_SUCCEEDS, *X_RUNS, CLEAR[1], X_IS_SKIPPED]
    (found,) = findings_of_branch(*events, skips=["x"]).violations
    assert found.statement is Statement.TRIGGER_RULE


def test_what_was_ready_starts_though_somebody_marks_what_it_waited_for() -> None:
    marked = Event(id=1, event="mark", at=NOW, instance_id=1, detail="failed")
    findings = findings_of_branch(B_SUCCEEDS, marked, *X_RUNS, b=S.FAILED, x=S.SUCCESS)
    assert findings.violations == []
    assert [statement for statement, _ in findings.left_out] == [Statement.TRIGGER_RULE]


# --- nobody at work, pools that change ------------------------------------------------------------


def test_quiet_is_where_nobody_decided_anything() -> None:
    quiet = Quiet(MINUTE)
    for minutes in (0, 0.5, 1, 61, 61.5):
        quiet.note(NOW + minutes * MINUTE)
    assert quiet.covers(NOW + 2 * MINUTE, NOW + 60 * MINUTE)
    assert quiet.covers(NOW + 62 * MINUTE, NOW + 90 * MINUTE)
    assert quiet.covers(NOW - 9 * MINUTE, NOW)
    assert not quiet.covers(NOW, NOW + 2 * MINUTE)
    assert not quiet.covers(NOW + 2 * MINUTE, NOW + 62 * MINUTE)


def test_the_size_of_a_pool_at_a_moment() -> None:
    changed = NOW + 10 * MINUTE
    sizes = PoolSizes({"p": 2, "free": -1}, {"p": [(changed, 8, 2)]})

    def at(minutes: float) -> int | None:
        moment = NOW + minutes * MINUTE
        return sizes.largest("p", moment - MINUTE, moment + MINUTE)

    assert [at(8), at(9.5), at(10.5), at(12)] == [8, 8, 8, 2]
    assert sizes.largest("free", NOW, NOW) is None
    assert sizes.largest("gone", NOW, NOW) is None
