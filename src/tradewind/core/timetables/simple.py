"""Timetables without a calendar: once, and continuously."""

from datetime import datetime

from tradewind.core.dag import Slot
from tradewind.core.timetables.base import Limits, covered, exact_slot, interval_slot
from tradewind.core.timetables.delta import shifted


def next_once(last: Slot | None, limits: Limits) -> Slot | None:
    """One slot at the start date, whether catching up or not; without a start date, now."""
    if last is not None:
        return None
    at = limits.earliest or limits.now
    return None if _too_late(at, limits) else exact_slot(at)


def next_continuous(last: Slot | None, limits: Limits) -> Slot | None:
    """From the end of the last run to now, due at once.

    Asked while a run is active, it gives the slot after that one; the limit of one active run
    (`active_runs_limit`) holds it back. Asking again when the run has ended gives an interval
    that lasts until then.
    """
    start = limits.earliest or limits.now
    end = max(start, limits.now)
    if interval := covered(last):
        if interval.end > limits.now:  # the first run waits for its start date
            end = shifted(start, interval.end - interval.start)
        else:
            start, end = interval.end, limits.now
    return None if _too_late(end, limits) else interval_slot(start, end)


def _too_late(at: datetime, limits: Limits) -> bool:
    return limits.latest is not None and at > limits.latest
