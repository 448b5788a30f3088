"""Whether attempts end within their leases.

A lease is renewed many times, and a row for each renewal would be most of the history. It is enough
to record those that came too late: as long as there is none, each renewal found the lease before it
still standing, so the last lease, which the attempt's row holds, proves the whole life.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from tradewind.core.history.vocabulary import (
    Attempt,
    Event,
    Findings,
    Quiet,
    RunHistory,
    Statement,
)

_NOBODY = "no scheduler was at work when the lease ended"


def check_leases(
    run: RunHistory,
    findings: Findings,
    *,
    quiet: Quiet,
    grace: timedelta,
    alive_at: datetime | None,
) -> None:
    """`grace`: how long after the end of its lease an attempt may go unnoticed.

    `alive_at`: a moment at which a scheduler is known to live, None if there is none; what is live
    then must have a lease.
    """
    if run.is_unknown:
        return
    ends = {event.attempt_id: event for event in run.events if event.event in ("finish", "fence")}
    late: dict[int | None, list[Event]] = {}
    for event in run.events:
        if event.event == "renew":
            late.setdefault(event.attempt_id, []).append(event)
    for attempt in run.attempts:
        findings.checked[Statement.LEASES] += 1
        end = ends.get(attempt.id)
        name = f"Attempt {attempt.id} of {run.dag_id} {run.run_id}"
        if end is None and run.is_over:
            findings.report(Statement.LEASES, f"{name} is live, and its run is over.")
        for since, until in _without_lease(attempt, late.get(attempt.id, []), end, alive_at):
            if until - since <= grace:
                continue
            if quiet.covers(since + grace, until) and end is not None:
                findings.leave_out(Statement.LEASES, _NOBODY)
                continue
            seconds = (until - since).total_seconds()
            told = f"{name} was left alone for {seconds:.1f} s after its lease had ended"
            findings.report(Statement.LEASES, f"{told} at {since.isoformat()}.")


def _without_lease(
    attempt: Attempt, late: list[Event], end: Event | None, alive_at: datetime | None
) -> Iterator[tuple[datetime, datetime]]:
    """When the attempt stood without a lease."""
    for renewal in late:
        yield datetime.fromisoformat(renewal.detail or ""), renewal.at
    until = end.at if end is not None else alive_at
    if attempt.lease_until is not None and until is not None and until > attempt.lease_until:
        yield attempt.lease_until, until
