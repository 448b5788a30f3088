"""Events one by one: attempts, waits, limits, time-outs, and the effects that they lead to."""

from datetime import timedelta

import pytest

from support.worlds import (
    SECOND,
    START,
    dag,
    finish,
    get,
    group,
    new_run,
    over,
    reload,
    returned,
    start,
    state,
    states,
    task,
)
from tradewind.core.dag import SerializedDag
from tradewind.core.protocol import (
    Deferred,
    Failed,
    OutletEvent,
    Rescheduled,
    Resume,
    Skipped,
    Succeeded,
    XComValue,
)
from tradewind.core.runs.changes import (
    CancelAttempt,
    ClearXComs,
    CreateTrigger,
    DeleteTrigger,
    EmitAssetEvents,
    RunCallbacks,
    RunFinished,
    StoreXComs,
)
from tradewind.core.runs.clearing import Request, clear
from tradewind.core.runs.ready import Lane
from tradewind.core.runs.run import Run
from tradewind.core.states import DagRunState, DagRunType, TaskInstanceState

FAILED = Failed(error_type="ValueError", message="no")
DEFERRED = Deferred(trigger_classpath="m.T", trigger_kwargs={"a": 1}, method="go", kwargs={"k": 2})
MINUTE = timedelta(minutes=1)


def effects(run: Run, kind: type) -> list:
    return [effect for effect in run.take_changes().effects if isinstance(effect, kind)]


# --- an attempt's life -----------------------------------------------------------------------


def test_an_attempt_from_claim_to_success() -> None:
    run = new_run(dag(task("a")))
    ti = get(run, "a")
    assert (ti.state, ti.try_number, ti.scheduled_at) == ("scheduled", 1, START)

    run.claimed(ti, 7, START + SECOND)
    assert (ti.state, ti.attempt_id, ti.queued_at) == ("queued", 7, START + SECOND)
    assert run.started(ti, START + 2 * SECOND)
    assert (ti.state, ti.start_date) == ("running", START + 2 * SECOND)
    assert run.reported(ti, Succeeded(rendered_map_index="x"), START + 3 * SECOND)
    run.advance(START + 3 * SECOND)

    assert (ti.state, ti.attempt_id, ti.end_date) == ("success", None, START + 3 * SECOND)
    assert ti.rendered_map_index == "x"
    assert (run.facts.state, run.facts.end_date) == ("success", START + 3 * SECOND)


def test_events_that_come_too_late_change_nothing() -> None:
    run = new_run(dag(task("a"), task("b")))
    ti = finish(run, "a")
    run.take_changes()
    assert not run.started(ti, START)
    assert not run.reported(ti, FAILED, START)
    assert not run.lost(ti, "infra_lost", "gone", START)
    assert not run.trigger_fired(ti, Resume(method="go"), START)
    assert not run.begin(START)
    assert not run.take_changes()
    with pytest.raises(ValueError, match="a is success, only a scheduled instance can be claimed"):
        run.claimed(ti, 1, START)


def test_a_report_may_come_before_the_start() -> None:
    run = new_run(dag(task("a")))
    ti = get(run, "a")
    run.claimed(ti, 1, START)
    assert run.reported(ti, Succeeded(), START + SECOND)
    assert (ti.state, ti.start_date) == ("success", START + SECOND)


def test_results_become_effects() -> None:
    run = new_run(dag(task("a")))
    xcoms = [XComValue(key="k", value=1)]
    events = [OutletEvent(asset_name="n", asset_uri="u")]
    finish(run, "a", Succeeded(xcoms=xcoms, outlet_events=events))
    changes = run.take_changes()
    [stored] = [e for e in changes.effects if isinstance(e, StoreXComs)]
    [emitted] = [e for e in changes.effects if isinstance(e, EmitAssetEvents)]
    assert (stored.xcoms, emitted.events) == (xcoms, events)
    assert changes.run_changed
    assert [ti.task_id for ti in changes.new] == ["a"]
    assert changes.changed == []


def test_an_empty_task_succeeds_without_an_attempt() -> None:
    run = new_run(dag(task("a", is_empty=True), task("b", "a", is_empty=True)))
    assert states(run) == {"a": "success", "b": "success"}
    assert [ti.try_number for ti in run.instances()] == [1, 1]
    assert run.facts.state is DagRunState.SUCCESS


def test_a_run_without_tasks_succeeds() -> None:
    assert new_run(dag()).facts.state is DagRunState.SUCCESS


def test_nothing_happens_before_the_run_begins() -> None:
    run = new_run(dag(task("a")), begin=False)
    run.advance(START)
    assert state(run, "a") == "none"
    assert run.claimable() == []
    assert run.next_wake() is None
    assert run.begin(START)
    run.advance(START)
    assert state(run, "a") == "scheduled"


# --- retries ------------------------------------------------------------------------------------


def test_retries_wait_and_then_count_on() -> None:
    run = new_run(dag(task("a", retries=1, retry_delay_seconds=60)))
    ti = finish(run, "a", FAILED)
    assert (ti.state, ti.try_number, ti.wake_at) == ("up_for_retry", 1, START + MINUTE)
    assert ti.reason == "no"
    assert run.next_wake() == START + MINUTE
    run.advance(START + 59 * SECOND)
    assert ti.state == "up_for_retry"
    run.advance(START + MINUTE)
    assert (ti.state, ti.try_number, ti.wake_at) == ("scheduled", 2, None)
    assert run.next_wake() is None
    assert [e.ti for e in effects(run, ClearXComs)] == [ti]
    finish(run, "a", FAILED)
    assert (ti.state, run.facts.state) == ("failed", "failed")


def test_a_failure_that_is_not_retryable_ends_all_tries() -> None:
    run = new_run(dag(task("a", retries=3)))
    finish(run, "a", Failed(error_type="AirflowFailException", message="no", retryable=False))
    assert state(run, "a") == "failed"


def test_a_retry_policy_overrides_the_wait() -> None:
    run = new_run(dag(task("a", retries=1, retry_delay_seconds=600)))
    ti = finish(run, "a", Failed(error_type="E", message="", retry_delay_seconds=5))
    assert ti.wake_at == START + 5 * SECOND


def test_a_skip_ends_without_retry() -> None:
    run = new_run(dag(task("a", retries=3)))
    ti = finish(run, "a", Skipped(message="not today"))
    assert (ti.state, ti.reason) == ("skipped", "not today")


def test_a_wait_survives_a_reload() -> None:
    run = new_run(dag(task("a", retries=1), task("b", "a")))
    finish(run, "a", FAILED)
    run = reload(run)
    assert run.next_wake() == START + timedelta(seconds=300)
    run.advance(START + timedelta(seconds=300))
    assert state(run, "a") == "scheduled"
    run = reload(run)
    assert [ti.label for ti in run.claimable()] == ["a"]


def test_a_wait_that_was_over_when_the_run_was_stored_goes_on() -> None:
    run = new_run(dag(task("a", retries=1)))
    ti = finish(run, "a", FAILED)
    ti.wake_at = None  # as left by a scheduler that woke it and died
    run = reload(run)
    run.advance(START)
    assert state(run, "a") == "scheduled"


# --- lost attempts ------------------------------------------------------------------------------


def test_the_infrastructure_has_a_budget_of_its_own() -> None:
    run = new_run(dag(task("a", retries=1)))
    ti = get(run, "a")
    for n in range(1, 4):
        start(run, "a")
        assert run.lost(ti, "infra_lost", "the node is gone", START)
        assert (ti.state, ti.try_number, ti.infra_failures) == ("scheduled", 1, n)
        assert (ti.attempt_id, ti.reason) == (None, "the node is gone")
    start(run, "a")
    run.lost(ti, "infra_lost", "the node is gone", START)
    assert (ti.state, ti.reason) == ("up_for_retry", "the node is gone")
    run.advance(ti.wake_at or START)
    assert (ti.state, ti.try_number, ti.infra_failures) == ("scheduled", 2, 0)


def test_what_is_lost_again_and_again_waits_longer_and_longer() -> None:
    run = new_run(dag(task("a")))
    ti = get(run, "a")
    now, pauses = START, []
    for _ in range(3):
        run.claimed(ti, 1, now)
        run.lost(ti, "infra_lost", "no host", now)
        pauses.append((ti.wake_at - now).total_seconds() if ti.wake_at else 0)
        now = ti.wake_at or now
        assert (run.claimable() == []) == (ti.wake_at is not None)
        assert run.next_wake() == ti.wake_at
        if ti.wake_at is not None:  # whoever takes over waits as well
            again = Run(run.plan, run.facts, run.instances())
            again.advance(now - timedelta(seconds=1))
            assert again.claimable() == []
        run.advance(now)
        assert run.claimable() == [ti]
        assert ti.reason == "no host"
    assert pauses == [0, 3, 9]
    run.claimed(ti, 1, now)
    run.lost(ti, "infra_lost", "no host", now)
    assert ti.state == "failed"


def test_an_attempt_lost_before_it_started_counts_the_same() -> None:
    run = new_run(dag(task("a")))
    ti = get(run, "a")
    run.claimed(ti, 1, START)
    assert run.lost(ti, "infra_lost", "no such image", START)
    assert (ti.state, ti.infra_failures) == ("scheduled", 1)


@pytest.mark.parametrize(
    ("retries", "end", "kinds"), [(0, "failed", ["on_failure"]), (1, "up_for_retry", ["on_retry"])]
)
def test_a_users_failure_without_a_report_calls_back(
    retries: int, end: str, kinds: list[str]
) -> None:
    run = new_run(dag(task("a", retries=retries, callbacks=["on_failure", "on_retry"])))
    ti = start(run, "a")
    run.lost(ti, "oom", "out of memory", START)
    assert ti.state == end
    [callback] = effects(run, RunCallbacks)
    assert (callback.ti, callback.kinds, callback.reason) == (ti, kinds, "out of memory")


def test_a_task_without_callbacks_is_not_called_back() -> None:
    run = new_run(dag(task("a")))
    run.lost(start(run, "a"), "exit", "exit code 1", START)
    assert effects(run, RunCallbacks) == []


# --- deferral and rescheduling ----------------------------------------------------------------


def test_a_deferred_task_resumes_in_the_same_try() -> None:
    run = new_run(dag(task("a")))
    ti = finish(run, "a", DEFERRED)
    assert (ti.state, ti.attempt_id) == ("deferred", None)
    [created] = effects(run, CreateTrigger)
    assert (created.ti, created.classpath, created.kwargs) == (ti, "m.T", {"a": 1})

    assert run.trigger_fired(ti, Resume(method="", event={"e": 1}), START + SECOND)
    assert (ti.state, ti.try_number) == ("scheduled", 1)
    assert ti.resume == Resume(method="go", kwargs={"k": 2}, event={"e": 1})
    assert [type(e) for e in run.take_changes().effects] == [DeleteTrigger]

    start(run, "a", now=START + MINUTE)
    assert ti.start_date == START  # of the beginning, not of the resumption
    run.reported(ti, Succeeded(), START + MINUTE)
    assert ti.resume is None


def test_a_failed_trigger_resumes_with_its_error() -> None:
    run = new_run(dag(task("a")))
    ti = finish(run, "a", DEFERRED)
    assert run.next_wake() is None
    run.trigger_fired(ti, Resume(method="other", trigger_error="Traceback"), START)
    assert ti.resume == Resume(method="go", kwargs={"k": 2}, trigger_error="Traceback")


@pytest.mark.parametrize(
    ("ends_as", "kind"),
    [("success", "on_success"), ("skipped", "on_skipped"), ("failed", "on_failure")],
)
def test_an_event_may_end_the_task_by_itself(ends_as: str, kind: str) -> None:
    run = new_run(dag(task("a", retries=3, callbacks=[kind]), task("b", "a")))
    ti = finish(run, "a", DEFERRED)
    run.take_changes()
    resume = Resume(method="", ends_as=ends_as, xcoms={"return_value": [1, 2], "other": 3})
    assert run.trigger_fired(ti, resume, START + SECOND)
    found = run.take_changes().effects
    assert (ti.state, ti.end_date, ti.resume) == (ends_as, START + SECOND, None)
    assert [e.kinds for e in found if isinstance(e, RunCallbacks)] == [[kind]]
    assert len([e for e in found if isinstance(e, DeleteTrigger)]) == 1
    pushed = [(x.key, x.value) for e in found if isinstance(e, StoreXComs) for x in e.xcoms]
    assert pushed == ([("return_value", [1, 2]), ("other", 3)] if ends_as == "success" else [])


def test_what_a_trigger_pushes_can_be_mapped_over() -> None:
    run = new_run(dag(task("a"), task("b", "a", expansion=over("a"))))
    ti = finish(run, "a", DEFERRED)
    run.trigger_fired(
        ti, Resume(method="", ends_as="success", xcoms={"return_value": [7, 8]}), START
    )
    run.advance(START)
    assert [get(run, "b", index).state for index in (0, 1)] == ["scheduled", "scheduled"]


def test_a_lost_resumption_resumes_again() -> None:
    run = new_run(dag(task("a")))
    ti = finish(run, "a", DEFERRED)
    run.trigger_fired(ti, Resume(method="", event=1), START)
    run.take_changes()
    run.lost(start(run, "a"), "infra_lost", "gone", START)
    assert ti.resume == Resume(method="go", kwargs={"k": 2}, event=1)
    assert effects(run, ClearXComs) == []


def test_a_deferral_times_out() -> None:
    run = new_run(dag(task("a")))
    ti = finish(
        run,
        "a",
        Deferred(trigger_classpath="T", trigger_kwargs={}, method="go", timeout_seconds=60),
    )
    run = reload(run)
    ti = get(run, "a")
    assert run.next_wake() == START + MINUTE
    run.advance(START + MINUTE)
    assert (ti.state, ti.wake_at) == ("scheduled", None)
    assert ti.resume == Resume(method="go", timed_out=True)
    assert len(effects(run, DeleteTrigger)) == 1


def test_a_trigger_that_fires_in_time_ends_the_timeout() -> None:
    run = new_run(dag(task("a")))
    outcome = Deferred(trigger_classpath="T", trigger_kwargs={}, method="go", timeout_seconds=60)
    ti = finish(run, "a", outcome)
    run.trigger_fired(ti, Resume(method="", event=1), START)
    assert run.next_wake() is None
    run.advance(START + MINUTE)
    assert ti.resume == Resume(method="go", event=1)


def test_a_rescheduled_sensor_keeps_try_and_first_start() -> None:
    run = new_run(dag(task("a")))
    ti = finish(run, "a", Rescheduled(at=START + MINUTE))
    assert (ti.state, ti.wake_at) == ("up_for_reschedule", START + MINUTE)
    run.advance(START + MINUTE)
    assert (ti.state, ti.try_number) == ("scheduled", 1)
    start(run, "a", now=START + MINUTE)
    assert (ti.start_date, ti.first_start_date) == (START + MINUTE, START)


# --- the end of the run ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "kind", "reason"),
    [(Succeeded(), "on_success", "success"), (FAILED, "on_failure", "task_failure")],
)
def test_the_dags_callbacks(outcome: Succeeded | Failed, kind: str, reason: str) -> None:
    run = new_run(dag(task("a"), callbacks=["on_success", "on_failure"]))
    finish(run, "a", outcome)
    finished, callback = run.take_changes().effects[-2:]
    assert isinstance(finished, RunFinished)
    assert (finished.state, finished.reason) == (run.facts.state, reason)
    assert isinstance(callback, RunCallbacks)
    assert (callback.ti, callback.kinds, callback.reason) == (None, [kind], reason)


def test_a_task_out_of_its_dates_leaves_the_run_deadlocked() -> None:
    document = dag(
        task("late", start_date=START + MINUTE),
        task("early", end_date=START - MINUTE),
        task("child", "late"),
        task("free"),
    )
    run = new_run(document, logical_date=START)
    assert states(run) == {"child": "none", "free": "scheduled"}
    finish(run, "free")
    assert (state(run, "child"), run.facts.state) == ("none", "failed")
    [finished] = effects(run, RunFinished)
    assert finished.reason == "all_tasks_deadlocked"


@pytest.mark.parametrize("dates", [{"start_date": START + MINUTE}, {"end_date": START - MINUTE}])
def test_a_run_out_of_its_dags_dates_has_no_tasks(dates: dict) -> None:
    run = new_run(dag(task("a"), **dates), logical_date=START)
    assert (states(run), run.facts.state) == ({}, "success")


@pytest.mark.parametrize("facts", [{"logical_date": None}, {"run_type": DagRunType.BACKFILL}])
def test_dates_do_not_count_without_logical_date_or_in_a_backfill(facts: dict) -> None:
    document = dag(task("late", start_date=START + MINUTE))
    run = new_run(document, **({"logical_date": START} | facts))
    assert states(run) == {"late": "scheduled"}


def test_dagrun_timeout_skips_everything_unfinished() -> None:
    document = dag(
        task("done"),
        task("running"),
        task("deferred"),
        task("after", "running"),
        task("teardown", "running", is_teardown=True),
        dagrun_timeout_seconds=60,
        callbacks=["on_failure"],
    )
    run = new_run(document)
    finish(run, "done")
    attempt_id = start(run, "running").attempt_id
    finish(run, "deferred", DEFERRED)
    run.take_changes()
    assert run.next_wake() == START + MINUTE
    run.advance(START + MINUTE)
    assert states(run) == {
        "done": "success",
        "running": "skipped",
        "deferred": "skipped",
        "after": "skipped",
        "teardown": "skipped",
    }
    assert run.facts.state is DagRunState.FAILED
    cancelled, deleted, finished, callback = run.take_changes().effects
    assert isinstance(cancelled, CancelAttempt)
    assert cancelled.attempt_id == attempt_id
    assert isinstance(deleted, DeleteTrigger)
    assert isinstance(finished, RunFinished)
    assert finished.reason == "timed_out"
    assert isinstance(callback, RunCallbacks)
    assert run.next_wake() is None


def test_fail_fast_fails_what_runs_and_skips_the_rest() -> None:
    document = dag(
        task("setup", is_setup=True),
        task("bad", "setup"),
        task("running", "setup"),
        task("queued", "setup"),
        task("sibling", "setup", expansion=over(1)),
        task("after", "bad"),
        task("teardown", "setup", "bad", is_teardown=True, trigger_rule="all_done_setup_success"),
        fail_fast=True,
    )
    run = new_run(document)
    finish(run, "setup")
    running, queued = start(run, "running"), get(run, "queued")
    run.claimed(queued, 99, START)
    run.take_changes()
    finish(run, "bad", FAILED)
    assert states(run) == {
        "setup": "success",
        "bad": "failed",
        "running": "failed",
        "queued": "skipped",
        "sibling[0]": "skipped",
        "after": "skipped",
        "teardown": "scheduled",
    }
    assert [e.ti for e in effects(run, CancelAttempt)] == [running, queued]
    finish(run, "teardown")
    assert run.facts.state is DagRunState.FAILED


def test_fail_fast_waits_for_the_last_try() -> None:
    run = new_run(dag(task("bad", retries=1), task("other"), fail_fast=True))
    finish(run, "bad", FAILED)
    assert state(run, "other") == "scheduled"


def test_a_cleared_running_instance_starts_again_when_its_process_is_gone() -> None:
    run = new_run(dag(task("a"), task("b", "a")))
    ti = start(run, "a")
    ti.state = TaskInstanceState.RESTARTING  # as `clearing.clear` stores it
    run = reload(run)
    ti = get(run, "a")
    [cancel] = effects(run, CancelAttempt)
    assert cancel.attempt_id == ti.attempt_id
    assert run.lost(ti, "cancelled", "cleared", START)
    run.advance(START)
    assert (ti.state, ti.try_number, ti.attempt_id) == ("scheduled", 2, None)
    ti = start(run, "a")
    ti.state = TaskInstanceState.RESTARTING
    run = reload(run)
    assert run.reported(get(run, "a"), Succeeded(), START)  # it ended by itself: no matter
    run.advance(START)
    assert states(run) == {"a": "scheduled", "b": "none"}


# --- limits ---------------------------------------------------------------------------------------


def labels(run: Run, limit: int | None = None) -> list[str]:
    return [ti.label for ti in run.claimable(limit)]


def test_claims_go_by_weight_then_by_the_dags_order() -> None:
    run = new_run(dag(task("a"), task("b", weight=5), task("m", expansion=over(2)), task("z")))
    assert labels(run) == ["b", "a", "m[0]", "m[1]", "z"]
    assert labels(run, 2) == ["b", "a"]
    assert labels(run, 0) == []
    run.claimed(get(run, "b"), 1, START)
    assert labels(run, 2) == ["a", "m[0]"]


def test_max_active_tasks_holds_for_the_run() -> None:
    run = new_run(dag(*(task(f"t{n}") for n in range(4)), max_active_tasks=2))
    assert labels(run) == ["t0", "t1"]
    start(run, "t0")
    run.claimed(get(run, "t1"), 99, START)
    assert labels(run) == []
    assert run.occupying() == 2
    run.reported(get(run, "t0"), DEFERRED, START)  # a deferred one holds no slot
    assert labels(run) == ["t2"]


def test_max_active_tis_per_dagrun_counts_deferred_ones() -> None:
    run = new_run(dag(task("m", expansion=over(4), max_active_tis_per_dagrun=2), task("z")))
    assert labels(run) == ["m[0]", "m[1]", "z"]
    finish(run, "m", DEFERRED, 0)
    assert labels(run) == ["m[1]", "z"]
    start(run, "m", 1)
    assert labels(run) == ["z"]
    run.reported(get(run, "m", 1), Succeeded(), START)
    assert labels(run) == ["m[2]", "z"]


def test_a_blocked_lane_does_not_starve_the_others() -> None:
    many = [task(f"a{n}", pool="full", weight=9) for n in range(3)]
    limited = task("c", max_active_tis_per_dag=1, pool_slots=2)
    run = new_run(dag(*many, task("b"), limited, max_active_tasks=2))
    seen: set[Lane] = set()

    def is_blocked(lane: Lane) -> bool:
        seen.add(lane)
        return lane.pool == "full"

    assert [ti.label for ti in run.claimable(is_blocked=is_blocked)] == ["b", "c"]
    assert Lane("full", 1, None, None) in seen
    assert Lane("default_pool", 2, None, "c") in seen
    assert labels(run) == ["a0", "a1"]  # nothing was lost from the queue by asking


def test_an_instance_that_comes_back_is_claimed_once() -> None:
    run = new_run(dag(task("a"), task("b")))
    run.lost(start(run, "a"), "infra_lost", "gone", START)
    assert labels(run) == ["a", "b"]


# --- mapping -------------------------------------------------------------------------------------


def mapped_group_dag() -> SerializedDag:
    return dag(
        task("source"),
        task("outside"),
        task("g.a", "source", group_id="g"),
        task("g.b", "g.a", "outside", group_id="g"),
        task("join", "g.b"),
        groups=[group("g", "source")],
    )


def test_what_an_instance_reads_of_its_upstreams() -> None:
    run = new_run(mapped_group_dag())
    finish(run, "outside")
    finish(run, "source", Succeeded(xcoms=[XComValue(key="return_value", value=0, length=2)]))
    for index in (0, 1):
        finish(run, "g.a", map_index=index)
    assert run.upstream_map_indexes(get(run, "g.b", 1)) == {"g.a": 1, "outside": None}
    assert run.upstream_map_indexes(get(run, "join")) == {"g.b": None}


def test_a_failed_index_fails_only_its_own_line() -> None:
    run = new_run(mapped_group_dag())
    finish(run, "outside")
    finish(run, "source", Succeeded(xcoms=[XComValue(key="return_value", value=0, length=2)]))
    finish(run, "g.a", FAILED, 0)
    finish(run, "g.a", map_index=1)
    assert (state(run, "g.b[0]"), state(run, "g.b[1]")) == ("upstream_failed", "scheduled")
    assert state(run, "join") == "upstream_failed"


def test_a_branch_inside_a_mapped_group_skips_at_its_own_index() -> None:
    document = dag(
        task("g.choose", group_id="g"),
        task("g.left", "g.choose", group_id="g"),
        task("g.right", "g.choose", group_id="g"),
        task("outside", "g.choose"),
        groups=[group("g", 2)],
    )
    run = new_run(document)
    finish(run, "g.choose", Succeeded(skip=["g.right", "outside"]), 0)
    finish(run, "g.choose", Succeeded(skip=["g.left", "no_such_task"]), 1)
    assert states(run) == {
        "g.choose[0]": "success",
        "g.choose[1]": "success",
        "g.left[0]": "scheduled",
        "g.left[1]": "skipped",
        "g.right[0]": "skipped",
        "g.right[1]": "scheduled",
        "outside": "scheduled",
    }


def test_a_branch_inside_a_mapped_group_leaves_what_is_not_expanded_alone() -> None:
    document = dag(
        task("source"),
        task("other"),
        task("g.choose", "source", group_id="g"),
        task("g.child", "g.choose", "other", group_id="g"),
        groups=[group("g", "source")],
    )
    run = new_run(document)
    finish(run, "source", returned(1))
    finish(run, "g.choose", Succeeded(skip=["g.child"]), 0)
    assert state(run, "g.child") == "none"
    finish(run, "other")
    assert state(run, "g.child[0]") == "skipped"


def test_an_instance_may_start_while_its_length_is_unknown_again() -> None:
    document = dag(
        task("a", expansion=over(2)),
        task("m", "a", expansion=over("a"), trigger_rule="always"),
    )
    run = new_run(document)
    assert state(run, "m") == "upstream_failed"  # "always" does not wait for what it is mapped over
    for index in (0, 1):
        finish(run, "a", returned(0), index)
    for request in (Request(task_ids=frozenset({"m"})), Request()):
        clear(run.plan, run.facts, run.instances(), request, START)
        run = Run(run.plan, run.facts, run.instances())
        run.begin(START)
        run.advance(START)
        assert (state(run, "m[0]"), state(run, "m[1]")) == ("scheduled", "scheduled")
        for index in (0, 1):
            finish(run, "m", map_index=index)


def test_a_short_circuit_reaches_all_descendants_and_stops_what_was_queued() -> None:
    document = dag(
        task("gate"),
        task("near", "gate"),
        task("far", "near", trigger_rule="all_done"),
        task("quick"),
        task("eager", "gate", "quick", trigger_rule="one_success"),
    )
    run = new_run(document)
    finish(run, "quick")
    eager = get(run, "eager")
    run.claimed(eager, 5, START)
    run.take_changes()
    finish(run, "gate", Succeeded(skip=["near", "far", "eager"]))
    assert states(run)["far"] == states(run)["near"] == states(run)["eager"] == "skipped"
    assert [e.attempt_id for e in effects(run, CancelAttempt)] == [5]
    assert run.facts.state is DagRunState.SUCCESS


def test_a_producer_that_ends_is_seen_even_if_no_rule_changes_its_mind() -> None:
    document = dag(
        task("skips"),
        task("producer"),
        task("never"),
        task(
            "m",
            "skips",
            "producer",
            "never",
            trigger_rule="one_success",
            expansion=over("producer"),
        ),
    )
    run = new_run(document)
    finish(run, "skips", Skipped())
    assert state(run, "m") == "none"
    finish(run, "producer", Skipped())
    assert state(run, "m") == "skipped"


def nested_dag() -> SerializedDag:
    return dag(
        task("inner_source"),
        task("g.a", group_id="g"),
        task("g.h.b", "g.a", "inner_source", group_id="g.h"),
        task("g.c", "g.h.b", group_id="g"),
        groups=[group("g", 2), group("g.h", "inner_source", parent="g")],
    )


def test_nested_groups_belong_together_by_their_common_index() -> None:
    run = new_run(nested_dag())
    finish(run, "inner_source", returned(2))
    assert [ti.map_index for ti in run.instances() if ti.task_id == "g.h.b"] == [0, 1, 2, 3]
    finish(run, "g.a", map_index=1)
    assert [state(run, f"g.h.b[{i}]") for i in range(4)] == ["none", "none"] + ["scheduled"] * 2
    assert run.upstream_map_indexes(get(run, "g.h.b", 3)) == {"g.a": 1, "inner_source": None}
    finish(run, "g.h.b", map_index=2)
    assert state(run, "g.c[1]") == "none"
    finish(run, "g.h.b", map_index=3)
    assert (state(run, "g.c[0]"), state(run, "g.c[1]")) == ("none", "scheduled")
    assert run.upstream_map_indexes(get(run, "g.c", 1)) == {"g.h.b": [2, 3]}


def test_an_inner_length_that_changes_moves_the_indexes() -> None:
    run = new_run(nested_dag())
    finish(run, "inner_source", returned(2))
    for index in (0, 1):
        finish(run, "g.a", map_index=index)
    for index in range(4):
        finish(run, "g.h.b", map_index=index)
    for index in (0, 1):
        finish(run, "g.c", map_index=index)
    again = Request(task_ids=frozenset({"inner_source"}), downstream=True)
    clear(run.plan, run.facts, run.instances(), again, START)
    run = Run(run.plan, run.facts, run.instances())
    run.begin(START)
    run.advance(START)
    finish(run, "inner_source", returned(3))
    for index in (0, 1):
        finish(run, "g.h.b", map_index=index)
    assert state(run, "g.c[0]") == "none"
    finish(run, "g.h.b", map_index=2)
    assert (state(run, "g.c[0]"), state(run, "g.c[1]")) == ("scheduled", "none")
    for index in (3, 4, 5):
        finish(run, "g.h.b", map_index=index)
    assert state(run, "g.c[1]") == "scheduled"
