from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
from dateutil.relativedelta import relativedelta

from tradewind import sdk
from tradewind.core import dag as core
from tradewind.core.errors import InvalidDag
from tradewind.sdk import DAG, Asset, AssetAlias, DagRunInfo, DataInterval, TimeRestriction
from tradewind.sdk.custom_timetables import Timetable, upcoming_slots
from tradewind.sdk.exceptions import AirflowTimetableInvalid
from tradewind.sdk.serialize import serialize_dag
from tradewind.sdk.timetables import ContinuousTimetable, OnceTimetable

START = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C = Asset("a"), Asset("b", uri="s3://bucket/b/"), Asset("c")


def ref(name: str, uri: str | None = None) -> core.AssetRef:
    return core.AssetRef(name=name, uri=uri or name)


SPECS: list[tuple[Any, core.Timetable]] = [
    (None, core.NullSchedule()),
    ("@once", core.OnceSchedule()),
    (OnceTimetable(), core.OnceSchedule()),
    ("@continuous", core.ContinuousSchedule()),
    (ContinuousTimetable(), core.ContinuousSchedule()),
    ("@hourly", core.CronTrigger(crons=["0 * * * *"], run_immediately=False)),
    (timedelta(hours=2), core.DeltaTrigger(delta=7200.0)),
    (relativedelta(months=1), core.DeltaTrigger(delta={"months": 1})),
    (
        sdk.CronTriggerTimetable(
            "0 2 * * *",
            timezone=ZoneInfo("Europe/Berlin"),
            interval=timedelta(days=1),
            run_immediately=timedelta(minutes=5),
        ),
        core.CronTrigger(
            crons=["0 2 * * *"], timezone="Europe/Berlin", interval=86400.0, run_immediately=300.0
        ),
    ),
    (
        sdk.MultipleCronTriggerTimetable("0 1 * * *", "0 2 * * *", timezone="UTC"),
        core.CronTrigger(crons=["0 1 * * *", "0 2 * * *"], run_immediately=False),
    ),
    (
        sdk.CronDataIntervalTimetable("@daily", timezone=pendulum.timezone("Asia/Tokyo")),
        core.CronInterval(cron="0 0 * * *", timezone="Asia/Tokyo"),
    ),
    (sdk.DeltaDataIntervalTimetable(timedelta(days=1)), core.DeltaInterval(delta=86400.0)),
    (
        sdk.EventsTimetable([datetime(2026, 2, 1), pendulum.datetime(2026, 1, 1, tz="UTC")]),
        core.EventsSchedule(event_dates=[START, datetime(2026, 2, 1, tzinfo=UTC)]),
    ),
    (
        sdk.EventsTimetable([datetime(2026, 2, 1), datetime(2026, 1, 1)], presorted=True),
        core.EventsSchedule(event_dates=[datetime(2026, 2, 1, tzinfo=UTC), START]),
    ),
    ([A, B], core.AssetSchedule(condition=core.AssetAll(conditions=[ref("a"), ref("b", B.uri)]))),
    (A, core.AssetSchedule(condition=ref("a"))),
    (
        (A | B) & AssetAlias("x") & Asset.ref(uri="s3://r"),
        core.AssetSchedule(
            condition=core.AssetAll(
                conditions=[
                    core.AssetAny(conditions=[ref("a"), ref("b", B.uri)]),
                    core.AssetAliasRef(name="x"),
                    core.AssetUriRef(uri="s3://r"),
                ]
            )
        ),
    ),
    (
        sdk.AssetOrTimeSchedule(timetable=sdk.CronTriggerTimetable("@daily"), assets=[A]),
        core.AssetOrTimeSchedule(
            condition=core.AssetAll(conditions=[ref("a")]),
            timetable=core.CronTrigger(crons=["0 0 * * *"], run_immediately=False),
        ),
    ),
    (
        sdk.CronPartitionTimetable("@daily", timezone="UTC", run_offset=-1, key_format="%Y"),
        core.CronPartition(
            cron="0 0 * * *",
            arguments={"run_offset": -1, "run_immediately": False, "key_format": "%Y"},
        ),
    ),
    (sdk.PartitionedAtRuntime(), core.PartitionedAtRuntime()),
    (
        sdk.PartitionedAssetTimetable(
            A & B,
            partition_mapper_config={
                A: sdk.RollupMapper(
                    upstream_mapper=sdk.StartOfHourMapper(),
                    window=sdk.DayWindow(),
                    wait_policy=sdk.MinimumCount(-2),
                )
            },
            default_partition_mapper=sdk.StartOfDayMapper(timezone=ZoneInfo("Asia/Tokyo")),
        ),
        core.PartitionedAssets(
            condition=core.AssetAll(conditions=[ref("a"), ref("b", B.uri)]),
            default_mapper=core.PartitionMapperSpec(
                kind="StartOfDayMapper",
                arguments={"timezone": "Asia/Tokyo", "input_format": "%Y-%m-%dT%H:%M:%S"},
            ),
            mappers={
                "a": core.PartitionMapperSpec(
                    kind="RollupMapper",
                    arguments={
                        "upstream_mapper": {
                            "kind": "StartOfHourMapper",
                            "arguments": {"timezone": "UTC", "input_format": "%Y-%m-%dT%H:%M:%S"},
                        },
                        "window": {"kind": "DayWindow", "arguments": {"direction": "forward"}},
                        "wait_policy": {"kind": "MinimumCount", "arguments": {"n": -2}},
                    },
                )
            },
        ),
    ),
]


@pytest.mark.parametrize(("schedule", "spec"), SPECS)
def test_what_a_schedule_means(schedule: Any, spec: core.Timetable) -> None:
    assert serialize_dag(DAG("d", schedule=schedule, start_date=START), "f.py").timetable == spec


@pytest.mark.parametrize(
    "make",
    [
        lambda: sdk.MinimumCount(0),
        lambda: sdk.SegmentWindow([]),
        lambda: sdk.SegmentWindow([""]),
        lambda: sdk.FixedKeyMapper(""),
        lambda: sdk.StartOfDayMapper(max_downstream_keys=0),
        lambda: sdk.CronPartitionTimetable("@daily", timezone="UTC", run_offset="x"),
        lambda: sdk.RollupMapper(upstream_mapper=sdk.IdentityMapper(), window=sdk.DayWindow()),
        lambda: sdk.ProductMapper(sdk.IdentityMapper()),
        lambda: sdk.MultipleCronTriggerTimetable(timezone="UTC"),
    ],
)
def test_misuse(make: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        make()


class EverySecondDay(Timetable):
    """Two days at a time, up to ten days after the start."""

    description = "every second day"

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        assert restriction.earliest is not None
        last = last_automated_data_interval
        start = restriction.earliest if last is None else last.end
        if start >= restriction.earliest.add(days=10):
            return None
        return DagRunInfo.interval(start, start.add(days=2))


def test_slots_of_a_users_timetable() -> None:
    dag = DAG("d", schedule=EverySecondDay(), start_date=START, catchup=True)

    document = serialize_dag(dag, "f.py")
    slots, exhausted = upcoming_slots(dag.timetable, dag, None, 2)
    more, ended = upcoming_slots(dag.timetable, dag, slots[-1], 20)

    days = [START + timedelta(days=2 * number) for number in range(6)]
    expected = [
        core.Slot(logical_date=start, interval_start=start, interval_end=end, run_after=end)
        for start, end in pairwise(days)
    ]
    assert slots + more == expected
    assert (exhausted, ended) == (False, True)
    assert document.timetable == core.CustomSchedule(
        classpath=f"{__name__}.EverySecondDay", upcoming=expected, exhausted=True
    )
    assert document.timetable_summary == "EverySecondDay"
    assert document.timetable_description == "every second day"


def test_a_subclass_with_its_own_answer_is_a_users_timetable() -> None:
    class NotBeforeNoon(sdk.CronTriggerTimetable):
        def next_dagrun_info(self, **question: Any) -> Any:
            info = super().next_dagrun_info(**question)
            return info and DagRunInfo.exact(info.run_after.add(hours=12))

    end = datetime(2026, 1, 3, tzinfo=UTC)
    dag = DAG("d", schedule=NotBeforeNoon("@daily"), start_date=START, end_date=end, catchup=True)

    timetable = serialize_dag(dag, "f.py").timetable
    assert isinstance(timetable, core.CustomSchedule)
    assert [slot.run_after.hour for slot in timetable.upcoming] == [12, 12, 12]


def test_timetables_that_answer_nonsense() -> None:
    class Wrong(Timetable):
        def next_dagrun_info(self, **question: Any) -> Any:
            return "tomorrow"

    with pytest.raises(InvalidDag, match=r"'d' is wrong: .* 'tomorrow' instead of a DagRunInfo"):
        serialize_dag(DAG("d", schedule=Wrong(), start_date=START), "f.py")

    class Invalid(Timetable):
        def validate(self) -> None:
            raise AirflowTimetableInvalid("not on Mondays")

    with pytest.raises(InvalidDag, match="'d': not on Mondays"):
        serialize_dag(DAG("d", schedule=Invalid()), "f.py")


def test_our_timetables_can_be_asked_like_airflows() -> None:
    daily = sdk.CronDataIntervalTimetable("0 0 * * *", timezone="UTC")
    at = pendulum.datetime(2026, 1, 5, 12)

    info = daily.next_dagrun_info(
        last_automated_data_interval=DataInterval(
            pendulum.datetime(2026, 1, 1), pendulum.datetime(2026, 1, 2)
        ),
        restriction=TimeRestriction(pendulum.datetime(2026, 1, 1), None, True),
    )

    assert info is not None
    assert info.data_interval == (pendulum.datetime(2026, 1, 2), pendulum.datetime(2026, 1, 3))
    assert info.logical_date == pendulum.datetime(2026, 1, 2)
    assert daily.infer_manual_data_interval(run_after=at) == (
        pendulum.datetime(2026, 1, 4),
        pendulum.datetime(2026, 1, 5),
    )
    assert daily.summary == "0 0 * * *"
