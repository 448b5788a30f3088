"""`Run`: one DAG run in memory, moved on by events. No I/O, no clock: the shell brings both.

The shell builds a run from rows (or lets `Run.create` make a fresh one), feeds it what happened,
calls `advance`, claims from `claimable`, and stores `take_changes`. Methods that take an event
return whether it was accepted: one for an instance that is no longer where it belongs is not.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from tradewind.core.moments import in_utc, later
from tradewind.core.protocol import (
    Deferred,
    Failed,
    Json,
    Outcome,
    Rescheduled,
    Resume,
    Skipped,
    Succeeded,
    XComValue,
)
from tradewind.core.runs.board import Board, Node
from tradewind.core.runs.changes import (
    Changes,
    CreateTrigger,
    DeleteTrigger,
    EmitAssetEvents,
    RunCallbacks,
    RunFinished,
    StoreXComs,
)
from tradewind.core.runs.decisions import Cause, Decision, decide
from tradewind.core.runs.expansion import expand, fits
from tradewind.core.runs.instances import Past, RunFacts, TaskInstance
from tradewind.core.runs.ledger import Ledger
from tradewind.core.runs.mapping import upstream_indexes
from tradewind.core.runs.past import PastGate
from tradewind.core.runs.plan import DagPlan
from tradewind.core.runs.ready import Lane
from tradewind.core.runs.retries import (
    INFRA_BUDGET,
    USER_CATEGORIES,
    infra_pause,
    may_retry,
    retry_at,
)
from tradewind.core.runs.trigger_rules import Verdict
from tradewind.core.states import (
    FINISHED_STATES,
    OCCUPYING_STATES,
    DagRunState,
    DagRunType,
    TaskInstanceState,
)

S = TaskInstanceState

_UNTOUCHED_BY_BRANCHES = frozenset(
    {S.RUNNING, S.RESTARTING, S.SUCCESS, S.FAILED, S.SKIPPED, S.REMOVED}
)


class Run:
    """One run. `facts` and all instances are mutated in place; `take_changes` says which."""

    def __init__(
        self,
        plan: DagPlan,
        facts: RunFacts,
        instances: Iterable[TaskInstance],
        past: Past | None = None,
        *,
        infra_budget: int = INFRA_BUDGET,
    ) -> None:
        """Take over a stored run. `past` None: nothing came before that it could depend on."""
        self.plan = plan
        self.facts = facts
        self._gate = PastGate(plan, past)
        self._infra_budget = infra_budget
        self._ledger = Ledger(plan, instances)
        self._board = self._ledger.board

    @classmethod
    def create(
        cls,
        plan: DagPlan,
        facts: RunFacts,
        past: Past | None = None,
        *,
        infra_budget: int = INFRA_BUDGET,
    ) -> "Run":
        """A fresh run, in state queued, with its instances (all of them new in `take_changes`).

        Tasks whose start_date or end_date, their own or the DAG's, excludes the logical date get
        none, except in a backfill. Mapped tasks of known length are expanded at once.
        """
        run = cls(plan, facts, (), past, infra_budget=infra_budget)
        for task_id, task in plan.tasks.items():
            start = task.spec.start_date or plan.dag.start_date
            end = task.spec.end_date or plan.dag.end_date
            if not _is_active(start, end, facts):
                continue
            length = run._board.lengths.of_task(task_id) if task.is_expanded else None
            for map_index in range(length) if length else (-1,):
                run._ledger.add(task_id, map_index)
        return run

    # --- reading -------------------------------------------------------------------------------

    @property
    def board(self) -> Board:
        """Where everything stands; for reading only."""
        return self._board

    @property
    def gate(self) -> PastGate:
        return self._gate

    def instance(self, task_id: str, map_index: int = -1) -> TaskInstance | None:
        node = self._board.nodes.get(task_id)
        return node.instances.get(map_index) if node is not None else None

    def instances(self) -> list[TaskInstance]:
        """All instances, tasks in topological order. Costs the size of the run."""
        return list(self._board.instances())

    def upstream_map_indexes(self, ti: TaskInstance) -> dict[str, int | list[int] | None]:
        """`WorkOrder.upstream_map_indexes`: what the instance reads of each direct upstream."""
        lengths = self._board.lengths
        return {
            upstream_id: upstream_indexes(self.plan, lengths, ti.task_id, ti.map_index, upstream_id)
            for upstream_id in self.plan.upstream[ti.task_id]
        }

    def occupying(self) -> int:
        """How many instances hold a slot (queued, running or restarting)."""
        return sum(self._board.counts[state] for state in OCCUPYING_STATES)

    def next_wake(self) -> datetime | None:
        """When `advance` must be called at the latest, if nothing happens before."""
        if self.facts.state is not DagRunState.RUNNING:
            return None
        moments = (self._ledger.next_wake(), self.timeout_at())
        return min((moment for moment in moments if moment is not None), default=None)

    def timeout_at(self) -> datetime | None:
        """When dagrun_timeout ends the run."""
        seconds = self.plan.dag.dagrun_timeout_seconds
        if seconds is None or self.facts.start_date is None:
            return None
        return later(self.facts.start_date, seconds)

    def awaits_past(self) -> bool:
        """Whether something must wait for the previous run; then `set_past` is to follow it."""
        return any(
            self._board.nodes[task_id].open and self._gate.objection(task_id) is not None
            for task_id in self.plan.past_task_ids
        )

    def claimable(
        self, limit: int | None = None, is_blocked: Callable[[Lane], bool] | None = None
    ) -> list[TaskInstance]:
        """Scheduled instances that the run's own limits let start now, in the order to claim them.

        At most `limit`. Lanes for which `is_blocked` holds (pool full, no executor slot, the task's
        max_active_tis_per_dag reached) are left out, so that they cannot starve others. Nothing is
        reserved: call `claimed` for each one that was, then ask again.
        """
        if self.facts.state is not DagRunState.RUNNING:
            return []
        room = self.plan.dag.max_active_tasks - self.occupying()
        count = room if limit is None else min(room, limit)
        if count <= 0:
            return []

        def room_in(lane: Lane) -> int:
            if is_blocked is not None and is_blocked(lane):
                return 0
            return count if lane.limited_task is None else self._task_room(lane.limited_task, count)

        return self._ledger.ready.first(count, room_in)

    def _task_room(self, task_id: str, room: int) -> int:
        node = self._board.nodes[task_id]
        limit = node.plan.spec.max_active_tis_per_dagrun
        return room if limit is None else min(room, limit - node.active)

    # --- events ----------------------------------------------------------------------------------

    def begin(self, now: datetime) -> bool:
        """The run may start: queued → running. A run that was cleared begins anew."""
        if self.facts.state is not DagRunState.QUEUED:
            return False
        self.facts.state = DagRunState.RUNNING
        self.facts.start_date = now
        self.facts.end_date = None
        self._ledger.run_changed = True
        return True

    def set_past(self, past: Past | None) -> None:
        """The previous run has moved on: judge what depends on it again."""
        self._gate = PastGate(self.plan, past)
        for task_id in self.plan.past_task_ids:
            self._board.touch(task_id)

    def claimed(self, ti: TaskInstance, attempt_id: int, now: datetime) -> None:
        """scheduled → queued: this attempt is launched. Raises ValueError in any other state."""
        if ti.state is not S.SCHEDULED:
            raise ValueError(f"{ti.label} is {ti.state}, only a scheduled instance can be claimed")
        self._ledger.move(ti, S.QUEUED)
        ti.attempt_id = attempt_id
        ti.queued_at = now

    def started(self, ti: TaskInstance, now: datetime) -> bool:
        """queued → running: user code is about to run."""
        if ti.state is not S.QUEUED:
            return False
        self._ledger.move(ti, S.RUNNING)
        if ti.resume is None or ti.start_date is None:
            ti.start_date = now
        ti.first_start_date = ti.first_start_date or now
        ti.end_date = None
        return True

    def reported(self, ti: TaskInstance, outcome: Outcome, now: datetime) -> bool:
        """The current attempt's verdict. `now` is when user code ended."""
        if ti.state is S.RESTARTING:
            self._ledger.restart(ti)
            return True
        if ti.state is S.QUEUED:
            self.started(ti, now)
        if ti.state is not S.RUNNING:
            return False
        if not isinstance(outcome, Rescheduled):
            ti.rendered_map_index = outcome.rendered_map_index or ti.rendered_map_index
        match outcome:
            case Succeeded():
                self._succeed(ti, outcome, now)
            case Skipped():
                self._ledger.end(ti, S.SKIPPED, now, outcome.message or None)
            case Failed():
                self._fail(ti, now, outcome.message, outcome.retryable, outcome.retry_delay_seconds)
            case Deferred():
                self._defer(ti, outcome, now)
            case _:
                self._ledger.end(ti, S.UP_FOR_RESCHEDULE, now, None)
                self._ledger.wake_at(ti, in_utc(outcome.at))
        return True

    def lost(self, ti: TaskInstance, category: str, reason: str, now: datetime) -> bool:
        """The attempt ended without a verdict; `category` as in `executors.base.AttemptEnded`.

        What is the user's failure counts as one. Anything else starts the same try again, after a
        pause that grows, up to the infrastructure budget, and then counts as a failure too.
        Callbacks are an effect, because no attempt is left to run them.
        """
        if ti.state is S.RESTARTING:
            self._ledger.restart(ti)
            return True
        if ti.state is not S.QUEUED and ti.state is not S.RUNNING:
            return False
        if category not in USER_CATEGORIES:
            ti.infra_failures += 1
            if ti.infra_failures <= self._infra_budget:
                self._ledger.schedule(ti, now)
                if (pause := infra_pause(ti.infra_failures)) > timedelta():
                    self._ledger.hold_back(ti, now + pause)
                ti.reason = reason
                return True
        again = self._fail(ti, now, reason, retryable=True, delay_seconds=None)
        self._call_back(ti, "on_retry" if again else "on_failure", reason)
        return True

    def refused(self, ti: TaskInstance, reason: str, now: datetime) -> None:
        """A scheduled instance that nothing will ever launch: it fails, and is not tried again."""
        ti.start_date = ti.start_date or now
        self._fail(ti, now, reason, retryable=False, delay_seconds=None)
        self._call_back(ti, "on_failure", reason)

    def trigger_fired(self, ti: TaskInstance, resume: Resume, now: datetime) -> bool:
        """deferred → scheduled, or to the end that the event itself says (`Resume.ends_as`).

        Method and arguments are those given when it was deferred.
        """
        if ti.state is not S.DEFERRED:
            return False
        if resume.ends_as is None:
            self._resume(ti, _resumption(ti, resume), now)
        else:
            self._end_from_trigger(ti, resume, now)
        return True

    def advance(self, now: datetime) -> None:
        """Do all that is due: time-outs, wake-ups, judging what events touched, ending the run."""
        if self.facts.state is not DagRunState.RUNNING:
            return
        deadline = self.timeout_at()
        if deadline is not None and deadline <= now:
            self._time_out(now)
            return
        self._wake(now)
        self._judge(now)
        self._conclude(now)

    def take_changes(self) -> Changes:
        """What moved since the last call."""
        return self._ledger.take()

    # --- outcomes --------------------------------------------------------------------------------

    def _succeed(self, ti: TaskInstance, outcome: Succeeded, now: datetime) -> None:
        self._board.set_result(ti, _result_length(ti, outcome), list(outcome.skip) or None)
        self._ledger.end(ti, S.SUCCESS, now, None)
        if outcome.xcoms:
            self._ledger.effects.append(StoreXComs(ti, outcome.xcoms))
        if outcome.outlet_events:
            self._ledger.effects.append(EmitAssetEvents(ti, outcome.outlet_events))
        for other in self._board.not_followed_instances(ti):
            if other.state not in _UNTOUCHED_BY_BRANCHES and not self._skips_later(other):
                other.start_date = now
                self._ledger.stop(other, S.SKIPPED, now, f"{ti.task_id} did not follow it")

    def _skips_later(self, ti: TaskInstance) -> bool:
        """Whether it stays undecided until its past allows the skip."""
        spec = self.plan.tasks[ti.task_id].spec
        return (
            spec.wait_for_past_depends_before_skipping
            and self._gate.objection(ti.task_id) is not None
        )

    def _fail(
        self,
        ti: TaskInstance,
        now: datetime,
        reason: str,
        retryable: bool,
        delay_seconds: float | None,
    ) -> bool:
        """The try failed; True: there will be another one."""
        spec = self.plan.tasks[ti.task_id].spec
        if retryable and may_retry(ti):
            self._ledger.end(ti, S.UP_FOR_RETRY, now, reason)
            self._ledger.wake_at(ti, retry_at(spec, self.facts, ti, now, delay_seconds))
            return True
        self._ledger.end(ti, S.FAILED, now, reason)
        if self.plan.dag.fail_fast:
            self._stop_others(ti, now)
        return False

    def _stop_others(self, failed: TaskInstance, now: datetime) -> None:
        """fail_fast: running ones fail, the rest is skipped; teardowns and siblings go on."""
        for ti in self.instances():
            spec = self.plan.tasks[ti.task_id].spec
            if ti.task_id == failed.task_id or spec.is_teardown:
                continue
            if ti.state is S.RUNNING:
                self._ledger.stop(ti, S.FAILED, now, "fail_fast: another task failed")
            elif ti.state not in (S.SUCCESS, S.FAILED, S.REMOVED, S.SKIPPED):
                self._ledger.stop(ti, S.SKIPPED, now, "fail_fast: another task failed")

    def _defer(self, ti: TaskInstance, outcome: Deferred, now: datetime) -> None:
        self._ledger.move(ti, S.DEFERRED)
        ti.attempt_id = None
        ti.resume = Resume(method=outcome.method, kwargs=outcome.kwargs)
        if outcome.timeout_seconds is not None:
            self._ledger.wake_at(ti, later(now, outcome.timeout_seconds))
        self._ledger.effects.append(
            CreateTrigger(ti, outcome.trigger_classpath, outcome.trigger_kwargs)
        )

    def _resume(self, ti: TaskInstance, resume: Resume, now: datetime) -> None:
        ti.resume = resume
        self._ledger.effects.append(DeleteTrigger(ti))
        self._ledger.schedule(ti, now)

    def _end_from_trigger(self, ti: TaskInstance, resume: Resume, now: datetime) -> None:
        """The trigger knows how the task ends; nothing runs again. A failure is final."""
        self._ledger.effects.append(DeleteTrigger(ti))
        match resume.ends_as:
            case S.SUCCESS:
                xcoms = [_pushed(key, value) for key, value in resume.xcoms.items()]
                self._succeed(ti, Succeeded(xcoms=xcoms), now)
                self._call_back(ti, "on_success", "")
            case S.SKIPPED:
                self._ledger.end(ti, S.SKIPPED, now, "its trigger skipped it")
                self._call_back(ti, "on_skipped", "")
            case _:
                reason = resume.trigger_error or "its trigger failed it"
                self._fail(ti, now, reason, retryable=False, delay_seconds=None)
                self._call_back(ti, "on_failure", reason)

    def _call_back(self, ti: TaskInstance, kind: str, reason: str) -> None:
        if kind in self.plan.tasks[ti.task_id].spec.callbacks:
            self._ledger.effects.append(RunCallbacks(ti, [kind], reason))

    # --- advancing -------------------------------------------------------------------------------

    def _wake(self, now: datetime) -> None:
        for ti in self._ledger.due(now):
            if ti.state is S.DEFERRED:
                self._resume(ti, _resumption(ti, Resume(method="", timed_out=True)), now)
            elif ti.state is S.SCHEDULED:
                self._ledger.release(ti)
            else:
                self._ledger.reopen(ti)

    def _judge(self, now: datetime) -> None:
        """In rounds: each round judges what the one before it touched, and then moves.

        So what a round decides does not depend on the order of tasks, and it agrees with Airflow,
        whose scheduler looks at a run as it was when the look began.
        """
        board = self._board
        while board.dirty:
            touched, board.dirty = board.dirty, {}
            decided = [
                (ti, decision)
                for task_id, indexes in touched.items()
                for ti, decision in self._decisions(board.nodes[task_id], indexes)
            ]
            for ti, decision in decided:
                if board.nodes[ti.task_id].open.get(ti.map_index) is ti:
                    self._apply(ti, decision, now)

    def _decisions(
        self, node: Node, indexes: set[int] | None
    ) -> Iterator[tuple[TaskInstance, Decision]]:
        """Decisions on the node's open instances that do not just wait.

        Instances of a task outside mapped groups are alike: when the first one waits, all do.
        """
        alike = not node.plan.mapped_groups and not any(view.shared.removed for view in node.views)
        for map_index in node.open if indexes is None else sorted(indexes):
            ti = node.open.get(map_index)
            if ti is None:
                continue
            decision = decide(self._board, self._gate, ti)
            if decision.verdict is not Verdict.WAIT:
                yield ti, decision
            elif alike:
                return

    def _apply(self, ti: TaskInstance, decision: Decision, now: datetime) -> None:
        if decision.verdict is Verdict.RUN:
            self._run(self._board.nodes[ti.task_id], ti, now)
        else:
            self._ledger.stop(ti, S(decision.verdict.value), now, _ENDS[decision.cause])

    def _run(self, node: Node, ti: TaskInstance, now: datetime) -> None:
        """Nothing stands in the way: expand what is not, and schedule what is."""
        if node.plan.is_expanded:
            if ti.map_index < 0:
                expand(self._ledger, node, ti, now)
                return
            if not fits(self._ledger, node, ti, now):
                return
        self._ledger.schedule(ti, now)

    def _time_out(self, now: datetime) -> None:
        """dagrun_timeout: the run fails, and all that is unfinished is skipped, teardowns too."""
        for ti in self.instances():
            if ti.state not in FINISHED_STATES:
                self._ledger.stop(ti, S.SKIPPED, now, "the run took longer than its dagrun_timeout")
        self._finish(DagRunState.FAILED, "timed_out", now)

    def _conclude(self, now: datetime) -> None:
        board = self._board
        if board.unfinished == 0:
            if board.failed_leaves:
                self._finish(DagRunState.FAILED, "task_failure", now)
            else:
                self._finish(DagRunState.SUCCESS, "success", now)
        elif board.unfinished == board.counts[S.NONE] and not self.awaits_past():
            self._finish(DagRunState.FAILED, "all_tasks_deadlocked", now)

    def _finish(self, state: DagRunState, reason: str, now: datetime) -> None:
        self.facts.state = state
        self.facts.end_date = now
        self._ledger.run_changed = True
        self._board.dirty.clear()
        self._ledger.effects.append(RunFinished(state, reason))
        kind = "on_success" if state is DagRunState.SUCCESS else "on_failure"
        if kind in self.plan.dag.callbacks:
            self._ledger.effects.append(RunCallbacks(None, [kind], reason))


def _is_active(start: datetime | None, end: datetime | None, facts: RunFacts) -> bool:
    """Whether a task's dates let it take part in the run."""
    when = facts.logical_date
    if when is None or facts.run_type is DagRunType.BACKFILL:
        return True
    return (start is None or start <= when) and (end is None or when <= end)


def _resumption(ti: TaskInstance, news: Resume) -> Resume:
    """What the task goes on with: how it asked to be resumed when it deferred, and what came."""
    asked = ti.resume or news
    return Resume(
        method=asked.method,
        kwargs=asked.kwargs,
        event=news.event,
        timed_out=news.timed_out,
        trigger_error=news.trigger_error,
    )


def _pushed(key: str, value: Json) -> XComValue:
    """A trigger's XCom; its length counts when something is mapped over the task."""
    return XComValue(key=key, value=value, length=len(value) if isinstance(value, list) else None)


def _result_length(ti: TaskInstance, outcome: Succeeded) -> int | None:
    """Of an instance of a mapped task only whether it pushed a result counts: 1 if so."""
    for xcom in outcome.xcoms:
        if xcom.key == "return_value":
            return xcom.length if ti.map_index < 0 else 1
    return None


_ENDS = {
    Cause.BRANCH: "a branch before it did not follow it",
    Cause.TRIGGER_RULE: "its trigger rule cannot be met any more",
    Cause.SETUPS: "a setup that it needs did not succeed",
    Cause.PRODUCERS: "what it is mapped over did not succeed",
}
