"""depends_on_past, wait_for_downstream and what is skipped meanwhile."""

from datetime import timedelta
from typing import Any

import pytest

from support.worlds import START, dag, finish, new_run, reload, state, states, task
from tradewind.core.protocol import Skipped, Succeeded
from tradewind.core.runs.instances import Past
from tradewind.core.runs.plan import plan
from tradewind.core.runs.run import Run
from tradewind.core.states import TaskInstanceState

S = TaskInstanceState
DAY = timedelta(days=1)


def past(**states: S | list[S]) -> Past:
    listed = {t: s if isinstance(s, list) else [s] for t, s in states.items()}
    return Past(logical_date=START - DAY, states=listed, known_before=frozenset(listed))


def run_with(before: Past | None, *, catchup: bool = False, **fields: Any) -> Run:
    document = dag(
        task("a", **({"depends_on_past": True} | fields)), task("b", "a"), catchup=catchup
    )
    return new_run(document, before)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, "scheduled"),  # nothing came before
        (past(a=S.SUCCESS), "scheduled"),
        (past(a=S.SKIPPED), "scheduled"),
        (past(a=S.FAILED), "none"),
        (past(a=S.RUNNING), "none"),
        (past(a=[S.SUCCESS, S.SKIPPED]), "scheduled"),
        (past(a=[S.SUCCESS, S.UPSTREAM_FAILED]), "none"),
        (past(b=S.SUCCESS), "scheduled"),  # the task is new
        (Past(known_before=frozenset({"a"})), "none"),  # it is not, but was not in that run
    ],
)
def test_depends_on_past(before: Past | None, expected: str) -> None:
    run = run_with(before)
    assert state(run, "a") == expected
    assert str(run.facts.state) == "running"  # waiting for the past is no deadlock


def test_the_first_instance_may_have_to_wait_too() -> None:
    assert state(run_with(past(), ignore_first_depends_on_past=False), "a") == "none"


def test_a_task_that_began_later_does_not_depend_on_runs_before_with_catchup() -> None:
    fields = {"start_date": START - timedelta(hours=1)}
    assert state(run_with(past(a=S.FAILED), **fields), "a") == "none"
    assert state(run_with(past(a=S.FAILED), catchup=True, **fields), "a") == "scheduled"
    assert state(run_with(past(a=S.FAILED), catchup=True), "a") == "none"


@pytest.mark.parametrize(
    ("downstream", "expected"),
    [
        ([S.SUCCESS], "scheduled"),
        ([S.SKIPPED], "scheduled"),
        ([S.RUNNING], "none"),
        ([S.FAILED], "none"),
        ([], "scheduled"),
    ],
)
def test_wait_for_downstream(downstream: list[S], expected: str) -> None:
    before = past(a=S.SUCCESS, b=downstream)
    assert state(run_with(before, wait_for_downstream=True, depends_on_past=False), "a") == expected


def test_the_plan_says_which_tasks_of_the_past_matter() -> None:
    document = dag(
        task("a", wait_for_downstream=True), task("b", "a"), task("c", "b", depends_on_past=True)
    )
    assert plan(document).past_task_ids == {"a", "b", "c"}
    assert plan(dag(task("a"), task("b", "a"))).past_task_ids == frozenset()


def test_the_run_goes_on_when_the_past_has() -> None:
    run = run_with(past(a=S.RUNNING))
    run.set_past(past(a=S.RUNNING))
    run.advance(START)
    assert state(run, "a") == "none"
    assert run.awaits_past()
    run.set_past(past(a=S.SUCCESS))
    run.advance(START)
    assert not run.awaits_past()
    assert state(run, "a") == "scheduled"
    assert state(reload(run, past(a=S.SUCCESS)), "a") == "scheduled"


def skipping_dag(*, patient: bool) -> Any:
    return dag(
        task("choose"),
        task("skips"),
        task(
            "child",
            "choose",
            "skips",
            depends_on_past=True,
            wait_for_past_depends_before_skipping=patient,
        ),
    )


@pytest.mark.parametrize(("patient", "meanwhile"), [(False, "skipped"), (True, "none")])
@pytest.mark.parametrize("by_branch", [False, True])
def test_skipping_may_wait_for_the_past(patient: bool, meanwhile: str, by_branch: bool) -> None:
    run = new_run(skipping_dag(patient=patient), past(child=S.RUNNING))
    if by_branch:
        finish(run, "choose", Succeeded(skip=["child"]))
    else:
        finish(run, "skips", Skipped())
    assert state(run, "child") == meanwhile
    run.set_past(past(child=S.SUCCESS))
    run.advance(START)
    assert state(run, "child") == "skipped"


def test_a_deadlock_is_one_even_if_the_past_was_met() -> None:
    document = dag(
        task("late", start_date=START + DAY), task("child", "late", depends_on_past=True)
    )
    run = new_run(document, past(child=S.SUCCESS), logical_date=START)
    assert states(run) == {"child": "none"}
    assert str(run.facts.state) == "failed"
