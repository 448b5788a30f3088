"""An executor without processes: attempts end when a script says so, on any clock."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tradewind.core.clock import Clock
from tradewind.core.protocol import CallbackOrder, Outcome, Succeeded, Usage, WorkOrder
from tradewind.executors.base import (
    AttemptEnded,
    AttemptReported,
    AttemptStarted,
    CallbackEnded,
    ExecutorEvent,
)


@dataclass(frozen=True)
class Plan:
    """What one attempt does. `outcome` None: no report, the process just ends with `category`.

    `seconds` None: it runs until the test ends it. `lingers_seconds`: from its report to its end.
    """

    outcome: Outcome | None = field(default_factory=Succeeded)
    seconds: float | None = 1.0
    category: str | None = None
    reason: str | None = None
    usage: Usage | None = None
    lingers_seconds: float = 0.0


Script = Callable[[WorkOrder], Plan]


class FakeExecutor:
    """Keeps `orders` (all that were ever started) and `running` for tests to look at."""

    def __init__(
        self, clock: Clock, *, slots: int = 8, script: Script | None = None, name: str = "local"
    ) -> None:
        self.name = name
        self.clock = clock
        self.slots = slots
        self.script = script or (lambda _order: Plan())
        self.orders: list[WorkOrder] = []
        self.running: dict[int, WorkOrder] = {}
        self.callbacks: list[CallbackOrder] = []
        self.callback_errors: list[str | None] = []  # taken from the front; none left: success
        self.cancelled: dict[int, str] = {}
        self.most_running = 0
        self.renewals: list[set[int]] = []
        self.closed = False
        self.hang_callbacks = False
        self._wake: Callable[[], None] = lambda: None
        self._due: list[tuple[datetime, int, ExecutorEvent]] = []
        self._serial = 0

    # --- the contract ---------------------------------------------------------------------------

    def open(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def free_slots(self) -> int:
        return 0 if self.closed else self.slots - len(self.running)

    def start(self, order: WorkOrder, lease_seconds: float = 30.0) -> None:
        if order.attempt_id in self.running:
            return
        now = self.clock.now()
        self.orders.append(order)
        self.running[order.attempt_id] = order
        self.most_running = max(self.most_running, len(self.running))
        plan = self.script(order)
        self._later(
            now, AttemptStarted(attempt_id=order.attempt_id, at=now, hostname="fake", pid=1)
        )
        if plan.seconds is not None:
            at = now + timedelta(seconds=plan.seconds)
            self._end(order.attempt_id, at, plan)

    def run_callback(self, order: CallbackOrder) -> None:
        self.callbacks.append(order)
        error = self.callback_errors.pop(0) if self.callback_errors else None
        if not self.hang_callbacks:
            self._later(self.clock.now(), CallbackEnded(callback_id=order.callback_id, error=error))

    def cancel(self, attempt_id: int, reason: str) -> None:
        self.cancelled[attempt_id] = reason
        self._due = [due for due in self._due if getattr(due[2], "attempt_id", None) != attempt_id]
        heapq.heapify(self._due)
        now = self.clock.now()
        self._later(now, AttemptEnded(attempt_id=attempt_id, at=now, category="cancelled"))

    def events(self) -> list[ExecutorEvent]:
        now = self.clock.now()
        due: list[ExecutorEvent] = []
        while self._due and self._due[0][0] <= now:
            event = heapq.heappop(self._due)[2]
            if isinstance(event, AttemptEnded):
                self.running.pop(event.attempt_id, None)
            due.append(event)
        return due

    def renewed(self, attempt_ids: set[int], lease_seconds: float) -> None:
        self.renewals.append(set(attempt_ids))

    def close(self, *, drain_seconds: float) -> None:
        self.closed = True
        for attempt_id in list(self.running):
            self.cancel(attempt_id, "the executor stops")

    # --- for tests ------------------------------------------------------------------------------

    def finish(self, attempt_id: int, plan: Plan | None = None) -> None:
        """End a running attempt now."""
        self._end(attempt_id, self.clock.now(), plan or Plan())
        self._wake()

    def next_due(self) -> datetime | None:
        return self._due[0][0] if self._due else None

    def started_tasks(self) -> list[str]:
        return [order.task_id for order in self.orders]

    def _end(self, attempt_id: int, at: datetime, plan: Plan) -> None:
        if plan.outcome is not None:
            self._later(at, AttemptReported(attempt_id=attempt_id, at=at, outcome=plan.outcome))
        gone = at + timedelta(seconds=plan.lingers_seconds)
        self._later(
            gone,
            AttemptEnded(
                attempt_id=attempt_id,
                at=gone,
                category=plan.category,
                reason=plan.reason,
                usage=plan.usage,
            ),
        )

    def _later(self, at: datetime, event: ExecutorEvent) -> None:
        self._serial += 1
        heapq.heappush(self._due, (at, self._serial, event))
