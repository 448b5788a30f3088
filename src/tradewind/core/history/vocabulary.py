"""The six statements, the recorded events, and what a check finds."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from tradewind.core.runs.instances import TaskInstance
from tradewind.core.runs.plan import DagPlan
from tradewind.core.states import AttemptState


class Statement(StrEnum):
    """What is proven. Names are stable; `MEANING` says each in a sentence."""

    ONE_AT_A_TIME = "one_at_a_time"
    NOTHING_LOST = "nothing_lost"
    TRIGGER_RULE = "trigger_rule"
    LIMITS = "limits"
    LEASES = "leases"
    SLOTS = "slots"


MEANING = {
    Statement.ONE_AT_A_TIME: "At most one attempt of a task instance that is not fenced at a time",
    Statement.NOTHING_LOST: "No finish that was taken down is lost or overwritten",
    Statement.TRIGGER_RULE: "A task starts only when its trigger rule holds",
    Statement.LIMITS: "No limit is exceeded at any instant",
    Statement.LEASES: "Every claimed attempt ends within its lease and a grace",
    Statement.SLOTS: "Each slot of a schedule yields one run",
}


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `history`; a run's rows come in the order in which they were committed.

    `detail`: of claim the limits that the claimant kept (parallelism and its executor's slots), of
    finish, end, mark, clear and resume the instance's state from then on, of begin how many runs
    may be active, of renew the end of the lease that had been overrun.
    """

    id: int
    event: str
    at: datetime
    instance_id: int | None = None
    attempt_id: int | None = None
    detail: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `attempt`, those of tries that had none left out."""

    id: int
    instance_id: int
    state: AttemptState
    outcome: str | None = None
    lease_until: datetime | None = None


class RunHistory(msgspec.Struct, frozen=True, kw_only=True):
    """One run: its rows as they stand, and its events in order."""

    dag_id: str
    run_id: str
    is_over: bool
    plan: DagPlan
    instances: Sequence[TaskInstance]
    attempts: Sequence[Attempt]
    events: Sequence[Event]

    @property
    def is_unknown(self) -> bool:
        """Whether it began under a version that recorded less."""
        return any(event.event == "unknown" for event in self.events)


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """`message` says in a sentence what contradicts the statement, with ids and times."""

    statement: Statement
    message: str


class Findings:
    """What was checked, what could not be, and what is wrong."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.checked: Counter[Statement] = Counter()
        self.left_out: Counter[tuple[Statement, str]] = Counter()

    def report(self, statement: Statement, message: str) -> None:
        self.violations.append(Violation(statement=statement, message=message))

    def leave_out(self, statement: Statement, why: str, count: int = 1) -> None:
        """Something cannot be judged from what is recorded."""
        if count:
            self.left_out[statement, why] += count


class Quiet:
    """Stretches of time in which no scheduler wrote down a decision.

    Nothing can be ended while no scheduler is there: the machine slept, the database was away.
    """

    def __init__(self, longer_than: timedelta) -> None:
        self._shortest = longer_than
        self.last: datetime | None = None
        self._stretches: list[tuple[datetime | None, datetime]] = []

    def note(self, at: datetime) -> None:
        """A scheduler decided something. Moments come in order, but for clocks that differ."""
        if self.last is None or at - self.last > self._shortest:
            self._stretches.append((self.last, at))
        self.last = at if self.last is None else max(at, self.last)

    def covers(self, start: datetime, end: datetime) -> bool:
        """Whether nobody was at work at any moment between the two."""
        if self.last is None or self.last <= start:
            return True
        return any(
            (since is None or since <= start) and end <= until for since, until in self._stretches
        )
