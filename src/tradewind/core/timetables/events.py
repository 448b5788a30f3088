"""A timetable of listed moments."""

from datetime import datetime

from tradewind.core.dag import EventsSchedule, Slot
from tradewind.core.timetables.base import Interval, Limits, exact_slot


def next_event(timetable: EventsSchedule, last: Slot | None, limits: Limits) -> Slot | None:
    """The first listed moment after the last run; without catchup none that has passed.

    Looked for in the order of the list, which is the caller's to sort.
    """
    earliest = limits.earliest
    if not limits.catchup:
        earliest = limits.now if earliest is None else max(earliest, limits.now)
    last_end = last.interval_end if last else None
    for event in timetable.event_dates:
        if (earliest is None or event >= earliest) and (last_end is None or event > last_end):
            too_late = limits.latest is not None and event > limits.latest
            return None if too_late else exact_slot(event)
    return None


def manual_interval(timetable: EventsSchedule, at: datetime) -> Interval:
    """That moment itself or, restricted to events, the newest event before it."""
    if timetable.restrict_to_events and timetable.event_dates:
        past = (event for event in reversed(timetable.event_dates) if event <= at)
        at = next(past, timetable.event_dates[0])
    return Interval(at, at)


def summary(timetable: EventsSchedule) -> str:
    return timetable.description or f"{len(timetable.event_dates)} events"


def description(timetable: EventsSchedule) -> str:
    events = timetable.event_dates
    if timetable.description is not None:
        return timetable.description
    if not events:
        return "No events"
    return f"{len(events)} events between {events[0].isoformat()} and {events[-1].isoformat()}"
