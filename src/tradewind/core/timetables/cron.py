"""Timetables made of cron expressions, in the wall clock of a zone."""

from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from math import inf

from cronsim import CronSim

from tradewind.core.dag import CronInterval, CronTrigger, Slot
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
from tradewind.core.timetables.cron_syntax import parse, resolve_preset
from tradewind.core.timetables.delta import decode_delta, shifted, span
from tradewind.core.zones import from_wall_clock, to_wall_clock, zone

RunImmediately = bool | float | None


class CronTicks:
    """The ticks of one expression.

    Searched on the wall clock, then made an instant. An expression with ticks in every hour of the
    day goes on by the distance on the wall clock instead, so that it runs in both of the hours that
    the end of daylight saving repeats.
    """

    def __init__(self, expression: str, timezone: str) -> None:
        self._cron = parse(expression)
        self._zone = zone(timezone)

    def next(self, at: datetime) -> datetime:
        return self._search(at, reverse=False)

    def previous(self, at: datetime) -> datetime:
        return self._search(at, reverse=True)

    def align_next(self, at: datetime) -> datetime:
        tick = self.next(at)
        return at if self.previous(tick) == at else tick

    def align_previous(self, at: datetime) -> datetime:
        tick = self.previous(at)
        return at if self.next(tick) == at else tick

    def _search(self, at: datetime, *, reverse: bool) -> datetime:
        if self._cron.search is None:
            raise NoTick
        try:
            shown = to_wall_clock(at, self._zone)
            found = next(CronSim(self._cron.search, shown, reverse=reverse))
            if self._cron.hourly:
                return at + (found - shown)
            return from_wall_clock(found, self._zone)
        except (OverflowError, StopIteration):  # the calendar's end
            raise NoTick from None

    @property
    def zone(self) -> tzinfo:
        return self._zone


def next_trigger(timetable: CronTrigger, last: Slot | None, limits: Limits) -> Slot | None:
    """The next slot of all the expressions together; two that fall together are one."""
    slots = []
    for expression in timetable.crons:
        ticks = CronTicks(expression, timetable.timezone)
        last_end = last.interval_end if last else None
        with suppress(NoTick):  # the other expressions may have one
            tick = next_cron_tick(ticks, last_end, limits, timetable.run_immediately)
            if tick is not None:
                slots.append(interval_slot(shifted(tick, -decode_delta(timetable.interval)), tick))

    def urgency(slot: Slot) -> float:
        date = slot.logical_date
        at = inf if date is None else date.timestamp()
        # Without catchup the newest that is due comes first: what it passes over is not run.
        return -at if not limits.catchup and at <= limits.now.timestamp() else at

    return min(slots, key=urgency, default=None)


def next_cron_tick(
    ticks: CronTicks, last_end: datetime | None, limits: Limits, run_immediately: RunImmediately
) -> datetime | None:
    return trigger_tick(
        ticks, last_end, limits, lambda now: _first_tick(ticks, now, run_immediately)
    )


def _first_tick(ticks: CronTicks, now: datetime, run_immediately: RunImmediately) -> datetime:
    """Where a DAG without a start date begins: at the last tick if that is recent, else the next.

    Recent is what `run_immediately` says in seconds; otherwise a tenth of the distance between the
    two ticks, and five minutes at least (for Airflow False means the same).
    """
    before, after = ticks.align_previous(now), ticks.align_next(now)
    if run_immediately is True:
        return before
    if run_immediately is None or run_immediately is False:
        recent = max((after - before) / 10, timedelta(minutes=5))
    else:
        recent = span(run_immediately)
    return before if now - before <= recent else after


def next_interval(timetable: CronInterval, last: Slot | None, limits: Limits) -> Slot | None:
    ticks = CronTicks(timetable.cron, timetable.timezone)

    def newest(now: datetime) -> datetime:
        before = ticks.previous(now)
        if ticks.next(before) != now:
            before = ticks.previous(before)
        if limits.earliest is None:
            return before
        return max(before, ticks.align_next(limits.earliest))

    interval = interval_between_ticks(ticks, covered(last), limits, newest)
    return None if interval is None else interval_slot(*interval)


def trigger_manual_interval(timetable: CronTrigger, at: datetime) -> Interval:
    return Interval(shifted(at, -decode_delta(timetable.interval)), at)


def interval_manual_interval(timetable: CronInterval, at: datetime) -> Interval:
    """The last interval that was complete at that time."""
    ticks = CronTicks(timetable.cron, timetable.timezone)
    end = ticks.align_previous(at)
    return Interval(ticks.previous(end), end)


def validate(expressions: list[str], timezone: str) -> None:
    """Raise `InvalidDag` for an expression or zone that cannot be read."""
    for expression in expressions:
        CronTicks(expression, timezone)


def validate_trigger(timetable: CronTrigger) -> None:
    if not timetable.crons:
        raise InvalidDag(
            "The timetable has no cron expression.", hint="Give one, such as '0 3 * * *'."
        )
    validate(timetable.crons, timetable.timezone)


def summary(expressions: list[str]) -> str:
    return ", ".join(map(resolve_preset, expressions))


def description(expressions: list[str]) -> str:
    """In words, as Airflow's UI has it: "At 03:00, only on Monday"; empty with a seconds field."""
    return ", ".join(_in_words(resolve_preset(expression)) for expression in expressions)


def _in_words(expression: str) -> str:
    from cron_descriptor import (  # type: ignore[import-untyped]  # it ships no types
        FormatException,
        MissingFieldException,
    )

    fields = expression.split()
    if len(fields) > 5:
        return ""
    try:
        if len(fields) < 5 or "*" in (fields[2], fields[4]):
            return _describe(expression)
        # The descriptor joins both day fields by AND; cron means either.
        minute, hour, day, month, weekday = fields
        by_day = _describe(f"{minute} {hour} {day} {month} *")
        by_weekday = _describe(f"{minute} {hour} * {month} {weekday}")
        return f"{by_day} (or) {by_weekday}"
    except (FormatException, MissingFieldException):
        return ""


def _describe(expression: str) -> str:
    from cron_descriptor import CasingTypeEnum, ExpressionDescriptor

    descriptor = ExpressionDescriptor(
        expression, casing_type=CasingTypeEnum.Sentence, use_24hour_time_format=True
    )
    return str(descriptor.get_description())
