"""From schedules and asset expressions of DAG files to the structs that the scheduler evaluates."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from typing import Any

from tradewind.core import dag as core
from tradewind.core.timetables import encode_delta, resolve_preset
from tradewind.sdk import dates
from tradewind.sdk import timetables as sdk
from tradewind.sdk.assets import (
    Asset,
    AssetAlias,
    AssetAny,
    AssetBooleanCondition,
    AssetNameRef,
    AssetUriRef,
    BaseAsset,
)
from tradewind.sdk.custom_timetables import Timetable
from tradewind.sdk.partitions import PartitionMapper


def timetable_spec(timetable: Timetable) -> core.Timetable:
    """The struct of any schedule; one of the user's own gets its slots later, in a child."""
    cls = type(timetable)
    own_mind = cls.next_dagrun_info is not sdk.BaseTimetable.next_dagrun_info
    if own_mind or not isinstance(timetable, sdk.BaseTimetable):
        return core.CustomSchedule(
            classpath=f"{cls.__module__}.{cls.__qualname__}",
            can_be_scheduled=timetable.can_be_scheduled,
        )
    return builtin_spec(timetable)


def builtin_spec(timetable: sdk.BaseTimetable) -> core.Timetable:
    """The struct of a schedule of `sdk.timetables`, or of a subclass of one."""
    match timetable:
        case sdk.NullTimetable():
            return core.NullSchedule()
        case sdk.PartitionedAtRuntime():
            return core.PartitionedAtRuntime()
        case sdk.OnceTimetable():
            return core.OnceSchedule()
        case sdk.ContinuousTimetable():
            return core.ContinuousSchedule()
        case sdk.AssetTriggeredTimetable():
            return _asset_spec(timetable)
        case sdk.EventsTimetable():
            return core.EventsSchedule(
                event_dates=timetable.event_dates,
                restrict_to_events=timetable.restrict_to_events,
                description=timetable.own_description,
            )
        case _:
            return _periodic_spec(timetable)


def _periodic_spec(timetable: sdk.BaseTimetable) -> core.Timetable:
    match timetable:
        case sdk.CronTriggerTimetable():
            return core.CronTrigger(
                crons=[resolve_preset(cron) for cron in timetable.crons],
                timezone=_zone(timetable.timezone),
                interval=encode_delta(timetable.interval),
                run_immediately=_run_immediately(timetable.run_immediately),
            )
        case sdk.CronDataIntervalTimetable():
            cron = resolve_preset(timetable.cron)
            return core.CronInterval(cron=cron, timezone=_zone(timetable.timezone))
        case sdk.DeltaTriggerTimetable():
            return core.DeltaTrigger(
                delta=encode_delta(timetable.delta), interval=encode_delta(timetable.interval)
            )
        case sdk.DeltaDataIntervalTimetable():
            return core.DeltaInterval(delta=encode_delta(timetable.delta))
        case sdk.CronPartitionTimetable():
            return core.CronPartition(
                cron=resolve_preset(timetable.cron),
                timezone=_zone(timetable.timezone),
                arguments={
                    "run_offset": timetable.run_offset or 0,
                    "run_immediately": _run_immediately(timetable.run_immediately),
                    "key_format": timetable.key_format,
                },
            )
    raise TypeError(f"{type(timetable).__name__} is a base class; use one of its subclasses")


def _zone(timezone: str | tzinfo) -> str:
    return timezone if isinstance(timezone, str) else dates.zone_name(timezone)


def _run_immediately(value: bool | timedelta | None) -> bool | float | None:
    return value.total_seconds() if isinstance(value, timedelta) else value


# --- assets ---------------------------------------------------------------------------------------


def _asset_spec(timetable: sdk.AssetTriggeredTimetable) -> core.Timetable:
    condition = condition_spec(timetable.condition)
    match timetable:
        case sdk.AssetOrTimeSchedule():
            inner = timetable_spec(timetable.timetable)
            return core.AssetOrTimeSchedule(condition=condition, timetable=inner)
        case sdk.PartitionedAssetTimetable():
            own = timetable.partition_mapper_config
            return core.PartitionedAssets(
                condition=condition,
                default_mapper=mapper_spec(timetable.default_partition_mapper),
                mappers={_key(asset): mapper_spec(mapper) for asset, mapper in own.items()},
            )
    return core.AssetSchedule(condition=condition)


def _key(asset: BaseAsset) -> str:
    key = getattr(asset, "name", None) or getattr(asset, "uri", None)
    if not isinstance(key, str):
        raise ValueError(f"partition_mapper_config takes assets, not {asset!r}")
    return key


def mapper_spec(mapper: PartitionMapper) -> core.PartitionMapperSpec:
    """The struct of a partition mapper."""
    declared = mapper.to_json()
    return core.PartitionMapperSpec(kind=declared["kind"], arguments=declared["arguments"])


def asset_spec(asset: Any) -> core.AnyAssetRef:
    """The struct of one asset, alias or reference. Raises TypeError for something else."""
    match asset:
        case Asset():
            return core.AssetRef(
                name=asset.name, uri=asset.uri, group=asset.group, extra=asset.extra
            )
        case AssetAlias():
            return core.AssetAliasRef(name=asset.name, group=asset.group)
        case AssetNameRef():
            return core.AssetNameRef(name=asset.name)
        case AssetUriRef():
            return core.AssetUriRef(uri=asset.uri)
    raise TypeError(f"{asset!r} is not an asset")


def condition_spec(condition: BaseAsset) -> core.AssetCondition:
    """The struct of an expression of assets."""
    if not isinstance(condition, AssetBooleanCondition):
        return asset_spec(condition)
    parts = [condition_spec(part) for part in condition.objects]
    if isinstance(condition, AssetAny):
        return core.AssetAny(conditions=parts)
    return core.AssetAll(conditions=parts)
