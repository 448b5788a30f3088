"""Cron ticks that stand for partitions: each run has a key made of a date."""

from collections.abc import Iterator
from datetime import UTC, datetime

from tradewind.core.dag import CronPartition, Slot
from tradewind.core.errors import InvalidDag, UserError
from tradewind.core.timetables.base import Limits
from tradewind.core.timetables.cron import CronTicks, next_cron_tick
from tradewind.core.zones import from_wall_clock

_FARTHEST = 10_000  # ticks are counted one by one
DEFAULT_KEY_FORMAT = "%Y-%m-%dT%H:%M:%S"


def next_partition(timetable: CronPartition, last: Slot | None, limits: Limits) -> Slot | None:
    tick = next_cron_tick(
        _ticks(timetable),
        last.run_after if last else None,
        limits,
        timetable.arguments.get("run_immediately", False),
    )
    return None if tick is None else slot_at(timetable, tick)


def slot_at(timetable: CronPartition, tick: datetime) -> Slot:
    """The slot of the run that is due at that tick: `run_offset` ticks away lies its partition."""
    ticks = _ticks(timetable)
    offset = timetable.arguments.get("run_offset") or 0
    date = tick
    for _ in range(abs(offset)):
        date = ticks.next(date) if offset > 0 else ticks.previous(date)
    return _slot(timetable, ticks, run_after=tick, partition_date=date)


def partitions_between(timetable: CronPartition, start: datetime, end: datetime) -> Iterator[Slot]:
    """The slots whose partitions lie in that window, both ends included, for a backfill.

    What a clock in UTC shows at `start` and `end` is meant in the timetable's zone: a day is the
    local day. Each slot is due at its partition's own date.
    """
    ticks = _ticks(timetable)
    first, last = (
        from_wall_clock(bound.astimezone(UTC).replace(tzinfo=None), ticks.zone)
        for bound in (start, end)
    )
    tick = ticks.align_next(first)
    while tick <= last:
        yield _slot(timetable, ticks, run_after=tick, partition_date=tick)
        tick = ticks.next(tick)


def partition_date(timetable: CronPartition, key: str) -> datetime:
    """The date that a partition key stands for. Raises `UserError` when it has another form."""
    key_format = _key_format(timetable)
    try:
        shown = datetime.strptime(key, key_format)
    except ValueError as error:
        raise UserError(
            f"Partition key {key!r} does not fit the timetable's key format {key_format!r}: "
            f"{error}.",
            hint="Give the key as the timetable's own runs have it.",
        ) from None
    return from_wall_clock(shown, _ticks(timetable).zone)


def validate(timetable: CronPartition) -> None:
    _ticks(timetable)
    offset = timetable.arguments.get("run_offset")
    if not isinstance(offset, int | None) or abs(offset or 0) > _FARTHEST:
        raise InvalidDag(
            f"run_offset of CronPartitionTimetable is {offset!r}.",
            hint=f"Give a whole number of cron ticks, {_FARTHEST:,} at most.",
        )


def _ticks(timetable: CronPartition) -> CronTicks:
    return CronTicks(timetable.cron, timetable.timezone)


def _key_format(timetable: CronPartition) -> str:
    return str(timetable.arguments.get("key_format", DEFAULT_KEY_FORMAT))


def _slot(
    timetable: CronPartition, ticks: CronTicks, *, run_after: datetime, partition_date: datetime
) -> Slot:
    return Slot(
        logical_date=None,
        interval_start=None,
        interval_end=None,
        run_after=run_after,
        partition_key=partition_date.astimezone(ticks.zone).strftime(_key_format(timetable)),
        partition_date=partition_date,
    )
