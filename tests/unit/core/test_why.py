"""Why an instance does not run, in the words that people get."""

from datetime import timedelta

import pytest

from support.worlds import SECOND, START, dag, finish, get, group, new_run, over, start, task
from tradewind.core.protocol import Deferred, Failed, Rescheduled, Skipped
from tradewind.core.runs.instances import Past
from tradewind.core.runs.run import Run
from tradewind.core.runs.why import PoolUse, Reason, World, why
from tradewind.core.states import TaskInstanceState

POOL = {"default_pool": PoolUse(slots=128, occupied=0)}
FAILED = Failed(error_type="ValueError", message="boom")


def ask(run: Run, task_id: str, map_index: int = -1, **world: object) -> list[Reason]:
    return why(run, get(run, task_id, map_index), World(**({"now": START, "pools": POOL} | world)))


def only(reasons: list[Reason]) -> tuple[str, str]:
    [reason] = reasons
    return reason.code, reason.message


def test_nothing_keeps_a_ready_instance() -> None:
    assert ask(new_run(dag(task("a"))), "a") == []


def test_a_paused_dag_and_a_full_one_come_first() -> None:
    run = new_run(dag(task("a"), task("b", "a"), max_active_runs=2), begin=False)
    reasons = ask(run, "b", is_paused=True, active_runs=2)
    assert [r.code for r in reasons] == ["dag_paused", "max_active_runs", "upstream"]
    assert reasons[1].message == "The run is queued: 2 of 2 active runs are going on."
    assert [r.code for r in ask(run, "a", active_runs=1)] == ["run_queued"]
    [early] = ask(run, "a", active_runs=2, run_after=START + SECOND)
    assert (early.code, early.until) == ("run_not_due", START + SECOND)


def test_upstreams_are_named_with_the_rule() -> None:
    run = new_run(dag(task("a"), task("b"), task("c", "a", "b")))
    finish(run, "a")
    start(run, "b")
    assert only(ask(run, "c")) == (
        "upstream",
        "Its trigger rule all_success is not met: 1 of 2 upstream instances are done;"
        " it waits for b (running).",
    )


def test_many_upstreams_are_cut_short() -> None:
    run = new_run(dag(*(task(f"u{n}") for n in range(7)), task("c", *(f"u{n}" for n in range(7)))))
    _, message = only(ask(run, "c"))
    assert message.endswith("u3 (scheduled), u4 (scheduled) and 2 more.")


def test_inside_a_mapped_group_only_the_own_index_is_named() -> None:
    document = dag(
        task("outside"),
        task("g.a", group_id="g"),
        task("g.b", "g.a", "outside", group_id="g"),
        task("g.h.c", "g.b", group_id="g.h"),
        task("g.d", "g.h.c", group_id="g"),
        groups=[group("g", 2), group("g.h", 2, parent="g")],
    )
    run = new_run(document)
    _, message = only(ask(run, "g.b", 1))
    assert message.endswith("it waits for g.a[1] (scheduled), outside (scheduled).")
    _, message = only(ask(run, "g.d", 1))
    assert message.endswith("it waits for g.h.c[2] (not started), g.h.c[3] (not started).")


def test_a_task_without_instance_is_named_after_a_deadlock() -> None:
    document = dag(task("late", start_date=START + timedelta(days=1)), task("child", "late"))
    run = new_run(document, logical_date=START)
    ended, upstream = ask(run, "child")
    assert ended.message == "The run has ended as failed; what was undecided then stays so."
    assert upstream.message.endswith("it waits for late (no instance in this run).")


def test_a_setup_further_up_is_named() -> None:
    document = dag(
        task("setup", is_setup=True),
        task("free"),
        task("first", "setup"),
        task("eager", "free", "first", trigger_rule="one_success"),
    )
    run = new_run(document)
    finish(run, "free")
    assert only(ask(run, "eager")) == (
        "setups",
        "A setup that it needs has not succeeded; it waits for setup (scheduled).",
    )


def test_a_teardown_waits_for_its_scope() -> None:
    document = dag(
        task("setup", is_setup=True),
        task("long", "setup"),
        task("quick", "long", "setup", trigger_rule="one_success"),
        task("teardown", "setup", "quick", is_teardown=True, trigger_rule="all_done_setup_success"),
    )
    run = new_run(document)
    finish(run, "setup")
    finish(run, "quick")
    assert only(ask(run, "teardown")) == (
        "scope",
        "Tasks between its setup and this teardown are not done; it waits for long (scheduled).",
    )


def test_a_removed_producer() -> None:
    run = new_run(dag(task("a"), task("m", "a", trigger_rule="always", expansion=over("a"))))
    get(run, "m").state = TaskInstanceState.NONE
    run = Run(run.plan, run.facts, run.instances())
    run.board.move(get(run, "a"), TaskInstanceState.REMOVED)
    assert only(ask(run, "m")) == ("producers", "What it is mapped over was removed.")


def test_a_rule_that_can_never_be_met_names_nobody() -> None:
    run = new_run(dag(task("a"), task("b", "a", trigger_rule="all_skipped")))
    run.board.move(get(run, "a"), TaskInstanceState.REMOVED)
    assert only(ask(run, "b"))[1] == (
        "Its trigger rule all_skipped is not met: 1 of 1 upstream instances are done."
    )


def test_the_past_is_named() -> None:
    before = Past(states={"a": [TaskInstanceState.FAILED]}, known_before=frozenset({"a"}))
    run = new_run(dag(task("a", depends_on_past=True)), before)
    assert only(ask(run, "a")) == (
        "depends_on_past",
        "It depends on the past, and its previous instance has neither succeeded nor been skipped.",
    )


@pytest.mark.parametrize(
    ("outcome", "code", "message"),
    [
        (FAILED, "up_for_retry", "Its next try is due at 2026-01-01 00:05:00+00:00."),
        (
            Rescheduled(at=START + timedelta(minutes=5)),
            "up_for_reschedule",
            "Its next poke is due at 2026-01-01 00:05:00+00:00.",
        ),
        (
            Deferred(trigger_classpath="T", trigger_kwargs={}, method="m", timeout_seconds=300),
            "deferred",
            "It is deferred: it waits for its trigger.",
        ),
    ],
)
def test_waits_say_until_when(outcome: object, code: str, message: str) -> None:
    run = new_run(dag(task("a", retries=1)))
    finish(run, "a", outcome)
    [reason] = ask(run, "a")
    until = START + timedelta(minutes=5)
    assert (reason.code, reason.message, reason.until) == (code, message, until)


def test_attempts_under_way() -> None:
    run = new_run(dag(task("a")))
    ti = get(run, "a")
    run.claimed(ti, 1, START)
    assert only(ask(run, "a"))[1].startswith("Its process is being launched since 2026-01-01")
    run.started(ti, START)
    assert only(ask(run, "a")) == ("running", "It runs since 2026-01-01 00:00:00+00:00.")
    ti.start_date = None
    assert only(ask(run, "a"))[1] == "It runs since an unknown time."
    ti.state = TaskInstanceState.RESTARTING
    assert only(ask(run, "a"))[0] == "restarting"


def test_the_end_is_told_with_its_reason() -> None:
    run = new_run(dag(task("a"), task("b")))
    finish(run, "a", FAILED)
    finish(run, "b", Skipped())
    assert only(ask(run, "a")) == ("finished", "It has ended as failed: boom.")
    assert only(ask(run, "b")) == ("finished", "It has ended as skipped.")


@pytest.mark.parametrize(
    ("fields", "world", "code", "message"),
    [
        ({"pool": "none"}, {}, "pool_missing", "The pool none does not exist."),
        (
            {"pool_slots": 3},
            {"pools": {"default_pool": PoolUse(slots=2, occupied=0)}},
            "pool_too_small",
            "It needs 3 slots, but pool default_pool has 2 in all.",
        ),
        (
            {"pool_slots": 2},
            {"pools": {"default_pool": PoolUse(slots=5, occupied=4)}},
            "pool_full",
            "The pool default_pool is full (4/5 slots taken, 2 needed).",
        ),
        (
            {"max_active_tis_per_dag": 3},
            {"occupied_per_dag": 3, "pools": {"default_pool": PoolUse(slots=-1, occupied=9)}},
            "max_active_tis_per_dag",
            "3 of 3 this task's, over all runs, are active (max_active_tis_per_dag).",
        ),
        (
            {},
            {"executor_free": {None: 0}},
            "executor_full",
            "The default executor has no free slot.",
        ),
        (
            {"executor": "celery"},
            {"executor_free": {"celery": 0, None: 5}},
            "executor_full",
            "The celery executor has no free slot.",
        ),
    ],
)
def test_limits_of_the_world(fields: dict, world: dict, code: str, message: str) -> None:
    run = new_run(dag(task("a", **fields)))
    assert only(ask(run, "a", **world)) == (code, message)


def test_limits_of_the_run() -> None:
    document = dag(task("m", expansion=over(3), max_active_tis_per_dagrun=1), max_active_tasks=1)
    run = new_run(document)
    start(run, "m", 0)
    assert [r.code for r in ask(run, "m", 1)] == ["max_active_tasks", "max_active_tis_per_dagrun"]
