"""What all kinds of timetable share: ticks, limits, and the two ways to make slots out of ticks."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol

from tradewind.core.dag import Slot


class NoTick(Exception):
    """There is no tick: the schedule names a date that never comes, such as 30 February."""


class Interval(NamedTuple):
    """A data interval; a run covers `start` to `end`, and both may be the same moment."""

    start: datetime
    end: datetime


class Limits(NamedTuple):
    """Within what a slot may lie: Airflow's time restriction, and the moment of asking.

    `earliest` and `latest` are inclusive. Without `catchup` slots that were missed are left out,
    apart from the newest one.
    """

    earliest: datetime | None
    latest: datetime | None
    catchup: bool
    now: datetime


class Ticks(Protocol):
    """A sequence of moments. `next` and `previous` are strictly after and before; the aligning ones
    give the moment itself when it is a tick."""

    def next(self, at: datetime) -> datetime: ...
    def previous(self, at: datetime) -> datetime: ...
    def align_next(self, at: datetime) -> datetime: ...
    def align_previous(self, at: datetime) -> datetime: ...


def exact_slot(at: datetime) -> Slot:
    return interval_slot(at, at)


def interval_slot(start: datetime, end: datetime) -> Slot:
    """A run for that data interval, due at its end."""
    return Slot(logical_date=start, interval_start=start, interval_end=end, run_after=end)


def covered(slot: Slot | None) -> Interval | None:
    """The data interval of a slot that has one."""
    if slot is None or slot.interval_start is None or slot.interval_end is None:
        return None
    return Interval(slot.interval_start, slot.interval_end)


def trigger_tick(
    ticks: Ticks, last_end: datetime | None, limits: Limits, first: Callable[[datetime], datetime]
) -> datetime | None:
    """The next moment of a timetable that runs at its ticks.

    `last_end`: when the newest automatic run was due. `first`: given now, where to begin when
    neither a run nor a start date says so.
    """
    candidates = [] if limits.catchup else [ticks.align_previous(limits.now)]
    if last_end is not None:
        candidates.append(ticks.next(last_end))
    elif limits.earliest is None:
        candidates.append(first(limits.now))
    if limits.earliest is not None and not (limits.catchup and last_end is not None):
        candidates.append(ticks.align_next(limits.earliest))
    tick = max(candidates)
    return None if limits.latest is not None and tick > limits.latest else tick


def interval_between_ticks(
    ticks: Ticks, last: Interval | None, limits: Limits, newest: Callable[[datetime], datetime]
) -> Interval | None:
    """The next interval of a timetable that runs at the end of each interval between two ticks.

    `newest`: given now, the start of the newest interval that is due; where to go on when the ones
    before it are not to be caught up with.
    """
    earliest = limits.earliest
    if not limits.catchup:
        earliest = newest(limits.now)
    elif earliest is not None:
        earliest = ticks.align_next(earliest)
    if last is None:
        if earliest is None:
            return None
        start = earliest
    else:
        # Aligned, because the schedule may have changed since the last run.
        start = ticks.align_previous(last.end)
        if earliest is not None:
            start = max(start, earliest)
        # A coarser schedule reaches back to what has run, and so may a change of clocks.
        while start <= last.start:
            start = ticks.next(start)
    if limits.latest is not None and start > limits.latest:
        return None
    return Interval(start, ticks.next(start))
