"""When a DAG runs next: pure functions over the timetables of `core.dag`.

One module a kind; the table below tells them apart. Moments are aware UTC, and "now" is an
argument. Behaviour is Airflow's, held by recorded facts (`tests/unit/core/facts`). What needs a
user's own class is not here: a `CustomSchedule` brings its slots along.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from tradewind.core import partitions
from tradewind.core.dag import (
    AssetOrTimeSchedule,
    AssetSchedule,
    ContinuousSchedule,
    CronInterval,
    CronPartition,
    CronTrigger,
    CustomSchedule,
    DeltaInterval,
    DeltaTrigger,
    EventsSchedule,
    NullSchedule,
    OnceSchedule,
    PartitionedAssets,
    PartitionedAtRuntime,
    SerializedDag,
    Slot,
    Timetable,
)
from tradewind.core.errors import InvalidDag
from tradewind.core.timetables import cron, custom, delta, events, partition, simple
from tradewind.core.timetables.base import Interval, Limits, NoTick
from tradewind.core.timetables.cron_syntax import resolve_preset
from tradewind.core.timetables.delta import decode_delta, encode_delta
from tradewind.core.zones import zone

__all__ = [
    "Interval",
    "active_runs_limit",
    "can_be_scheduled",
    "decode_delta",
    "description",
    "encode_delta",
    "following_slot",
    "manual_interval",
    "needs_child",
    "next_slot",
    "next_slots",
    "resolve_preset",
    "slots_between",
    "summary",
    "time_limits",
    "validate",
    "zone",
]


def next_slot(
    timetable: Timetable,
    *,
    last: Slot | None,
    earliest: datetime | None,
    latest: datetime | None,
    catchup: bool,
    now: datetime,
) -> Slot | None:
    """The next slot for an automatic run, due or still to come; None: nothing is planned.

    `last` is the slot of the newest scheduled or backfill run. `earliest` and `latest`, both
    inclusive, are the DAG's `time_limits`.
    """
    return _next(timetable, last, Limits(earliest, latest, catchup, now))


def time_limits(dag: SerializedDag) -> tuple[datetime | None, datetime | None]:
    """`earliest` and `latest` of a DAG's automatic runs: its own start and end date.

    Without one of its own, the tasks' dates count: from the first one's start to the last one's
    end, if all of them end.
    """
    starts = [task.start_date for task in dag.tasks if task.start_date is not None]
    ends = [task.end_date for task in dag.tasks if task.end_date is not None]
    last_end = max(ends, default=None) if len(ends) == len(dag.tasks) else None
    return dag.start_date or min(starts, default=None), dag.end_date or last_end


def following_slot(dag: SerializedDag, last: Slot | None, now: datetime) -> Slot | None:
    """A DAG's next slot after `last` (None: it has had none), by its schedule and its dates."""
    earliest, latest = time_limits(dag)
    return next_slot(
        dag.timetable,
        last=last,
        earliest=earliest,
        latest=latest,
        catchup=dag.catchup,
        now=now,
    )


def next_slots(
    timetable: Timetable,
    *,
    last: Slot | None,
    earliest: datetime | None,
    latest: datetime | None,
    catchup: bool,
    now: datetime,
    count: int,
) -> list[Slot]:
    """The next slots one after the other, `count` at most, as if each were run when it is due."""
    slots: list[Slot] = []
    while len(slots) < count:
        slot = _next(timetable, last, Limits(earliest, latest, catchup, now))
        if slot is None or (slots and slot.run_after <= slots[-1].run_after):
            break
        slots.append(slot)
        last, now = slot, max(now, slot.run_after)
    return slots


def slots_between(timetable: Timetable, start: datetime, end: datetime) -> Iterator[Slot]:
    """All slots of a backfill in order: logical (or partition) dates from `start` to `end`.

    Those that are not due yet are among them. A continuous timetable has nothing to fill.
    """
    if isinstance(timetable, CronPartition):
        with suppress(NoTick):
            yield from partition.partitions_between(timetable, start, end)
        return
    if isinstance(timetable, ContinuousSchedule):
        return
    limits = Limits(earliest=start, latest=end, catchup=True, now=end)
    slot = _next(timetable, None, limits)
    while slot is not None:
        yield slot
        slot = _next(timetable, slot, limits)


def manual_interval(timetable: Timetable, at: datetime) -> Interval:
    """The data interval of a run that somebody triggers with that logical date."""
    try:
        return _kind(timetable).manual_interval(timetable, at)
    except NoTick:
        return Interval(at, at)


def needs_child(timetable: Timetable, last: Slot | None = None) -> bool:
    """Whether a user's class must be asked, in a child, for more slots than those after `last`."""
    if isinstance(timetable, AssetOrTimeSchedule):
        return needs_child(timetable.timetable, last)
    return (
        isinstance(timetable, CustomSchedule)
        and not timetable.exhausted
        and not custom.remaining(timetable, last)
    )


def can_be_scheduled(timetable: Timetable) -> bool:
    """Whether time or assets can make runs; False: only people and other DAGs do."""
    if isinstance(timetable, AssetOrTimeSchedule):
        return can_be_scheduled(timetable.timetable)
    if isinstance(timetable, CustomSchedule):
        return timetable.can_be_scheduled
    return not isinstance(timetable, NullSchedule | PartitionedAtRuntime)


def active_runs_limit(timetable: Timetable) -> int | None:
    """How many runs may be active at once whatever the DAG says; None: the timetable has no say."""
    if isinstance(timetable, AssetOrTimeSchedule):
        return active_runs_limit(timetable.timetable)
    return 1 if isinstance(timetable, ContinuousSchedule) else None


def summary(timetable: Timetable) -> str | None:
    """One short line, as Airflow's API gives it; None for a DAG without a schedule."""
    return None if isinstance(timetable, NullSchedule) else _kind(timetable).summary(timetable)


def description(timetable: Timetable) -> str:
    """A sentence for people, as Airflow's API gives it; may be empty."""
    return _kind(timetable).description(timetable)


def validate(timetable: Timetable) -> None:
    """Raise `InvalidDag`, naming what is wrong, for a timetable that cannot be scheduled."""
    _kind(timetable).validate(timetable)


# --- the kinds -----------------------------------------------------------------------------------


class _Kind(NamedTuple):
    summary: Callable[[Any], str]
    description: Callable[[Any], str]
    next: Callable[[Any, Slot | None, Limits], Slot | None] = lambda timetable, last, limits: None
    manual_interval: Callable[[Any, datetime], Interval] = lambda timetable, at: Interval(at, at)
    validate: Callable[[Any], None] = lambda timetable: None


def _kind(timetable: Timetable) -> _Kind:
    return _KINDS[type(timetable)]


def _next(timetable: Timetable, last: Slot | None, limits: Limits) -> Slot | None:
    try:
        return _kind(timetable).next(timetable, last, limits)
    except NoTick:  # 30 February and the like
        return None


def _validate_asset_or_time(timetable: AssetOrTimeSchedule) -> None:
    if isinstance(timetable.timetable, AssetSchedule | AssetOrTimeSchedule | PartitionedAssets):
        raise InvalidDag(
            "AssetOrTimeSchedule has an asset schedule as its timetable.",
            hint="Give it a timetable of time, and join all assets in its assets argument.",
        )
    validate(timetable.timetable)


def _constant(text: str) -> Callable[[Any], str]:
    return lambda timetable: text


_KINDS: dict[type, _Kind] = {
    NullSchedule: _Kind(_constant("None"), _constant("Never, external triggers only")),
    OnceSchedule: _Kind(
        _constant("@once"),
        _constant("Once, as soon as possible"),
        lambda timetable, last, limits: simple.next_once(last, limits),
    ),
    ContinuousSchedule: _Kind(
        _constant("@continuous"),
        _constant("As frequently as possible, but only one run at a time."),
        lambda timetable, last, limits: simple.next_continuous(last, limits),
    ),
    CronTrigger: _Kind(
        lambda timetable: cron.summary(timetable.crons),
        lambda timetable: cron.description(timetable.crons),
        cron.next_trigger,
        cron.trigger_manual_interval,
        cron.validate_trigger,
    ),
    CronInterval: _Kind(
        lambda timetable: cron.summary([timetable.cron]),
        lambda timetable: cron.description([timetable.cron]),
        cron.next_interval,
        cron.interval_manual_interval,
        lambda timetable: cron.validate([timetable.cron], timetable.timezone),
    ),
    DeltaTrigger: _Kind(
        lambda timetable: delta.summary(timetable.delta),
        _constant(""),
        delta.next_trigger,
        delta.trigger_manual_interval,
        lambda timetable: delta.validate(timetable.delta),
    ),
    DeltaInterval: _Kind(
        lambda timetable: delta.summary(timetable.delta),
        _constant(""),
        delta.next_interval,
        delta.interval_manual_interval,
        lambda timetable: delta.validate(timetable.delta),
    ),
    EventsSchedule: _Kind(
        events.summary, events.description, events.next_event, events.manual_interval
    ),
    CronPartition: _Kind(
        lambda timetable: cron.summary([timetable.cron]),
        lambda timetable: cron.description([timetable.cron]),
        partition.next_partition,
        validate=partition.validate,
    ),
    CustomSchedule: _Kind(
        lambda timetable: timetable.classpath.rpartition(".")[2],
        _constant(""),
        custom.next_custom,
    ),
    AssetSchedule: _Kind(_constant("Asset"), _constant("Triggered by assets")),
    AssetOrTimeSchedule: _Kind(
        lambda timetable: f"Asset or {_kind(timetable.timetable).summary(timetable.timetable)}",
        lambda timetable: f"Triggered by assets or {description(timetable.timetable)}",
        lambda timetable, last, limits: _next(timetable.timetable, last, limits),
        lambda timetable, at: manual_interval(timetable.timetable, at),
        _validate_asset_or_time,
    ),
    PartitionedAssets: _Kind(
        _constant("Partitioned Asset"),
        _constant("Triggered by assets"),
        validate=partitions.validate,
    ),
    PartitionedAtRuntime: _Kind(
        _constant("PartitionedAtRuntime"), _constant("Never, partition key(s) set at runtime")
    ),
}
