"""One run's events, one by one: attempts one at a time, nothing lost, rules and limits held."""

from collections import Counter
from datetime import datetime

from msgspec import structs

from tradewind.core.history.vocabulary import Attempt, Event, Findings, RunHistory, Statement
from tradewind.core.runs.board import Board
from tradewind.core.runs.decisions import decide
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.runs.past import PastGate
from tradewind.core.runs.trigger_rules import Verdict
from tradewind.core.states import FINISHED_STATES, AttemptState, TaskInstanceState

S = TaskInstanceState
_ENDS = {"finish": AttemptState.ENDED, "fence": AttemptState.FENCED}
_TRIED_AGAIN = {S.UP_FOR_RETRY.value: "failed", S.SCHEDULED.value: "failed", "none": "restarting"}
"""Outcomes of attempts whose instances go on; all others are called as the instance's state."""

_BY_HAND = "its rule had held before somebody cleared or marked what it waits for"
_MAPPED_AND_CLEARED = "mapped tasks in a run that was cleared"
_OLDER = "runs of a version that recorded less"


def replay(run: RunHistory, findings: Findings) -> None:
    """Check the statements about this run's attempts, rules and own limits."""
    if run.is_unknown:
        for statement in (Statement.ONE_AT_A_TIME, Statement.NOTHING_LOST, Statement.TRIGGER_RULE):
            findings.leave_out(statement, _OLDER, len(run.attempts))
        return
    replayed = _Replay(run, findings)
    for event in run.events:
        replayed.apply(event)
    replayed.compare_with_rows()


class _Replay:
    """Where everything stands after the events so far.

    The board is the scheduler's own, moved here by what was recorded, so that a rule is judged by
    the same functions, and not by what some scheduler believed at that time.
    """

    def __init__(self, run: RunHistory, findings: Findings) -> None:
        self._run = run
        self._findings = findings
        self._attempts = {attempt.id: attempt for attempt in run.attempts}
        self._rows = {ti.id: ti for ti in run.instances}
        fresh = [structs.replace(ti, state=S.NONE, skips=None) for ti in run.instances]
        self._instances = {ti.id: ti for ti in fresh}
        self._board = Board(run.plan, fresh)
        self._gate = PastGate(run.plan, None)
        self._claimed: set[int] = set()
        self._ended: dict[int, Event] = {}  # attempt → the event that ended it
        self._open: dict[int, int] = {}  # instance → its live attempt
        self._excused: set[int] = set()  # instances judged before people changed what they wait for
        self._successes = Counter(  # instance → how often it succeeds from here on
            event.instance_id for event in run.events if event.detail == S.SUCCESS
        )
        self._was_cleared = any(
            event.event == "clear" or (event.event == "finish" and event.detail == S.NONE)
            for event in run.events
        )

    def apply(self, event: Event) -> None:
        if event.attempt_id is not None:
            attempt = self._attempts.get(event.attempt_id)
            if attempt is None:
                self._lost(
                    f"{event.event} of attempt {event.attempt_id}, which is not there", event
                )
                return
            self._apply_to_attempt(event, attempt)
        elif event.instance_id is not None and event.detail is not None:
            self._move(self._instances[event.instance_id], S(event.detail))

    def _apply_to_attempt(self, event: Event, attempt: Attempt) -> None:
        match event.event:
            case "claim":
                self._claim(event, attempt)
            case "start":
                self._start(event, attempt)
            case "finish" | "fence":
                self._end(event, attempt)

    # --- attempts -----------------------------------------------------------------------------

    def _claim(self, event: Event, attempt: Attempt) -> None:
        ti = self._instances[attempt.instance_id]
        other = self._open.get(attempt.instance_id)
        self._findings.checked[Statement.ONE_AT_A_TIME] += 1
        if other is not None:
            self._twice(f"{self._name(attempt)} was claimed while attempt {other} was live", event)
        if ti.state in FINISHED_STATES:
            said = (
                f"{self._name(attempt)} was claimed although its instance had ended as {ti.state}"
            )
            self._lost(f"{said} and nobody had cleared it", event)
        self._judge_rule(event, attempt, ti)
        self._claimed.add(attempt.id)
        self._open[attempt.instance_id] = attempt.id
        self._move(ti, S.QUEUED)
        self._count(event, attempt, ti)

    def _start(self, event: Event, attempt: Attempt) -> None:
        if attempt.id not in self._claimed:
            self._twice(f"{self._name(attempt)} started and had not been claimed", event)
        elif attempt.id in self._ended:
            self._twice(f"{self._name(attempt)} started after its end", event)

    def _end(self, event: Event, attempt: Attempt) -> None:
        before = self._ended.get(attempt.id)
        if before is not None:
            when = before.at.isoformat()
            told = f"{self._name(attempt)} has a {event.event} after its {before.event} at {when}"
            self._lost(told, event)
            return
        if attempt.id not in self._claimed:
            self._twice(f"{self._name(attempt)} has a {event.event} and was never claimed", event)
        self._ended[attempt.id] = event
        ti = self._instances[attempt.instance_id]
        if self._open.get(attempt.instance_id) == attempt.id:
            del self._open[attempt.instance_id]
        elif event.event == "finish":
            self._lost(f"{self._name(attempt)} finished and was not the current one", event)
            return
        if event.event == "finish":
            self._move(ti, S(event.detail or S.NONE))
        elif ti.state not in FINISHED_STATES:
            self._move(ti, S.SCHEDULED)

    # --- instances ----------------------------------------------------------------------------

    def _move(self, ti: TaskInstance, state: TaskInstanceState) -> None:
        if ti.state in FINISHED_STATES and state is not ti.state:
            self._excuse_dependents(ti)
        if state in FINISHED_STATES or state is S.NONE:
            self._excused.discard(ti.id or 0)
        if state is S.SUCCESS:
            self._take_result(ti, self._rows[ti.id])
        self._board.move(ti, state)
        node = self._board.nodes[ti.task_id]
        tasks = self._run.plan.tasks
        if node.all_done and any(len(tasks[t].expansions) > 1 for t in node.plan.produces_for):
            self._board.rebuild_views()  # index arithmetic inside nested mapped groups has changed

    def _take_result(self, ti: TaskInstance, row: TaskInstance) -> None:
        """A row knows its last success: which way a branch took before that is not recorded."""
        self._successes[ti.id] -= 1
        is_last = self._successes[ti.id] <= 0
        self._board.set_result(ti, row.mapped_length, row.skips if is_last else None)

    def _excuse_dependents(self, changed: TaskInstance) -> None:
        """What has been found ready, or is at work, is not judged again when people clear or mark
        what it waited for."""
        for watcher in self._board.nodes[changed.task_id].plan.watchers:
            for ti in self._board.nodes[watcher.task_id].instances.values():
                if ti.state not in FINISHED_STATES and (
                    ti.state is not S.NONE or self._may_run(ti)
                ):
                    self._excused.add(ti.id or 0)

    def _may_run(self, ti: TaskInstance) -> bool:
        return decide(self._board, self._gate, ti).verdict is Verdict.RUN

    def _judge_rule(self, event: Event, attempt: Attempt, ti: TaskInstance) -> None:
        task = self._board.nodes[ti.task_id].plan
        mapped = task.is_expanded or any(watched.by_rows for watched in task.watched)
        if ti.id in self._excused:
            self._findings.leave_out(Statement.TRIGGER_RULE, _BY_HAND)
        elif self._was_cleared and mapped:
            self._findings.leave_out(Statement.TRIGGER_RULE, _MAPPED_AND_CLEARED)
        else:
            self._findings.checked[Statement.TRIGGER_RULE] += 1
            if not self._may_run(ti):
                states = Counter(
                    other.state.value
                    for parent in task.spec.upstream
                    for other in self._board.nodes[parent].instances.values()
                )
                stood = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
                told = f"{self._name(attempt)} was claimed though {task.spec.trigger_rule} did not"
                self._found(Statement.TRIGGER_RULE, f"{told} hold: upstream {stood}", event)

    # --- limits -------------------------------------------------------------------------------

    def _count(self, event: Event, attempt: Attempt, ti: TaskInstance) -> None:
        """The run's own limits; those that runs share are `sweep`'s."""
        self._findings.checked[Statement.LIMITS] += 1
        self._hold("max_active_tasks", len(self._open), self._run.plan.dag.max_active_tasks, event)
        node = self._board.nodes[ti.task_id]
        allowed = node.plan.spec.max_active_tis_per_dagrun
        if allowed is not None:
            self._hold(f"max_active_tis_per_dagrun of {ti.task_id}", node.active, allowed, event)

    def _hold(self, name: str, used: int, allowed: int, event: Event) -> None:
        if used > allowed:
            attempt = self._attempts[event.attempt_id or 0]
            told = f"{self._name(attempt)} was claimed as number {used} of {allowed} in {name}"
            self._found(Statement.LIMITS, told, event)

    # --- at the end ---------------------------------------------------------------------------

    def compare_with_rows(self) -> None:
        """The rows say what the history leads to."""
        for attempt in self._run.attempts:
            self._compare_attempt(attempt)
        for ti in self._instances.values():
            self._compare_instance(ti, self._rows[ti.id])

    def _compare_attempt(self, attempt: Attempt) -> None:
        event = self._ended.get(attempt.id)
        ended = attempt.state in _ENDS.values()
        self._findings.checked[Statement.NOTHING_LOST] += event is not None
        if attempt.id not in self._claimed:
            self._twice(f"{self._name(attempt)} was never claimed")
        elif ended != (event is not None) or (event and _ENDS[event.event] != attempt.state):
            said = f"a {event.event} at {event.at.isoformat()}" if event else "no end"
            self._lost(f"{self._name(attempt)} is {attempt.state}, but its history has {said}")
        elif event and event.event == "finish":
            said = _TRIED_AGAIN.get(event.detail or "", event.detail or "")
            if said != attempt.outcome:
                told = f"{self._name(attempt)} finished as {said}"
                self._lost(f"{told}, and its row says {attempt.outcome}", event)

    def _compare_instance(self, replayed: TaskInstance, row: TaskInstance) -> None:
        ended = {replayed.state, row.state} & FINISHED_STATES
        if ended and replayed.state is not row.state:
            where = f"{self._label(row)} is {row.state}"
            self._lost(f"{where}, but its history leads to {replayed.state}")

    # --- words --------------------------------------------------------------------------------

    def _label(self, ti: TaskInstance) -> str:
        return f"{self._run.dag_id}.{ti.label} in {self._run.run_id}"

    def _name(self, attempt: Attempt) -> str:
        return f"Attempt {attempt.id} of {self._label(self._rows[attempt.instance_id])}"

    def _twice(self, told: str, event: Event | None = None) -> None:
        self._found(Statement.ONE_AT_A_TIME, told, event)

    def _lost(self, told: str, event: Event | None = None) -> None:
        self._found(Statement.NOTHING_LOST, told, event)

    def _found(self, statement: Statement, told: str, event: Event | None) -> None:
        self._findings.report(statement, f"{told}{_moment(event.at if event else None)}.")


def _moment(at: datetime | None) -> str:
    return f" at {at.isoformat()}" if at else ""
