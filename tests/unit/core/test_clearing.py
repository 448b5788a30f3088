"""Clearing and marking: what they concern, and what becomes of it."""

import pytest

from support.worlds import START, dag, finish, get, group, new_run, over, returned, start, task
from tradewind.core.dag import SerializedDag
from tradewind.core.protocol import Deferred, Failed, Succeeded
from tradewind.core.runs.changes import CancelAttempt, DeleteTrigger, KeepOutcome, RunFinished
from tradewind.core.runs.clearing import Request, clear, mark, mark_run, select, select_for_mark
from tradewind.core.runs.run import Run
from tradewind.core.states import DagRunState, TaskInstanceState

S = TaskInstanceState
FAILED = Failed(error_type="ValueError", message="no")
DEFERRED = Deferred(trigger_classpath="T", trigger_kwargs={}, method="go")
TEARDOWN = {"is_teardown": True, "trigger_rule": "all_done_setup_success"}

CHAIN = dag(task("a"), task("b", "a", retries=2), task("c", "b"), task("other"))
GUARDED = dag(
    task("outer", is_setup=True),
    task("setup", "outer", is_setup=True),
    task("work", "setup"),
    task("more", "work"),
    task("teardown", "setup", "more", **TEARDOWN),
    task("after", "more"),
)
MAPPED = dag(
    task("source"),
    task("g.a", "source", group_id="g"),
    task("g.b", "g.a", group_id="g"),
    task("join", "g.b"),
    groups=[group("g", 2)],
)


def chosen(document: SerializedDag, **request: object) -> list[str]:
    run = new_run(document)
    return [ti.label for ti in select(run.plan, run.instances(), named(**request))]


def named(**request: object) -> Request:
    ids = request.pop("task_ids", None)
    return Request(task_ids=None if ids is None else frozenset(ids), **request)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, ["a", "b", "c", "other"]),
        ({"task_ids": ["b"]}, ["b"]),
        ({"task_ids": ["b"], "downstream": True}, ["b", "c"]),
        ({"task_ids": ["b"], "upstream": True}, ["a", "b"]),
        ({"task_ids": ["a", "c"]}, ["a", "c"]),
        ({"task_ids": ["no_such_task"]}, []),
        ({"task_ids": []}, []),
    ],
)
def test_selection_by_tasks_and_relatives(request_: dict, expected: list[str]) -> None:
    assert chosen(CHAIN, **request_) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"task_ids": ["work"]}, ["outer", "setup", "work", "teardown"]),
        ({"task_ids": ["setup"]}, ["setup", "teardown"]),
        ({"task_ids": ["teardown"]}, ["teardown"]),
        ({"task_ids": ["after"]}, ["outer", "after"]),
        ({"task_ids": ["more"], "upstream": True}, ["outer", "setup", "work", "more", "teardown"]),
    ],
)
def test_setups_and_teardowns_come_along(request_: dict, expected: list[str]) -> None:
    assert chosen(GUARDED, **request_) == expected


def test_relatives_in_a_mapped_group_are_meant_at_the_same_index() -> None:
    request = {"task_ids": ["g.a"], "map_indexes": {"g.a": [1]}}
    assert chosen(MAPPED, **request) == ["g.a[1]"]
    assert chosen(MAPPED, **request, downstream=True) == ["g.a[1]", "g.b[1]", "join"]
    all_and_one = {"task_ids": ["g.a", "g.b"], "map_indexes": {"g.b": [1]}, "downstream": True}
    assert chosen(MAPPED, **all_and_one) == ["g.a[0]", "g.a[1]", "g.b[0]", "g.b[1]", "join"]
    both = {"task_ids": ["g.a", "g.b"], "map_indexes": {"g.a": [1]}, "downstream": True}
    assert chosen(MAPPED, **both) == ["g.a[1]", "g.b[0]", "g.b[1]", "join"]


def test_all_inner_indexes_of_a_nested_group_are_meant() -> None:
    document = dag(
        task("g.a", group_id="g"),
        task("g.h.b", "g.a", group_id="g.h"),
        groups=[group("g", 2), group("g.h", 2, parent="g")],
    )
    request = {"task_ids": ["g.a"], "map_indexes": {"g.a": [1]}, "downstream": True}
    assert chosen(document, **request) == ["g.a[1]", "g.h.b[2]", "g.h.b[3]"]


def test_selection_by_state() -> None:
    run = new_run(dag(task("bad"), task("after", "bad"), task("runs"), task("waits")))
    finish(run, "bad", FAILED)
    start(run, "runs")

    def labels(**request: bool) -> list[str]:
        return [ti.label for ti in select(run.plan, run.instances(), Request(**request))]

    assert labels(only_failed=True) == ["bad", "after"]
    assert labels(only_running=True) == ["runs"]
    assert labels(only_failed=True, only_running=True) == ["bad", "after", "runs"]


def test_clearing_sets_back_and_counts_on() -> None:
    run = new_run(CHAIN)
    finish(run, "a")
    finish(run, "other")
    ti = finish(run, "b", Failed(error_type="E", message="no", retryable=False))
    assert run.facts.state is DagRunState.FAILED
    now, ended = START.replace(hour=5), ti.end_date
    changes = clear(run.plan, run.facts, run.instances(), named(task_ids=["b"]), now)
    assert changes.changed == [ti]
    (kept,) = changes.effects
    assert isinstance(kept, KeepOutcome)
    assert (kept.ti, kept.outcome, kept.ended_at) == (ti, "failed", ended)
    assert (ti.state, ti.try_number, ti.max_tries) == ("none", 1, 3)
    assert (ti.start_date, ti.end_date, ti.reason) == (None, None, None)
    assert changes.run_changed
    assert (run.facts.state, run.facts.start_date, run.facts.end_date) == ("queued", None, None)
    assert run.facts.queued_at == now


def test_clearing_nothing_leaves_the_run_alone() -> None:
    run = new_run(dag(task("a")))
    finish(run, "a")
    assert not clear(run.plan, run.facts, run.instances(), Request(only_failed=True), START)
    assert run.facts.state is DagRunState.SUCCESS


def test_clearing_what_is_under_way() -> None:
    run = new_run(dag(task("runs"), task("queued"), task("deferred"), task("scheduled")))
    runs, queued = start(run, "runs"), get(run, "queued")
    run.claimed(queued, 77, START)
    deferred = finish(run, "deferred", DEFERRED)
    changes = clear(run.plan, run.facts, run.instances(), Request(), START)
    assert (runs.state, queued.state) == ("restarting", "restarting")
    assert (deferred.state, deferred.resume) == ("none", None)
    assert get(run, "scheduled").state == "none"
    cancelled = [e.ti for e in changes.effects if isinstance(e, CancelAttempt)]
    assert cancelled == [runs, queued]
    assert [e.ti for e in changes.effects if isinstance(e, DeleteTrigger)] == [deferred]
    assert run.facts.state is DagRunState.RUNNING


def test_clearing_a_skipped_child_skips_it_again() -> None:
    run = new_run(dag(task("branch"), task("child", "branch")))
    finish(run, "branch", Succeeded(skip=["child"]))
    clear(run.plan, run.facts, run.instances(), named(task_ids=["child"]), START)
    again = Run(run.plan, run.facts, run.instances())
    again.begin(START)
    again.advance(START)
    assert get(again, "child").state == "skipped"


def test_a_length_that_changed_is_applied() -> None:
    run = new_run(dag(task("a"), task("m", "a", expansion=over("a"))))
    finish(run, "a", returned(2))
    finish(run, "m", map_index=0)
    running = start(run, "m", 1)
    for length, states in ((3, ["scheduled"] * 3), (1, ["scheduled", "removed", "removed"])):
        clear(run.plan, run.facts, run.instances(), named(task_ids=["a", "m"]), START)
        run = Run(run.plan, run.facts, run.instances())
        if running.state is S.RESTARTING:
            run.lost(running, "cancelled", "cleared", START)
        run.advance(START)
        finish(run, "a", returned(length))
        assert [str(ti.state) for ti in run.instances()][1:] == states


def test_marking_success_clears_what_failed_after() -> None:
    run = new_run(CHAIN)
    finish(run, "a")
    bad = finish(run, "b", Failed(error_type="E", message="no", retryable=False))
    finish(run, "other")
    changes = mark(run.plan, run.facts, run.instances(), named(task_ids=["b"]), S.SUCCESS, START)
    assert [ti.label for ti in changes.changed] == ["b", "c"]
    assert (bad.state, bad.reason) == ("success", "marked success by hand")
    assert get(run, "c").state == "none"
    assert run.facts.state is DagRunState.QUEUED


def test_marking_a_leaf_leaves_the_run_as_it_is() -> None:
    run = new_run(dag(task("a")))
    finish(run, "a", FAILED)
    changes = mark(run.plan, run.facts, run.instances(), Request(), S.SUCCESS, START)
    assert get(run, "a").state == "success"
    assert (run.facts.state, changes.run_changed) == ("failed", False)


def test_marking_failed_ends_the_process_and_spares_teardowns() -> None:
    document = dag(
        task("a", is_setup=True), task("b", "a"), task("c", "b"), task("t", "a", "c", **TEARDOWN)
    )
    run = new_run(document)
    ti = start(run, "a")
    request = named(task_ids=["a"], downstream=True)
    dry = select_for_mark(run.plan, run.instances(), request, S.FAILED)
    assert [x.label for x in dry] == ["a", "b", "c"]
    attempt_id = ti.attempt_id
    changes = mark(run.plan, run.facts, run.instances(), request, S.FAILED, START)
    assert [e.attempt_id for e in changes.effects if isinstance(e, CancelAttempt)] == [attempt_id]
    assert ti.attempt_id is None
    assert {x.label: str(x.state) for x in run.instances()} == {
        "a": "failed",
        "b": "failed",
        "c": "failed",
        "t": "none",
    }


@pytest.mark.parametrize(
    ("end", "running"), [(DagRunState.SUCCESS, "success"), (DagRunState.FAILED, "failed")]
)
def test_marking_a_run(end: DagRunState, running: str) -> None:
    run = new_run(dag(task("done"), task("runs"), task("deferred"), task("waits", "runs")))
    finish(run, "done")
    start(run, "runs")
    finish(run, "deferred", DEFERRED)
    changes = mark_run(run.plan, run.facts, run.instances(), end, START)
    assert {ti.label: str(ti.state) for ti in run.instances()} == {
        "done": "success",
        "runs": running,
        "deferred": running,
        "waits": "skipped",
    }
    assert (run.facts.state, run.facts.end_date) == (end, START)
    assert [e.reason for e in changes.effects if isinstance(e, RunFinished)] == ["marked"]
    assert not mark_run(run.plan, run.facts, run.instances(), end, START)


def test_marking_a_run_lets_teardowns_finish() -> None:
    run = new_run(dag(task("s", is_setup=True), task("w", "s"), task("t", "s", "w", **TEARDOWN)))
    finish(run, "s")
    start(run, "w")
    mark_run(run.plan, run.facts, run.instances(), DagRunState.FAILED, START)
    assert run.facts.state is DagRunState.RUNNING
    run = Run(run.plan, run.facts, run.instances())
    run.advance(START)
    finish(run, "t")
    assert run.facts.state is DagRunState.FAILED


def test_an_unmapped_task_over_literals_can_be_cleared_by_index() -> None:
    document = dag(task("m", expansion=over(3)))
    assert chosen(document, task_ids=["m"], map_indexes={"m": [0, 2]}) == ["m[0]", "m[2]"]
