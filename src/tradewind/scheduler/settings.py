"""What a scheduler is told when it starts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """Durations in seconds.

    `parallelism`: most task instances queued or running at once, over all schedulers.
    `poll_seconds`: how often to look around when nobody has said that there is something new.
    `flush_seconds`: how long news that nobody waits for (an attempt has started, what it used) may
    wait for a transaction to go along with.
    `drain_seconds`: how long running attempts may take to end when the scheduler is told to stop.
    """

    parallelism: int = 32
    default_executor: str = "local"
    infra_retries: int = 3
    run_lease_seconds: float = 15.0
    attempt_lease_seconds: float = 30.0
    callback_lease_seconds: float = 60.0
    callback_tries: int = 3
    poll_seconds: float = 10.0
    flush_seconds: float = 0.2
    recount_seconds: float = 300.0
    drain_seconds: float = 30.0
    batch: int = 500  # most runs to start or take over in one transaction
