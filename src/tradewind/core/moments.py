"""Moments as far as every time zone and database can show them."""

from datetime import UTC, datetime, timedelta

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
"""A day from the ends of the calendar, which a change of time zone would cross."""


def later(at: datetime, seconds: float) -> datetime:
    """So many seconds after `at`, and never beyond the calendar: `timedelta.max` means never."""
    try:
        return in_utc(at + timedelta(seconds=seconds))
    except (OverflowError, ValueError):  # the latter: it is no number
        return EARLIEST if seconds < 0 else LATEST


def in_utc(at: datetime) -> datetime:
    """The same moment in UTC; one at the calendar's very end or beginning moves by a day."""
    try:
        moment = at.astimezone(UTC)
    except OverflowError:
        return EARLIEST if at.year == 1 else LATEST
    return max(EARLIEST, min(moment, LATEST))
