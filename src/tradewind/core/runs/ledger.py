"""The ledger: every way in which an instance moves, recorded for the shell to store.

`Run` decides what happens and says so here; here the board, the queue of ready instances, the
wake-ups and the list of changes are kept in step with each other.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush

from tradewind.core.runs.board import Board
from tradewind.core.runs.changes import CancelAttempt, Changes, ClearXComs, DeleteTrigger, Effect
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.runs.plan import DagPlan
from tradewind.core.runs.ready import ReadyQueue
from tradewind.core.states import TaskInstanceState

S = TaskInstanceState
_WAITING = frozenset({S.UP_FOR_RETRY, S.UP_FOR_RESCHEDULE, S.DEFERRED, S.SCHEDULED})
_Wake = tuple[datetime, int, TaskInstance]  # when, ticket, who


class Ledger:
    """The instances of one run and what became of them since `take`."""

    def __init__(self, plan: DagPlan, instances: Iterable[TaskInstance]) -> None:
        self.board = Board(plan, instances)
        self.ready = ReadyQueue()
        self.effects: list[Effect] = []
        self.run_changed = False
        self._new: dict[int, TaskInstance] = {}
        self._changed: dict[int, TaskInstance] = {}
        self._wakes: list[_Wake] = []
        self._wake_ticket = 0
        for ti in self.board.instances():
            self._take_up(ti)

    def take(self) -> Changes:
        changes = Changes(
            new=list(self._new.values()),
            changed=list(self._changed.values()),
            run_changed=self.run_changed,
            effects=self.effects,
        )
        self._new, self._changed, self.effects, self.run_changed = {}, {}, [], False
        return changes

    # --- moving ----------------------------------------------------------------------------------

    def add(self, task_id: str, map_index: int) -> None:
        """A new instance, not yet started."""
        retries = self.board.plan.tasks[task_id].spec.retries
        ti = TaskInstance(task_id=task_id, map_index=map_index, max_tries=retries)
        self.board.add(ti)
        self._new[id(ti)] = ti

    def reindex(self, ti: TaskInstance, map_index: int) -> None:
        self.board.discard(ti)
        ti.map_index = map_index
        self.board.add(ti)
        self._note(ti)

    def move(self, ti: TaskInstance, state: TaskInstanceState) -> None:
        self.board.move(ti, state)
        ti.wake_at = None
        self._note(ti)
        if state is S.SCHEDULED:
            self.ready.add(self.board.nodes[ti.task_id], ti)
        else:
            self.ready.remove(ti)

    def schedule(self, ti: TaskInstance, now: datetime) -> None:
        """To be claimed. A new try gets the next number; a resumed or lost one keeps its own.

        A task with nothing to execute has succeeded herewith.
        """
        old = ti.state
        starts_over = ti.resume is None and (ti.try_number > 0 or old is not S.NONE)
        if old is S.NONE or old is S.UP_FOR_RETRY:
            ti.try_number += 1
            ti.infra_failures = 0
            ti.first_start_date = None
        if self.board.nodes[ti.task_id].plan.spec.is_empty:
            ti.start_date = now
            self.end(ti, S.SUCCESS, now, None)
            return
        self.move(ti, S.SCHEDULED)
        ti.attempt_id = None
        ti.scheduled_at = now
        ti.reason = None
        if starts_over:
            self.effects.append(ClearXComs(ti))
            self._forget_result(ti)

    def _forget_result(self, ti: TaskInstance) -> None:
        """With its XComs go the branch it took and, if it is mapped, its share of a length.

        An unmapped task's length stays until there is a new one, as in Airflow.
        """
        if ti.skips is not None or (ti.mapped_length is not None and ti.map_index >= 0):
            self.board.set_result(ti, ti.mapped_length if ti.map_index < 0 else None, None)

    def end(
        self, ti: TaskInstance, state: TaskInstanceState, now: datetime, reason: str | None
    ) -> None:
        """The attempt, if there was one, is over."""
        self.move(ti, state)
        ti.attempt_id = None
        ti.resume = None
        ti.end_date = now
        ti.reason = reason

    def stop(self, ti: TaskInstance, state: TaskInstanceState, now: datetime, reason: str) -> None:
        """End an instance from outside, wherever it is."""
        if ti.attempt_id is not None:
            self.effects.append(CancelAttempt(ti, ti.attempt_id, reason))
        if ti.state is S.DEFERRED:
            self.effects.append(DeleteTrigger(ti))
        ti.start_date = ti.start_date or now
        self.end(ti, state, now, reason)

    def restart(self, ti: TaskInstance) -> None:
        """It was cleared while it ran, and its process is gone now: back to the start."""
        self.move(ti, S.NONE)
        ti.attempt_id = None
        ti.resume = None

    # --- waking ----------------------------------------------------------------------------------

    def wake_at(self, ti: TaskInstance, when: datetime) -> None:
        ti.wake_at = when
        self._wake_ticket += 1
        heappush(self._wakes, (when, self._wake_ticket, ti))

    def next_wake(self) -> datetime | None:
        while self._wakes and not _still_waits(self._wakes[0]):
            heappop(self._wakes)
        return self._wakes[0][0] if self._wakes else None

    def due(self, now: datetime) -> Iterator[TaskInstance]:
        """The instances whose wait is over."""
        while (when := self.next_wake()) is not None and when <= now:
            yield heappop(self._wakes)[-1]

    def hold_back(self, ti: TaskInstance, until: datetime) -> None:
        """A scheduled instance is not to be claimed before then."""
        self.ready.remove(ti)
        self.wake_at(ti, until)

    def release(self, ti: TaskInstance) -> None:
        """It has been held back for long enough."""
        self.move(ti, S.SCHEDULED)

    def reopen(self, ti: TaskInstance) -> None:
        """Its wait is over: it is judged like one that never started."""
        ti.wake_at = None
        self._note(ti)
        self.board.reopen(ti)

    def _note(self, ti: TaskInstance) -> None:
        if id(ti) not in self._new:
            self._changed[id(ti)] = ti

    def _take_up(self, ti: TaskInstance) -> None:
        """Go on with what a stored instance is waiting for."""
        if ti.state is S.SCHEDULED and ti.wake_at is None:
            self.ready.add(self.board.nodes[ti.task_id], ti)
        elif ti.state is S.RESTARTING and ti.attempt_id is not None:
            self.effects.append(CancelAttempt(ti, ti.attempt_id, "cleared while it ran"))
        elif ti.state in _WAITING and ti.wake_at is not None:
            self.wake_at(ti, ti.wake_at)
        elif ti.state is S.UP_FOR_RETRY or ti.state is S.UP_FOR_RESCHEDULE:
            self.board.reopen(ti)


def _still_waits(entry: _Wake) -> bool:
    """Whether an entry of the heap still stands: the instance may have moved meanwhile."""
    when, _, ti = entry
    return ti.wake_at == when and ti.state in _WAITING
