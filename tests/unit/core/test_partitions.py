"""Partitions: when a consumer's run is due, and mappers that cannot be."""

from typing import Any

import pytest

from tradewind.core.dag import (
    AnyAssetRef,
    AssetAliasRef,
    AssetAll,
    AssetAny,
    AssetNameRef,
    AssetRef,
    AssetUriRef,
    PartitionedAssets,
    PartitionMapperSpec,
)
from tradewind.core.errors import InvalidDag, UserError
from tradewind.core.partitions import (
    completeness,
    expected_keys,
    map_keys,
    mapper_of,
    partition_date,
    run_is_due,
)
from tradewind.core.timetables import validate

A = AssetRef(name="a", uri="s3://a")
B = AssetRef(name="b", uri="s3://b")


def mapper(kind: str, **arguments: Any) -> PartitionMapperSpec:
    return PartitionMapperSpec(kind=kind, arguments=arguments)


def nested(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"kind": kind, "arguments": arguments}


IDENTITY = mapper("IdentityMapper")
WEEK = mapper(
    "RollupMapper",
    upstream_mapper=nested("StartOfWeekMapper", input_format="%Y-%m-%d"),
    window=nested("WeekWindow"),
)
MONDAY = "2026-01-12 (W03)"
DAYS = {f"2026-01-{day}" for day in range(12, 19)}


def schedule(
    *references: AnyAssetRef, any_of: bool = False, **mappers: PartitionMapperSpec
) -> PartitionedAssets:
    condition = AssetAny if any_of else AssetAll
    return PartitionedAssets(
        condition=condition(conditions=list(references)), default_mapper=IDENTITY, mappers=mappers
    )


def arrived(**keys: set[str]) -> dict[tuple[str, str], set[str]]:
    return {(name, f"s3://{name}"): found for name, found in keys.items()}


def test_a_roll_up_waits_for_its_whole_week() -> None:
    timetable = schedule(A, a=WEEK)
    for day in sorted(DAYS):
        assert map_keys(WEEK, day) == [MONDAY]
    assert expected_keys(WEEK, MONDAY) == DAYS
    assert not run_is_due(timetable, MONDAY, arrived(a=DAYS - {"2026-01-15"}))
    assert run_is_due(timetable, MONDAY, arrived(a=DAYS | {"2026-01-30"}))


def test_all_assets_have_to_be_complete_or_any() -> None:
    events = arrived(a={"2026-01-12"}, b={"x"})
    assert not run_is_due(schedule(A, B, a=WEEK), MONDAY, events)
    assert run_is_due(schedule(A, B, any_of=True, a=WEEK), MONDAY, events)
    assert run_is_due(schedule(A, B), "x", arrived(a={"x"}, b={"x"}))
    assert not run_is_due(schedule(A, B), "x", arrived(a={"x"}))


def test_without_a_roll_up_one_event_is_enough() -> None:
    assert expected_keys(IDENTITY, "x") is None
    assert completeness(IDENTITY, "x", {"x"}).complete
    assert not completeness(IDENTITY, "x", set()).complete


def test_mappers_go_by_name_or_uri() -> None:
    timetable = PartitionedAssets(
        condition=A, default_mapper=IDENTITY, mappers={"a": WEEK, "s3://c": WEEK}
    )
    assert mapper_of(timetable, "a", "s3://a") is WEEK
    assert mapper_of(timetable, "b", "s3://b") is IDENTITY
    assert mapper_of(timetable, uri="s3://c") is WEEK


def test_what_can_never_be_complete_says_so() -> None:
    spec = mapper(
        "RollupMapper",
        upstream_mapper=nested("FixedKeyMapper", downstream_key="all"),
        window=nested("SegmentWindow", segments=["us", "eu"]),
        wait_policy=nested("MinimumCount", n=3),
    )
    found = completeness(spec, "all", {"us", "eu"})
    assert not found.complete
    assert found.unreachable == "It waits for 3 keys, but partition 'all' has only 2."


def test_partition_dates() -> None:
    day, hour = mapper("StartOfDayMapper"), mapper("StartOfHourMapper")
    agreed = schedule(A, AssetNameRef(name="n"), AssetUriRef(uri="u"), AssetAliasRef(name="x"))
    by_day = PartitionedAssets(condition=agreed.condition, default_mapper=day)
    found = partition_date(by_day, "2026-01-15")
    assert found is not None
    assert found.isoformat() == "2026-01-15T00:00:00+00:00"
    assert partition_date(agreed, "2026-01-15") is None
    elsewhere = mapper("StartOfDayMapper", timezone="Asia/Tokyo")
    assert partition_date(schedule(A, B, a=day, b=elsewhere), "2026-01-15") is None
    with pytest.raises(UserError, match="does not fit the format"):
        partition_date(schedule(A, a=hour), "2026-01-15")


def test_partition_dates_in_keys_of_other_forms() -> None:
    with_offset = mapper("StartOfHourMapper", output_format="%Y-%m-%dT%H%z")
    found = partition_date(schedule(A, a=with_offset), "2026-01-15T03+0200")
    assert found is not None
    assert found.isoformat() == "2026-01-15T01:00:00+00:00"
    product = mapper(
        "ProductMapper", mappers=[nested("IdentityMapper"), nested("StartOfDayMapper")]
    )
    assert partition_date(schedule(A, a=product), "us|2026-01-15") is not None
    assert partition_date(schedule(A, a=product), "2026-01-15") is None


def test_too_many_partitions_of_one_event() -> None:
    def fan_out(**options: int) -> PartitionMapperSpec:
        return mapper(
            "FanOutMapper",
            upstream_mapper=nested("StartOfMonthMapper", input_format="%Y-%m"),
            window=nested("MonthWindow"),
            **options,
        )

    assert len(map_keys(fan_out(), "2026-01")) == 31
    with pytest.raises(UserError, match="makes 31 partitions") as caught:
        map_keys(fan_out(), "2026-01", limit=30)
    assert "max_downstream_keys" in (caught.value.hint or "")
    with pytest.raises(UserError, match="at most 7 are allowed"):
        map_keys(fan_out(max_downstream_keys=7), "2026-01")
    assert len(map_keys(fan_out(max_downstream_keys=40), "2026-01", limit=30)) == 31


@pytest.mark.parametrize(
    ("spec", "key", "why"),
    [
        (mapper("AllowedKeyMapper", allowed_keys=["us"]), "eu", "not among the allowed keys"),
        (mapper("StartOfDayMapper"), "today", "does not fit the format"),
        (
            mapper("ProductMapper", mappers=[nested("IdentityMapper")] * 2),
            "a|b|c",
            "3 segments",
        ),
        (
            mapper(
                "FanOutMapper",
                upstream_mapper=nested("StartOfDayMapper", input_format="%Y-%m-%d"),
                window=nested("QuarterWindow"),
            ),
            "2026-01-15",
            "in the middle of a month",
        ),
        (
            mapper(
                "ProductMapper",
                mappers=[
                    nested("IdentityMapper"),
                    nested(
                        "FanOutMapper",
                        upstream_mapper=nested("StartOfWeekMapper", input_format="%Y-%m-%d"),
                        window=nested("WeekWindow"),
                    ),
                ],
            ),
            "us|2026-01-15",
            "makes 7 keys of one",
        ),
        (
            mapper(
                "FanOutMapper",
                upstream_mapper=nested("StartOfWeekMapper", output_format="%Y week %W"),
                window=nested("WeekWindow"),
            ),
            "2026-01-15T00:00:00",
            "output_format needs|cannot be read",
        ),
    ],
)
def test_keys_that_are_not_taken(spec: PartitionMapperSpec, key: str, why: str) -> None:
    with pytest.raises(UserError, match=why) as caught:
        map_keys(spec, key)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (mapper("MyMapper"), "'MyMapper' is not known"),
        (mapper("StartOfAgesMapper"), "'StartOfAgesMapper' is not known"),
        (mapper("FixedKeyMapper", downstream_key=""), "downstream key ''"),
        (mapper("StartOfDayMapper", timezone="Mars/Olympus"), "Unknown time zone"),
        (mapper("StartOfWeekMapper", output_format="%Y-%Y"), "a directive twice"),
        (
            mapper(
                "FanOutMapper",
                upstream_mapper=nested("StartOfHourMapper"),
                window=nested("HourWindow"),
            ),
            "members of a HourWindow",
        ),
        (
            mapper(
                "FanOutMapper",
                upstream_mapper=nested("StartOfHourMapper"),
                window=nested("CenturyWindow"),
            ),
            "'CenturyWindow' is not known",
        ),
        (
            mapper(
                "FanOutMapper",
                upstream_mapper=nested("StartOfDayMapper"),
                window=nested("DayWindow", direction="sideways"),
            ),
            "direction 'sideways'",
        ),
        (
            mapper(
                "RollupMapper",
                upstream_mapper=nested("IdentityMapper"),
                window=nested("DayWindow"),
            ),
            "cannot count the keys",
        ),
        (
            mapper(
                "RollupMapper",
                upstream_mapper=nested("StartOfDayMapper"),
                window=nested("SegmentWindow", segments=["a"]),
            ),
            "cannot count the keys",
        ),
        (
            mapper(
                "FanOutMapper",
                upstream_mapper=nested("IdentityMapper"),
                window=nested("DayWindow"),
            ),
            "cannot count the keys",
        ),
        (
            mapper(
                "RollupMapper",
                upstream_mapper=nested("IdentityMapper"),
                window=nested("SegmentWindow", segments=["a"]),
                wait_policy=nested("MinimumCount", n=0),
            ),
            "never wait",
        ),
        (
            mapper(
                "RollupMapper",
                upstream_mapper=nested("IdentityMapper"),
                window=nested("SegmentWindow", segments=["a"]),
                wait_policy=nested("WaitForGodot"),
            ),
            "'WaitForGodot' is not known",
        ),
        (
            mapper(
                "RollupMapper",
                upstream_mapper=nested("IdentityMapper"),
                window=nested("SegmentWindow", segments=["a", ""]),
            ),
            r"segments \['a', ''\]",
        ),
    ],
)
def test_mappers_that_cannot_be(spec: PartitionMapperSpec, why: str) -> None:
    with pytest.raises(InvalidDag, match=why) as caught:
        validate(schedule(A, a=spec))
    assert caught.value.hint
    validate(schedule(A, B))
