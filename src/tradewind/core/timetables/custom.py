"""A user's own timetable class: its slots were computed in the parsing child, and are read here."""

from tradewind.core.dag import CustomSchedule, Slot
from tradewind.core.timetables.base import Limits


def next_custom(timetable: CustomSchedule, last: Slot | None, limits: Limits) -> Slot | None:
    """The next computed slot; without catchup the newest of those that are due.

    None when all have run. `needs_child` tells that from the end of the schedule.
    """
    left = [slot for slot in remaining(timetable, last) if _within(slot, limits)]
    if not limits.catchup:
        due = [slot for slot in left if slot.run_after <= limits.now]
        left = due[-1:] or left
    return left[0] if left else None


def remaining(timetable: CustomSchedule, last: Slot | None) -> list[Slot]:
    if last is None:
        return timetable.upcoming
    return [slot for slot in timetable.upcoming if slot.run_after > last.run_after]


def _within(slot: Slot, limits: Limits) -> bool:
    date = slot.logical_date or slot.run_after
    return (limits.earliest is None or date >= limits.earliest) and (
        limits.latest is None or date <= limits.latest
    )
