"""Timetables made of a fixed distance: seconds, or a relativedelta for months and years.

A distance is serialized as seconds or as the relativedelta's fields that matter; `weekday` (0 is
Monday) may have a `weekday_n` beside it, for the second Friday and the like.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradewind.core.dag import DeltaInterval, DeltaTrigger, Slot
from tradewind.core.errors import InvalidDag
from tradewind.core.timetables.base import (
    Interval,
    Limits,
    NoTick,
    covered,
    interval_between_ticks,
    interval_slot,
    trigger_tick,
)

if TYPE_CHECKING:
    from dateutil.relativedelta import relativedelta

    Delta = timedelta | relativedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAP_YEAR = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(366)]
_ENDLESS = timedelta(days=999_999_998)  # what can still be negated
_NIGHTFALL = timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999)
_ABSOLUTE = ("year", "month", "day", "hour", "minute", "second", "microsecond")


def encode_delta(delta: Delta) -> float | dict[str, int]:
    """The serialized form of a `timedelta` or `relativedelta`."""
    if isinstance(delta, timedelta):
        return delta.total_seconds()
    span = _time_part(delta)
    relative = {
        "years": delta.years,
        "months": delta.months,
        "leapdays": delta.leapdays,
        "days": span.days,
        "seconds": span.seconds,
        "microseconds": span.microseconds,
    }
    fields = {name: value for name, value in relative.items() if value}
    fields |= {name: at for name in _ABSOLUTE if (at := getattr(delta, name)) is not None}
    if delta.weekday is not None:
        fields["weekday"] = delta.weekday.weekday
        if delta.weekday.n is not None:
            fields["weekday_n"] = delta.weekday.n
    return fields


def decode_delta(value: float | dict[str, int]) -> Delta:
    """The distance that `encode_delta` wrote."""
    if not isinstance(value, dict):
        return span(value)
    from dateutil.relativedelta import relativedelta, weekday

    fields: dict[str, Any] = dict(value)
    if "weekday" in fields:
        fields["weekday"] = weekday(fields["weekday"], fields.pop("weekday_n", None))
    return relativedelta(**fields)


def shifted(at: datetime, delta: Delta) -> datetime:
    """The moment at that distance. Raises `NoTick` where the calendar ends."""
    try:
        return at + delta
    except (OverflowError, ValueError):  # timedelta raises the one, relativedelta the other
        raise NoTick from None


def span(seconds: float) -> timedelta:
    """So many seconds; `timedelta.max`, which a float rounds up, as the longest that is of use."""
    try:
        return max(-_ENDLESS, min(timedelta(seconds=seconds), _ENDLESS))
    except OverflowError:
        return _ENDLESS if seconds > 0 else -_ENDLESS


def _time_part(delta: relativedelta) -> timedelta:
    return timedelta(
        days=delta.days,
        hours=delta.hours,
        minutes=delta.minutes,
        seconds=delta.seconds,
        microseconds=delta.microseconds,
    )


class DeltaTicks:
    """Every moment is a tick: the distance counts from wherever one begins.

    A distance with fixed fields may lead nowhere from some moments (`day=31` on a 31st): then there
    is no tick, since a search for it would never end.
    """

    def __init__(self, delta: Delta) -> None:
        self._delta = delta

    def next(self, at: datetime) -> datetime:
        following = shifted(at, self._delta)
        if following <= at:
            raise NoTick
        return following

    def previous(self, at: datetime) -> datetime:
        return shifted(at, -self._delta)

    def align_next(self, at: datetime) -> datetime:
        return at

    def align_previous(self, at: datetime) -> datetime:
        return at


def next_trigger(timetable: DeltaTrigger, last: Slot | None, limits: Limits) -> Slot | None:
    ticks = DeltaTicks(decode_delta(timetable.delta))
    tick = trigger_tick(ticks, last.interval_end if last else None, limits, lambda now: now)
    if tick is None:
        return None
    return interval_slot(shifted(tick, -decode_delta(timetable.interval)), tick)


def next_interval(timetable: DeltaInterval, last: Slot | None, limits: Limits) -> Slot | None:
    delta = decode_delta(timetable.delta)
    ticks = DeltaTicks(delta)

    def newest(now: datetime) -> datetime:
        start = ticks.previous(_floor(delta, now, limits.earliest or now))
        return start if limits.earliest is None else max(start, limits.earliest)

    interval = interval_between_ticks(ticks, covered(last), limits, newest)
    return None if interval is None else interval_slot(*interval)


def _floor(delta: Delta, at: datetime, anchor: datetime) -> datetime:
    """The newest boundary between two intervals, at or before `at`.

    Months and years are counted one by one from `anchor`, so that the boundaries are those that
    catching up gives (31 January, 28 February, 28 March). Other distances lie on a grid that starts
    at 1970.
    """
    if isinstance(delta, timedelta):
        step = delta
    elif delta.months or delta.years:
        boundary = anchor
        ticks = DeltaTicks(delta)
        while (following := ticks.next(boundary)) <= at:
            boundary = following
        return boundary
    else:
        step = _time_part(delta)
    return shifted(at, -((at - _EPOCH) % step))


def validate(delta: float | dict[str, int]) -> None:
    """Raise `InvalidDag` unless the distance leads forward from any day that one may begin at."""
    ticks = DeltaTicks(decode_delta(delta))
    try:
        for day in _LEAP_YEAR:
            ticks.next(day)
            ticks.next(day + _NIGHTFALL)
    except NoTick:
        raise InvalidDag(
            f"The schedule {decode_delta(delta)} does not lead forward in time, day after day.",
            hint="Give a positive timedelta or relativedelta; for never, schedule=None.",
        ) from None


def trigger_manual_interval(timetable: DeltaTrigger, at: datetime) -> Interval:
    return Interval(shifted(at, -decode_delta(timetable.interval)), at)


def interval_manual_interval(timetable: DeltaInterval, at: datetime) -> Interval:
    return Interval(shifted(at, -decode_delta(timetable.delta)), at)


def summary(delta: float | dict[str, int]) -> str:
    return str(decode_delta(delta))
