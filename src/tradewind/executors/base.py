"""The executor contract."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec

from tradewind.core.protocol import CallbackOrder, Outcome, Usage, WorkOrder


class AttemptStarted(msgspec.Struct, frozen=True, kw_only=True):
    attempt_id: int
    at: datetime
    hostname: str
    pid: int | None = None


class AttemptReported(msgspec.Struct, frozen=True, kw_only=True):
    """The runner said how the user's code ended. This stands, whatever becomes of the process."""

    attempt_id: int
    at: datetime
    outcome: Outcome


class AttemptEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The process is gone and its slot is free. Comes after `AttemptReported`, if that came at all.

    Without a report, `category` and `reason` are the verdict: "infra_lost" (host gone, killed from
    outside), "oom", "exit" (user code ended the process), "import_error" (the DAG file did not load
    in its snapshot), "cancelled". "exit" and "oom" are the user's failures, "import_error" too; the
    others are infrastructure.
    """

    attempt_id: int
    at: datetime
    category: str | None = None
    reason: str | None = None
    exit_code: int | None = None
    usage: Usage | None = None


class CallbackEnded(msgspec.Struct, frozen=True, kw_only=True):
    callback_id: int
    error: str | None = None


ExecutorEvent = AttemptStarted | AttemptReported | AttemptEnded | CallbackEnded


class Executor(Protocol):
    """All methods return at once and are called from the scheduler's thread only.

    `start` of an attempt id that is already running changes nothing. Events may come twice; the
    scheduler's fence sorts that out.
    """

    name: str

    def open(self, wake: Callable[[], None]) -> None:
        """Begin; call `wake` from any thread whenever `events` has something new."""

    def free_slots(self) -> int:
        """How many more attempts may be started now."""

    def start(self, order: WorkOrder, lease_seconds: float) -> None:
        """Its lease holds for so long from now, until it is `renewed`."""

    def run_callback(self, order: CallbackOrder) -> None: ...

    def cancel(self, attempt_id: int, reason: str) -> None:
        """End its process (SIGTERM, then SIGKILL after a grace); `AttemptEnded` follows."""

    def events(self) -> list[ExecutorEvent]:
        """Everything since the last call, in order."""

    def renewed(self, attempt_ids: set[int], lease_seconds: float) -> None:
        """These leases hold for so long from now; an attempt whose lease ends is killed."""

    def close(self, *, drain_seconds: float) -> None:
        """Take nothing new, let running attempts end for so long, then cancel the rest."""
