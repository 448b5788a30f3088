"""The schedules that a DAG can have, and what `schedule=` makes of its values.

Data only: `timetable_specs` turns each into a struct that the scheduler evaluates by itself. For
classes of the user's own see `custom_timetables`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from tradewind.core.states import DagRunType
from tradewind.sdk import dates
from tradewind.sdk.assets import AssetAll, BaseAsset
from tradewind.sdk.custom_timetables import (
    DagRunInfo,
    DataInterval,
    TimeRestriction,
    Timetable,
    interval_from,
    interval_to_slot,
)
from tradewind.sdk.partitions import IdentityMapper, PartitionMapper

if TYPE_CHECKING:
    from dateutil.relativedelta import relativedelta

    Delta = timedelta | relativedelta


class BaseTimetable(Timetable):
    """Base of the schedules that the scheduler evaluates by itself.

    A subclass that overrides `next_dagrun_info` is treated as one of the user's own.
    """

    @property
    def summary(self) -> str:
        from tradewind.core.timetables import summary

        return summary(self._spec()) or ""

    def _spec(self) -> Any:
        from tradewind.sdk.timetable_specs import builtin_spec

        return builtin_spec(self)

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        from tradewind.core.timetables import manual_interval

        interval = manual_interval(self._spec(), dates.known_utc(run_after))
        return interval_from(interval.start, interval.end)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        from tradewind.core.timetables import next_slot

        slot = next_slot(
            self._spec(),
            last=interval_to_slot(last_automated_data_interval),
            earliest=dates.as_utc(restriction.earliest, "earliest"),
            latest=dates.as_utc(restriction.latest, "latest"),
            catchup=restriction.catchup,
            now=dates.utc_now(),
        )
        return None if slot is None else DagRunInfo.of_slot(slot)


class NullTimetable(BaseTimetable):
    """`schedule=None`."""

    can_be_scheduled = False
    periodic = False
    run_type = DagRunType.MANUAL


class OnceTimetable(BaseTimetable):
    """`schedule="@once"`."""

    periodic = False


class ContinuousTimetable(BaseTimetable):
    """`schedule="@continuous"`: the next run begins when the last one has ended."""

    active_runs_limit = 1


class CronTriggerTimetable(BaseTimetable):
    """Runs at the ticks of a cron expression; the data interval has the width `interval`."""

    def __init__(
        self,
        cron: str,
        timezone: str | tzinfo = "UTC",
        *,
        interval: Delta = timedelta(),
        run_immediately: bool | timedelta | None = False,
    ) -> None:
        self.crons = [cron]
        self.timezone = timezone
        self.interval = interval
        self.run_immediately = run_immediately


class MultipleCronTriggerTimetable(CronTriggerTimetable):
    """Runs whenever one of several cron expressions ticks, once per moment."""

    def __init__(
        self,
        *crons: str,
        timezone: str | tzinfo,
        interval: Delta = timedelta(),
        run_immediately: bool | timedelta | None = False,
    ) -> None:
        if not crons:
            raise ValueError("cron expression required")
        super().__init__(crons[0], timezone, interval=interval, run_immediately=run_immediately)
        self.crons = list(crons)


class CronDataIntervalTimetable(BaseTimetable):
    """Runs at the end of each interval between two ticks, as cron texts did in Airflow 2."""

    def __init__(self, cron: str, timezone: str | tzinfo = "UTC") -> None:
        self.cron = cron
        self.timezone = timezone


class DeltaTriggerTimetable(BaseTimetable):
    """Runs every `delta` from the start date on."""

    def __init__(self, delta: Delta, *, interval: Delta = timedelta()) -> None:
        self.delta = delta
        self.interval = interval


class DeltaDataIntervalTimetable(BaseTimetable):
    """Runs at the end of each interval of length `delta`."""

    def __init__(self, delta: Delta) -> None:
        self.delta = delta


class EventsTimetable(BaseTimetable):
    """Runs at the listed moments.

    They are sorted, unless `presorted` says that they are: then they are taken in their order.
    """

    def __init__(
        self,
        event_dates: Iterable[datetime],
        restrict_to_events: bool = False,
        presorted: bool = False,
        description: str | None = None,
    ) -> None:
        moments = [dates.known_utc(at) for at in event_dates]
        self.event_dates = moments if presorted else sorted(moments)
        self.restrict_to_events = restrict_to_events
        self.own_description = description


# --- assets and partitions ------------------------------------------------------------------------


def _condition(assets: Any) -> BaseAsset:
    if isinstance(assets, BaseAsset):
        return assets
    if not all(isinstance(item, BaseAsset) for item in assets):
        raise ValueError(
            "All elements in 'schedule' should be either assets, asset references, or asset aliases"
        )
    return AssetAll(*assets)


class AssetTriggeredTimetable(BaseTimetable):
    """Runs when assets have new events; what a list of assets as schedule means."""

    run_type = DagRunType.ASSET_TRIGGERED

    def __init__(self, assets: Any) -> None:
        self.condition = _condition(assets)
        self.asset_condition = self.condition


class AssetOrTimeSchedule(AssetTriggeredTimetable):
    """Runs at the times of `timetable`, and when `assets` have new events."""

    def __init__(self, *, timetable: Timetable, assets: Any = None, datasets: Any = None) -> None:
        super().__init__(assets if assets is not None else datasets or [])
        self.timetable = timetable
        self.active_runs_limit = timetable.active_runs_limit
        self.can_be_scheduled = timetable.can_be_scheduled


class PartitionedAssetTimetable(AssetTriggeredTimetable):
    """One run for each partition key that the mapped keys of the assets' events complete."""

    def __init__(
        self,
        assets: Any,
        *,
        partition_mapper_config: Mapping[BaseAsset, PartitionMapper] | None = None,
        default_partition_mapper: PartitionMapper | None = None,
    ) -> None:
        super().__init__(assets)
        self.partition_mapper_config = dict(partition_mapper_config or {})
        self.default_partition_mapper = default_partition_mapper or IdentityMapper()


class CronPartitionTimetable(BaseTimetable):
    """Runs at the ticks of a cron expression, each for a partition key made of a date.

    `run_offset`: how many ticks the partition's date is after the run (negative: before).
    """

    def __init__(
        self,
        cron: str,
        *,
        timezone: str | tzinfo,
        run_offset: int | None = None,
        run_immediately: bool | timedelta | None = False,
        key_format: str = "%Y-%m-%dT%H:%M:%S",
    ) -> None:
        if run_offset is not None and not isinstance(run_offset, int):
            raise ValueError("Run offset other than integer not supported yet.")
        self.cron = cron
        self.timezone = timezone
        self.run_offset = run_offset
        self.run_immediately = run_immediately
        self.key_format = key_format


class PartitionedAtRuntime(BaseTimetable):
    """No schedule; the tasks say which partitions they made."""

    can_be_scheduled = False
    partitioned_at_runtime = True
    run_type = DagRunType.MANUAL


def create_timetable(schedule: Any, timezone: tzinfo | None, *, intervals: bool) -> Timetable:
    """What `schedule=` means. `intervals`: texts and deltas mean what they did in Airflow 1 and 2.

    Raises ValueError for something that is not a schedule; whether a cron text is well-formed is
    checked when the DAG is serialized.
    """
    match schedule:
        case None | "None" if schedule is None or intervals:
            return NullTimetable()
        case Timetable():
            return schedule
        case BaseAsset():
            return AssetTriggeredTimetable(schedule)
        case "@once":
            return OnceTimetable()
        case "@continuous":
            return ContinuousTimetable()
        case str():
            zone = timezone or "UTC"
            return (CronDataIntervalTimetable if intervals else CronTriggerTimetable)(
                schedule, zone
            )
        case Collection():
            return AssetTriggeredTimetable(schedule)
    if isinstance(schedule, timedelta) or type(schedule).__name__ == "relativedelta":
        return (DeltaDataIntervalTimetable if intervals else DeltaTriggerTimetable)(schedule)
    raise ValueError(f"{schedule!r} is not a valid schedule.")
