"""Each kind of violation is planted once in a history that is good without it."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from tradewind.core.history import (
    Attempt,
    Counter,
    Event,
    History,
    Instance,
    Limit,
    Run,
    violations,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def event(attempt_id: int, name: str, detail: str | None = None) -> Event:
    return Event(attempt_id=attempt_id, event=name, detail=detail)


FIRST = Attempt(id=1, instance_id=10, try_number=1, generation=1, state="ended", outcome="success")
SECOND = replace(FIRST, id=2, instance_id=20)
UPSTREAM = Instance(id=10, run_pk=5, label="d.up in r", state="success")
DOWNSTREAM = Instance(id=20, run_pk=5, label="d.down in r", state="success", waits_for=[10])
RUN = Run(pk=5, label="d r", is_over=True, slot=("d", "one"))
GOOD = History(
    events=[
        event(1, "claim"),
        event(1, "start"),
        event(1, "finish", "success"),
        event(2, "claim"),
        event(2, "start"),
        event(2, "finish", "success"),
    ],
    attempts=[FIRST, SECOND],
    instances=[UPSTREAM, DOWNSTREAM],
    runs=[RUN],
    limits=[Limit(name="pool p", allowed=1, costs={10: 1, 20: 1})],
    counters=[Counter(name="pool p", counted=0, held=0)],
)


def broken(history: History) -> set[str]:
    return {found.rule for found in violations(history, now=NOW, grace_seconds=30)}


def again(**changes: object) -> Attempt:
    """A second attempt of the downstream instance."""
    return replace(SECOND, id=3, generation=2, **changes)


def test_nothing_is_wrong_with_a_good_history() -> None:
    assert violations(GOOD, now=NOW) == []


def test_a_lost_attempt_is_followed_by_another_one() -> None:
    events = [*GOOD.events[:5], event(2, "fence", "its lease ended")]
    events += [event(3, "claim"), event(2, "refuse"), event(3, "start")]
    events += [event(3, "finish", "success")]
    lost = replace(SECOND, state="fenced", outcome="failed")
    history = replace(GOOD, events=events, attempts=[FIRST, lost, again()])
    assert violations(history, now=NOW) == []


def test_a_retry_and_a_deferral_go_on() -> None:
    failed, deferred = replace(SECOND, outcome="failed"), again(try_number=2, outcome="deferred")
    last = replace(SECOND, id=4, generation=3, try_number=2)
    events = [*GOOD.events[:5], event(2, "finish", "failed"), event(3, "claim")]
    events += [event(3, "finish", "deferred"), event(4, "claim"), event(4, "finish", "success")]
    history = replace(GOOD, events=events, attempts=[FIRST, failed, deferred, last])
    assert violations(history, now=NOW) == []


def test_what_a_person_did_is_no_violation() -> None:
    events = [*GOOD.events, event(3, "claim"), event(3, "finish", "success")]
    cleared = replace(FIRST, id=3, generation=2, try_number=2)
    marked = replace(DOWNSTREAM, state="failed")
    history = replace(
        GOOD,
        events=events,
        attempts=[*GOOD.attempts, cleared],
        instances=[UPSTREAM, marked],
        runs=[replace(RUN, by_hand=True)],
    )
    assert violations(history, now=NOW) == []
    assert broken(replace(history, runs=[RUN])) == {"too_early", "finish_lost"}


def test_two_live_attempts_of_one_instance() -> None:
    events = [*GOOD.events[:4], event(3, "claim"), event(2, "finish", "failed")]
    events += [event(3, "finish", "success")]
    first = replace(SECOND, outcome="failed")
    assert broken(replace(GOOD, events=events, attempts=[FIRST, first, again()])) == {
        "one_at_a_time"
    }


def test_a_try_that_was_done_runs_again() -> None:
    events = [*GOOD.events, event(3, "claim"), event(3, "finish", "success")]
    history = replace(GOOD, events=events, attempts=[*GOOD.attempts, again()])
    assert broken(history) == {"done_again"}


@pytest.mark.parametrize("second", ["finish", "fence"])
def test_an_end_after_the_end(second: str) -> None:
    events = [*GOOD.events, event(2, second, "success")]
    assert broken(replace(GOOD, events=events)) == {"ended_twice"}


def test_a_fenced_attempt_that_finishes_all_the_same() -> None:
    events = [*GOOD.events[:5], event(2, "fence"), event(2, "finish", "success")]
    assert "ended_twice" in broken(replace(GOOD, events=events))


def test_a_start_that_nobody_claimed() -> None:
    events = [*GOOD.events[:3], event(2, "start"), *GOOD.events[3:4], *GOOD.events[5:]]
    assert broken(replace(GOOD, events=events)) == {"start"}


def test_a_start_after_the_end() -> None:
    assert broken(replace(GOOD, events=[*GOOD.events, event(2, "start")])) == {"start"}


def test_an_attempt_without_a_claim() -> None:
    assert broken(replace(GOOD, events=[*GOOD.events[:3], *GOOD.events[4:]])) == {
        "unclaimed",
        "start",
    }


def test_a_row_that_is_not_what_its_history_says() -> None:
    for wrong in ("running", "fenced"):
        attempts = [FIRST, replace(SECOND, state=wrong)]
        assert broken(replace(GOOD, attempts=attempts)) == {"state"}


def test_an_end_without_an_event() -> None:
    assert broken(replace(GOOD, events=GOOD.events[:5])) >= {"state"}


def test_an_outcome_that_was_overwritten() -> None:
    attempts = [FIRST, replace(SECOND, outcome="failed")]
    assert broken(replace(GOOD, attempts=attempts)) == {"overwritten"}


@pytest.mark.parametrize("state", ["failed", "scheduled", "none", "skipped"])
def test_a_finish_that_was_lost(state: str) -> None:
    instances = [UPSTREAM, replace(DOWNSTREAM, state=state)]
    assert broken(replace(GOOD, instances=instances)) == {"finish_lost"}


def test_a_failure_that_became_a_success_by_itself() -> None:
    events = [*GOOD.events[:5], event(2, "finish", "failed")]
    attempts = [FIRST, replace(SECOND, outcome="failed")]
    history = replace(GOOD, events=events, attempts=attempts)
    assert broken(history) == {"finish_lost"}
    waiting = replace(DOWNSTREAM, state="up_for_retry")
    assert broken(replace(history, instances=[UPSTREAM, waiting])) == set()


def test_a_start_while_an_upstream_is_live() -> None:
    events = [*GOOD.events[:2], event(2, "claim"), *GOOD.events[2:3], *GOOD.events[4:]]
    limits = [replace(GOOD.limits[0], allowed=2)]
    assert broken(replace(GOOD, events=events, limits=limits)) == {"too_early"}


def test_a_start_before_an_upstream_has_begun() -> None:
    assert broken(replace(GOOD, events=[*GOOD.events[3:], *GOOD.events[:3]])) == {"too_early"}


def test_a_start_between_two_tries_of_an_upstream() -> None:
    failed = replace(FIRST, outcome="failed")
    retried = replace(FIRST, id=3, generation=2, try_number=2)
    events = [*GOOD.events[:2], event(1, "finish", "failed"), *GOOD.events[3:]]
    events += [event(3, "claim"), event(3, "finish", "success")]
    history = replace(GOOD, events=events, attempts=[failed, SECOND, retried])
    assert broken(history) == {"too_early"}


def test_a_limit_that_was_exceeded_for_an_instant() -> None:
    events = [*GOOD.events[:2], event(2, "claim"), *GOOD.events[2:3], *GOOD.events[4:]]
    instances = [UPSTREAM, replace(DOWNSTREAM, waits_for=[])]
    history = replace(GOOD, events=events, instances=instances)
    assert broken(history) == {"limit"}
    assert broken(replace(history, limits=[replace(GOOD.limits[0], allowed=2)])) == set()
    two_each = replace(GOOD.limits[0], allowed=3, costs={10: 2, 20: 2})
    assert broken(replace(history, limits=[two_each])) == {"limit"}


def test_an_attempt_that_outlives_its_run() -> None:
    attempts = [FIRST, replace(SECOND, state="running", outcome=None)]
    history = replace(GOOD, events=GOOD.events[:5], attempts=attempts)
    assert broken(history) == {"never_ended"}


@pytest.mark.parametrize(("seconds", "rules"), [(31, {"never_ended"}), (29, set())])
def test_an_attempt_that_outlives_its_lease(seconds: int, rules: set[str]) -> None:
    until = NOW - timedelta(seconds=seconds)
    live = replace(SECOND, state="running", outcome=None, lease_until=until)
    instances = [UPSTREAM, replace(DOWNSTREAM, state="running")]
    history = replace(
        GOOD,
        events=GOOD.events[:5],
        attempts=[FIRST, live],
        instances=instances,
        runs=[replace(RUN, is_over=False)],
    )
    assert broken(history) == rules


def test_a_counter_that_drifted() -> None:
    counters = [Counter(name="pool p", counted=1, held=0)]
    assert broken(replace(GOOD, counters=counters)) == {"counter"}


def test_a_slot_that_made_two_runs() -> None:
    twin = replace(RUN, pk=6, label="d again")
    assert broken(replace(GOOD, runs=[RUN, twin])) == {"slot_twice"}
    other_dag = replace(twin, slot=("other", "one"))
    assert broken(replace(GOOD, runs=[RUN, other_dag])) == set()
