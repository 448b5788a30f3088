"""What the recorded history proves: attempts one at a time, nothing lost, limits held.

Every claim, start, finish, fence and refusal is a row of `attempt_event`. A run's events have ids
in the order in which they were committed, because each transaction moves the run's revision first;
so replaying them by id needs no clock. What contradicts a promise of the engine is a `Violation`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from tradewind.core.states import FINISHED_STATES, AttemptState

_DONE = frozenset({"success", "skipped"})  # outcomes after which a try does not go on
_FINAL = frozenset({"success", "skipped", "failed"})
_ENDS = {"finish": AttemptState.ENDED, "fence": AttemptState.FENCED}


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `attempt_event`. `detail` of a finish is the attempt's outcome."""

    attempt_id: int
    event: str  # claim, start, finish, fence, refuse
    detail: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `attempt`."""

    id: int
    instance_id: int
    try_number: int
    generation: int
    state: str
    outcome: str | None = None
    lease_until: datetime | None = None


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `task_instance`. `label` names it to people, its run included.

    `waits_for`: instances that must be done before it starts; none for trigger rules that do not
    wait for all.
    """

    id: int
    run_pk: int
    label: str
    state: str
    waits_for: Sequence[int] = ()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `dag_run`. `by_hand`: somebody cleared or marked something in it.

    `slot`: a scheduled run's DAG and place in its schedule.
    """

    pk: int
    label: str
    is_over: bool
    by_hand: bool = False
    slot: tuple[str, str] | None = None


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """At most `allowed` at any instant, where each live instance costs what `costs` says."""

    name: str
    allowed: int
    costs: Mapping[int, int]


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    """What a counter in the database says, and what the rows that it counts come to."""

    name: str
    counted: int
    held: int


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Events in the order of their ids, and the rows that they are about."""

    events: Sequence[Event]
    attempts: Sequence[Attempt]
    instances: Sequence[Instance]
    runs: Sequence[Run]
    limits: Sequence[Limit] = ()
    counters: Sequence[Counter] = ()


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """`rule` is stable; `message` says in a sentence what contradicts it."""

    rule: str
    message: str


def violations(history: History, *, now: datetime, grace_seconds: float = 30.0) -> list[Violation]:
    """Everything that should not have been. Limits count as constant over the whole history.

    `grace_seconds`: how long after the end of its lease an attempt may stay unnoticed.
    """
    replay = _Replay(history)
    replay.run()
    return [
        *replay.found,
        *_attempts_as_recorded(history, replay),
        *_left_behind(history, replay, now - timedelta(seconds=grace_seconds)),
        *_results_kept(history, replay),
        *_counters(history.counters),
        *_slots(history.runs),
    ]


class _Replay:
    """All events one by one, and where they lead."""

    def __init__(self, history: History) -> None:
        self.found: list[Violation] = []
        self.ended: dict[int, Event] = {}  # attempt → the event that ended it
        self.claimed: set[int] = set()
        self.open: dict[int, int] = {}  # instance → its live attempt
        self._events = history.events
        self._attempts = {attempt.id: attempt for attempt in history.attempts}
        self._instances = {instance.id: instance for instance in history.instances}
        self._runs = {run.pk: run for run in history.runs}
        self._dependents: dict[int, list[int]] = {}
        for instance in history.instances:
            for other in instance.waits_for:
                self._dependents.setdefault(other, []).append(instance.id)
        self._claims: set[int] = set()  # instances that have been claimed
        self._done: dict[int, int] = {}  # instance → the try in which it was done
        self._limits = history.limits
        self._used = [0] * len(history.limits)
        self._limits_of: dict[int, list[int]] = {}
        for number, limit in enumerate(history.limits):
            for instance_id in limit.costs:
                self._limits_of.setdefault(instance_id, []).append(number)

    def run(self) -> None:
        for event in self._events:
            attempt = self._attempts.get(event.attempt_id)
            if attempt is not None:  # else its run was deleted
                self._apply(event, attempt, self._instances[attempt.instance_id])

    def _apply(self, event: Event, attempt: Attempt, instance: Instance) -> None:
        match event.event:
            case "claim":
                self._claim(attempt, instance)
            case "start" if attempt.id not in self.claimed or attempt.id in self.ended:
                self._report("start", f"Attempt {attempt.id} of {instance.label} started unclaimed")
            case "finish" | "fence":
                self._end(event, attempt, instance)

    def _claim(self, attempt: Attempt, instance: Instance) -> None:
        label = f"Attempt {attempt.id} of {instance.label}"
        other = self.open.get(instance.id)
        if other is not None:
            self._report("one_at_a_time", f"{label} was claimed while attempt {other} was live")
        if self._done.get(instance.id) == attempt.try_number:
            self._report("done_again", f"{label} was claimed after its try had been done")
        self._check_order(label, instance)
        self.claimed.add(attempt.id)
        self._claims.add(instance.id)
        if other is None:
            self._occupy(instance, label)
        self.open[instance.id] = attempt.id

    def _check_order(self, label: str, instance: Instance) -> None:
        for upstream_id in instance.waits_for:
            if upstream_id in self.open:
                upstream = self._instances[upstream_id].label
                self._report("too_early", f"{label} was claimed while {upstream} was live")
        if self._runs[instance.run_pk].by_hand:
            return
        for dependent_id in self._dependents.get(instance.id, ()):
            if dependent_id in self._claims:
                dependent = self._instances[dependent_id].label
                self._report("too_early", f"{label} was claimed after {dependent}, which waits")

    def _occupy(self, instance: Instance, label: str) -> None:
        for number in self._limits_of.get(instance.id, ()):
            limit = self._limits[number]
            self._used[number] += limit.costs[instance.id]
            if self._used[number] > limit.allowed:
                count = f"{self._used[number]} of {limit.allowed}"
                self._report("limit", f"{label} made it {count} in {limit.name}")

    def _end(self, event: Event, attempt: Attempt, instance: Instance) -> None:
        label = f"Attempt {attempt.id} of {instance.label}"
        before = self.ended.get(attempt.id)
        if before is not None:
            self._report("ended_twice", f"{label} has a {event.event} after its {before.event}")
            return
        if attempt.id not in self.claimed:
            self._report("unclaimed", f"{label} has a {event.event} and was never claimed")
        self.ended[attempt.id] = event
        if event.event == "finish" and event.detail in _DONE:
            self._done[instance.id] = attempt.try_number
        if self.open.get(instance.id) == attempt.id:
            del self.open[instance.id]
            for number in self._limits_of.get(instance.id, ()):
                self._used[number] -= self._limits[number].costs[instance.id]

    def _report(self, rule: str, message: str) -> None:
        self.found.append(Violation(rule=rule, message=f"{message}."))


def _attempts_as_recorded(history: History, replay: _Replay) -> Iterator[Violation]:
    """The attempts' rows say what their events say."""
    labels = {instance.id: instance.label for instance in history.instances}
    for attempt in history.attempts:
        label = f"Attempt {attempt.id} of {labels[attempt.instance_id]}"
        event = replay.ended.get(attempt.id)
        ended = attempt.state in _ENDS.values()
        if attempt.id not in replay.claimed:
            yield Violation(rule="unclaimed", message=f"{label} was never claimed.")
        elif ended != (event is not None) or (event and _ENDS[event.event] != attempt.state):
            what = event.event if event else "no end"
            message = f"{label} is {attempt.state}, but its history has {what}."
            yield Violation(rule="state", message=message)
        elif event and event.event == "finish" and event.detail != attempt.outcome:
            message = f"{label} finished as {event.detail}, and its row says {attempt.outcome}."
            yield Violation(rule="overwritten", message=message)


def _left_behind(history: History, replay: _Replay, heard_of: datetime) -> Iterator[Violation]:
    """Nothing stays live after its run, or long after its lease."""
    runs = {run.pk: run for run in history.runs}
    instances = {instance.id: instance for instance in history.instances}
    for attempt in history.attempts:
        if attempt.id not in replay.claimed or attempt.id in replay.ended:
            continue
        instance = instances[attempt.instance_id]
        label = f"Attempt {attempt.id} of {instance.label}"
        if runs[instance.run_pk].is_over:
            yield Violation(rule="never_ended", message=f"{label} is live, and its run is over.")
        elif attempt.lease_until is not None and attempt.lease_until < heard_of:
            message = f"{label} is live, and its lease ended at {attempt.lease_until.isoformat()}."
            yield Violation(rule="never_ended", message=message)


def _results_kept(history: History, replay: _Replay) -> Iterator[Violation]:
    """Where an instance stands is what its last attempt said, unless a person said otherwise."""
    runs = {run.pk: run for run in history.runs}
    last: dict[int, Attempt] = {}
    for attempt in history.attempts:
        known = last.get(attempt.instance_id)
        if known is None or known.generation < attempt.generation:
            last[attempt.instance_id] = attempt
    for instance in history.instances:
        event = replay.ended.get(last[instance.id].id) if instance.id in last else None
        if event is None or event.event != "finish" or runs[instance.run_pk].by_hand:
            continue
        done = event.detail in _DONE
        moved_on = event.detail == "failed" and instance.state not in FINISHED_STATES
        if event.detail in _FINAL and instance.state != event.detail and (done or not moved_on):
            message = f"{instance.label} finished as {event.detail} and is {instance.state}."
            yield Violation(rule="finish_lost", message=message)


def _counters(counters: Iterable[Counter]) -> Iterator[Violation]:
    for counter in counters:
        if counter.counted != counter.held:
            message = f"The counter of {counter.name} says {counter.counted}, not {counter.held}."
            yield Violation(rule="counter", message=message)


def _slots(runs: Iterable[Run]) -> Iterator[Violation]:
    """Each slot of a schedule made one run."""
    first: dict[tuple[str, str], Run] = {}
    for run in runs:
        if run.slot is not None and first.setdefault(run.slot, run) is not run:
            other = first[run.slot].label
            message = f"{run.label} and {other} are of one slot, {run.slot[1]}."
            yield Violation(rule="slot_twice", message=message)
