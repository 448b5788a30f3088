"""Timetables beyond the recorded facts: what holds for all, and the kinds that Airflow has not."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from dateutil.relativedelta import FR, MO, relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.core import timetables
from tradewind.core.dag import (
    AssetOrTimeSchedule,
    AssetRef,
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
    PartitionMapperSpec,
    SerializedDag,
    Slot,
    TaskSpec,
    Timetable,
)
from tradewind.core.errors import InvalidDag, UserError
from tradewind.core.timetables import Interval, partition
from tradewind.core.zones import from_wall_clock, zone

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the day before Berlin's clocks go forward
ASSET = AssetRef(name="a", uri="s3://a")
NOTHING_BY_TIME: list[Timetable] = [
    NullSchedule(),
    AssetSchedule(condition=ASSET),
    PartitionedAtRuntime(),
    PartitionedAssets(condition=ASSET, default_mapper=PartitionMapperSpec(kind="IdentityMapper")),
]


Dates = tuple[str | None, str | None]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def next_slot(
    timetable: Timetable,
    *,
    last: Slot | None = None,
    earliest: datetime | None = None,
    latest: datetime | None = None,
    catchup: bool = True,
    now: datetime = NOW,
) -> Slot | None:
    return timetables.next_slot(
        timetable, last=last, earliest=earliest, latest=latest, catchup=catchup, now=now
    )


def interval(start: str, end: str) -> Slot:
    return Slot(
        logical_date=at(start), interval_start=at(start), interval_end=at(end), run_after=at(end)
    )


# --- what holds for all ---------------------------------------------------------------------------

MONTH = st.sampled_from(["*", "*/3", "2", "11-2"])
FIELD = st.sampled_from(["*", "*/2", "*/5", "0", "3", "1-4", "2,5", "4-2"])
EXPRESSIONS = st.one_of(
    st.builds("{} {} {} {} {}".format, FIELD, FIELD, st.sampled_from("*L19"), MONTH, FIELD),
    st.sampled_from(["@hourly", "@daily", "@weekly", "30 2 * * *", "0 */3 * * 1#1", "0 0 30 2 *"]),
)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago"])
DISTANCES = st.sampled_from([900.0, 5400.0, 86400.0, {"months": 1}, {"days": 1, "weekday": 0}])
MOMENTS = st.datetimes(datetime(2022, 1, 1), datetime(2026, 12, 31)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


BY_CALENDAR: st.SearchStrategy[Timetable] = st.one_of(
    st.builds(CronTrigger, crons=st.lists(EXPRESSIONS, min_size=1, max_size=3), timezone=ZONES),
    st.builds(CronInterval, cron=EXPRESSIONS, timezone=ZONES),
    st.builds(CronPartition, cron=EXPRESSIONS, timezone=ZONES),
)
PERIODIC: st.SearchStrategy[Timetable] = st.one_of(
    BY_CALENDAR,
    st.builds(DeltaTrigger, delta=DISTANCES),
    st.builds(
        DeltaInterval, delta=DISTANCES.filter(lambda delta: delta != {"days": 1, "weekday": 0})
    ),
)


@given(timetable=PERIODIC, start=MOMENTS)
@settings(max_examples=150, deadline=None)
def test_catching_up_goes_forward_and_gives_each_slot_once(
    timetable: Timetable, start: datetime
) -> None:
    slots = list(islice(chain(timetable, start, start, catchup=True), 30))
    assert all(before.run_after < after.run_after for before, after in pairwise(slots))
    assert all(slot.run_after >= start for slot in slots)
    if isinstance(timetable, CronInterval | DeltaInterval):
        for before, after in pairwise(slots):
            assert before.interval_end == after.interval_start or near_a_change(
                timetable, after.run_after
            )


def chain(timetable: Timetable, earliest: datetime, now: datetime, *, catchup: bool):
    slot = None
    while slot := next_slot(timetable, last=slot, earliest=earliest, catchup=catchup, now=now):
        yield slot


@given(timetable=BY_CALENDAR, start=MOMENTS, hours=st.integers(1, 60))
@settings(max_examples=150, deadline=None)
def test_without_catchup_the_newest_due_slot_comes_first(
    timetable: Timetable, start: datetime, hours: int
) -> None:
    """It is one that catching up would give, and nothing that is due follows it."""
    now = start + timedelta(hours=hours)
    skipped_to = next_slot(timetable, earliest=start, catchup=False, now=now)
    caught_up = {}
    for slot in chain(timetable, start, now, catchup=True):
        caught_up[slot.run_after] = slot
        if slot.run_after > now + timedelta(hours=1):
            break
    due = [run_after for run_after in caught_up if run_after <= now]
    if skipped_to is None:
        assert not caught_up
    elif due and not near_a_change(timetable, now):
        assert skipped_to.run_after == max(due)
    if skipped_to is not None and skipped_to.run_after <= now:
        following = next_slot(timetable, last=skipped_to, earliest=start, catchup=False, now=now)
        assert following is None or following.run_after > skipped_to.run_after


def near_a_change(timetable: Timetable, moment: datetime) -> bool:
    """Within a day of a change of clocks Airflow's ticks forward and back are not the same."""
    where = zone(getattr(timetable, "timezone", "UTC"))
    day = timedelta(days=1)
    offsets = {(moment + n * day).astimezone(where).utcoffset() for n in (-1, 0, 1)}
    return len(offsets) > 1


@given(timetable=PERIODIC, start=MOMENTS, hours=st.integers(0, 500))
@settings(max_examples=100, deadline=None)
def test_a_backfill_has_what_catching_up_has(
    timetable: Timetable, start: datetime, hours: int
) -> None:
    end = start + timedelta(hours=hours)
    slots = list(islice(timetables.slots_between(timetable, start, end), 50))
    if not isinstance(timetable, CronPartition):  # there the bounds are local time
        limited = timetables.next_slots(
            timetable, last=None, earliest=start, latest=end, catchup=True, now=end, count=50
        )
        assert slots == limited
        dates = [slot.logical_date for slot in slots]
        assert dates == sorted(dates)


@given(shown=st.datetimes(datetime(2022, 1, 1), datetime(2026, 12, 31)), where=ZONES)
def test_the_wall_clock_shows_the_time_or_one_that_it_skips(shown: datetime, where: str) -> None:
    moment = from_wall_clock(shown, zone(where))
    shows = moment.astimezone(zone(where)).replace(tzinfo=None)
    assert shows == shown or timedelta() < shows - shown <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("own", "tasks", "limits"),
    [
        ((None, None), [], (None, None)),
        (("2026-01-01", "2026-02-01"), [(None, None)], ("2026-01-01", "2026-02-01")),
        (("2026-01-01", None), [("2026-01-05", "2026-01-09")], ("2026-01-01", "2026-01-09")),
        (
            (None, None),
            [("2026-01-05", "2026-01-09"), ("2026-01-02", "2026-01-20"), (None, "2026-01-10")],
            ("2026-01-02", "2026-01-20"),
        ),
        ((None, None), [(None, "2026-01-09"), (None, None)], (None, None)),
    ],
)
def test_time_limits(own: Dates, tasks: list[Dates], limits: Dates) -> None:
    dag = SerializedDag(
        schema=1,
        dag_id="d",
        file="d.py",
        timetable=NullSchedule(),
        tasks=[
            TaskSpec(
                task_id=str(number),
                label="",
                operator="",
                start_date=start and at(start),
                end_date=end and at(end),
            )
            for number, (start, end) in enumerate(tasks)
        ],
        start_date=own[0] and at(own[0]),
        end_date=own[1] and at(own[1]),
    )
    assert timetables.time_limits(dag) == tuple(limit and at(limit) for limit in limits)


def test_a_dags_slots_begin_with_the_dates_of_its_tasks() -> None:
    task = TaskSpec(task_id="a", label="", operator="", start_date=at("2026-01-03"))
    dag = SerializedDag(
        schema=1,
        dag_id="d",
        file="d.py",
        timetable=CronTrigger(crons=["0 0 * * *"]),
        catchup=True,
        tasks=[task],
    )
    first = timetables.following_slot(dag, None, at("2026-02-01"))
    assert first is not None
    assert first.run_after == at("2026-01-03")
    second = timetables.following_slot(dag, first, at("2026-02-01"))
    assert second is not None
    assert second.run_after == at("2026-01-04")


# --- clocks that change ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cron", "day", "expected"),
    [
        ("30 2 * * *", "2026-03-29", ["01:30"]),  # skipped: runs at 03:30
        ("30 2 * * *", "2026-10-25", ["01:30"]),  # twice: runs at the second one
        ("0 1-4 * * *", "2026-03-28T23:30", ["00:00", "01:00", "02:00"]),
        ("0 * * * *", "2026-10-24T23:30", ["00:00", "01:00", "02:00", "03:00"]),
    ],
)
def test_berlin(cron: str, day: str, expected: list[str]) -> None:
    timetable = CronTrigger(crons=[cron], timezone="Europe/Berlin")
    start = at(day)
    slots = list(timetables.slots_between(timetable, start, start + timedelta(hours=4)))
    assert [f"{slot.run_after:%H:%M}" for slot in slots] == expected


def test_a_day_is_24_hours_for_a_timedelta() -> None:
    slots = timetables.slots_between(
        DeltaTrigger(delta=86400.0), at("2026-03-28T02:30"), at("2026-03-30T12:00")
    )
    assert {f"{slot.run_after:%H:%M}" for slot in slots} == {"02:30"}


def test_hourly_intervals_get_over_a_change_of_half_an_hour() -> None:
    """Airflow's do not: it raises, and the DAG is never scheduled again."""
    timetable = CronInterval(cron="0 * * * *", timezone="Australia/Lord_Howe")
    start, end = at("2026-04-04T10:00"), at("2026-04-05T10:00")
    slots = list(timetables.slots_between(timetable, start, end))
    assert len(slots) >= 24
    for before, after in pairwise(slots):
        assert before.interval_end == after.interval_start


# --- one kind after the other ---------------------------------------------------------------------


@pytest.mark.parametrize("timetable", NOTHING_BY_TIME)
def test_nothing_happens_by_time_alone(timetable: Timetable) -> None:
    assert next_slot(timetable, earliest=NOW) is None
    assert list(timetables.slots_between(timetable, NOW, NOW)) == []
    assert timetables.manual_interval(timetable, NOW) == Interval(NOW, NOW)
    timetables.validate(timetable)


def test_what_can_be_scheduled() -> None:
    assert timetables.can_be_scheduled(AssetSchedule(condition=ASSET))
    assert timetables.can_be_scheduled(OnceSchedule())
    assert not timetables.can_be_scheduled(NullSchedule())
    assert not timetables.can_be_scheduled(PartitionedAtRuntime())
    assert not timetables.can_be_scheduled(CustomSchedule(classpath="x", can_be_scheduled=False))
    assert not timetables.can_be_scheduled(
        AssetOrTimeSchedule(condition=ASSET, timetable=NullSchedule())
    )


def test_summaries() -> None:
    found = [timetables.summary(timetable) for timetable in NOTHING_BY_TIME]
    assert found == [None, "Asset", "PartitionedAtRuntime", "Partitioned Asset"]
    by_day = CronTrigger(crons=["@daily"])
    both = AssetOrTimeSchedule(condition=ASSET, timetable=by_day)
    assert timetables.summary(both) == "Asset or 0 0 * * *"
    assert timetables.description(both) == "Triggered by assets or At 00:00"
    never = AssetOrTimeSchedule(condition=ASSET, timetable=NullSchedule())
    assert timetables.summary(never) == "Asset or None"
    custom = CustomSchedule(classpath="plugins.workdays.AfterWorkday")
    assert timetables.summary(custom) == "AfterWorkday"
    assert timetables.description(custom) == ""
    assert timetables.summary(DeltaTrigger(delta=90061.0)) == "1 day, 1:01:01"
    assert timetables.summary(DeltaInterval(delta={"months": 1})) == "relativedelta(months=+1)"
    assert timetables.description(NullSchedule()) == "Never, external triggers only"


def test_asset_or_time_is_the_timetable_for_time() -> None:
    inner = CronInterval(cron="0 0 * * *")
    both = AssetOrTimeSchedule(condition=ASSET, timetable=inner)
    assert next_slot(both, earliest=NOW) == next_slot(inner, earliest=NOW)
    assert timetables.manual_interval(both, NOW) == timetables.manual_interval(inner, NOW)
    assert timetables.active_runs_limit(both) is None
    timetables.validate(both)
    with pytest.raises(InvalidDag, match="asset schedule as its timetable"):
        timetables.validate(
            AssetOrTimeSchedule(condition=ASSET, timetable=AssetSchedule(condition=ASSET))
        )
    with pytest.raises(InvalidDag, match="'99' is not a valid minute"):
        timetables.validate(
            AssetOrTimeSchedule(condition=ASSET, timetable=CronInterval(cron="99 * * * *"))
        )


def test_continuous_runs_follow_each_other() -> None:
    timetable = ContinuousSchedule()
    assert timetables.active_runs_limit(timetable) == 1
    first = next_slot(timetable, earliest=NOW - timedelta(hours=1))
    assert first is not None
    assert (first.interval_start, first.run_after) == (NOW - timedelta(hours=1), NOW)
    later = NOW + timedelta(minutes=7)
    second = next_slot(timetable, last=first, earliest=NOW - timedelta(hours=1), now=later)
    assert second is not None
    assert (second.interval_start, second.interval_end, second.run_after) == (NOW, later, later)
    assert list(timetables.slots_between(timetable, NOW, later)) == []
    assert timetables.next_slots(
        timetable, last=None, earliest=None, latest=None, catchup=True, now=NOW, count=9
    ) == [next_slot(timetable)]


def test_a_continuous_timetable_ends_with_the_calendar() -> None:
    day = timedelta(days=1)
    end = datetime(9999, 12, 31, 12, tzinfo=UTC)
    first = next_slot(ContinuousSchedule(), earliest=end - day, now=end)
    assert first is not None
    assert next_slot(ContinuousSchedule(), last=first, earliest=end, now=end - day) is None


def test_next_slots_are_what_will_run() -> None:
    slots = timetables.next_slots(
        CronTrigger(crons=["0 6 * * *"]),
        last=None,
        earliest=at("2020-01-01"),
        latest=at("2026-03-31T00:00"),
        catchup=False,
        now=NOW,
        count=9,
    )
    assert [f"{slot.run_after:%d %H}" for slot in slots] == ["28 06", "29 06", "30 06"]


def test_a_custom_timetable_says_what_its_class_computed() -> None:
    days = [interval(f"2026-03-{day}", f"2026-03-{day + 1}") for day in range(24, 30)]
    timetable = CustomSchedule(classpath="x.Y", upcoming=days)
    timetables.validate(timetable)
    assert next_slot(timetable) == days[0]
    assert next_slot(timetable, last=days[0]) == days[1]
    assert next_slot(timetable, catchup=False) == days[3]  # ended at midnight
    assert next_slot(timetable, last=days[3], catchup=False) == days[4]
    assert next_slot(timetable, earliest=at("2026-03-26")) == days[2]
    assert next_slot(timetable, latest=at("2026-03-23")) is None
    assert (
        list(timetables.slots_between(timetable, at("2026-03-25"), at("2026-03-27"))) == days[1:4]
    )


def test_when_a_custom_timetable_must_be_asked_again() -> None:
    day = interval("2026-03-24", "2026-03-25")
    timetable = CustomSchedule(classpath="x.Y", upcoming=[day])
    assert not timetables.needs_child(timetable)
    assert timetables.needs_child(timetable, day)
    assert next_slot(timetable, last=day) is None
    assert timetables.needs_child(
        AssetOrTimeSchedule(condition=ASSET, timetable=CustomSchedule(classpath="x.Y"))
    )
    ended = CustomSchedule(classpath="x.Y", upcoming=[day], exhausted=True)
    assert not timetables.needs_child(ended, day)
    assert not timetables.needs_child(OnceSchedule())


def test_events_in_their_order() -> None:
    games = [at("2026-03-01"), at("2026-03-28T12:00"), at("2026-05-01")]
    timetable = EventsSchedule(event_dates=games)
    assert next_slot(timetable, catchup=True) == interval("2026-03-01", "2026-03-01")
    now = next_slot(timetable, catchup=False)
    assert now is not None
    assert now.run_after == games[1]
    assert next_slot(timetable, last=interval("2026-05-01", "2026-05-01")) is None
    assert next_slot(timetable, earliest=at("2026-04-01"), latest=at("2026-04-30")) is None


def test_a_partitioned_cron_run_has_a_key() -> None:
    timetable = CronPartition(
        cron="0 0 * * *",
        timezone="Asia/Tokyo",
        arguments={"run_offset": -1, "key_format": "%Y-%m-%d"},
    )
    slot = next_slot(timetable, earliest=NOW)
    assert slot is not None
    assert (slot.logical_date, slot.interval_end) == (None, None)
    assert slot.run_after == at("2026-03-28T15:00")  # midnight in Tokyo
    assert (slot.partition_key, slot.partition_date) == ("2026-03-28", at("2026-03-27T15:00"))
    assert partition.slot_at(timetable, slot.run_after) == slot
    assert partition.partition_date(timetable, "2026-03-28") == slot.partition_date
    with pytest.raises(UserError, match="does not fit the timetable's key format '%Y-%m-%d'"):
        partition.partition_date(timetable, "28.3.")
    with pytest.raises(InvalidDag, match="run_offset"):
        timetables.validate(CronPartition(cron="@daily", arguments={"run_offset": 1.5}))
    timetables.validate(timetable)


def test_a_schedule_that_never_comes() -> None:
    never = "0 0 30 2 *"
    assert next_slot(CronTrigger(crons=[never])) is None
    assert next_slot(CronPartition(cron=never)) is None
    assert next_slot(CronInterval(cron=never), earliest=NOW) is None
    assert timetables.manual_interval(CronInterval(cron=never), NOW) == Interval(NOW, NOW)
    assert list(timetables.slots_between(CronPartition(cron=never), NOW, NOW)) == []
    yearly = CronTrigger(crons=[never, "@yearly"])
    slot = next_slot(yearly, earliest=NOW)
    assert slot is not None
    assert slot.run_after == at("2027-01-01")


def test_fixed_offsets_are_zones_too() -> None:
    slot = next_slot(CronTrigger(crons=["@daily"], timezone="-03:30"), earliest=NOW)
    assert slot is not None
    assert slot.run_after == at("2026-03-29T03:30")


# --- distances ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delta", "encoded"),
    [
        (timedelta(hours=1, milliseconds=500), 3600.5),
        (relativedelta(months=1), {"months": 1}),
        (relativedelta(years=1, leapdays=1), {"years": 1, "leapdays": 1}),
        (relativedelta(weeks=2, hours=1.5), {"days": 14, "seconds": 5400}),
        (relativedelta(months=1, day=31, hour=0), {"months": 1, "day": 31, "hour": 0}),
        (relativedelta(days=1, weekday=MO), {"days": 1, "weekday": 0}),
        (relativedelta(months=1, weekday=FR(-1)), {"months": 1, "weekday": 4, "weekday_n": -1}),
    ],
)
def test_distances_keep_their_meaning(
    delta: timedelta | relativedelta, encoded: float | dict[str, int]
) -> None:
    assert timetables.encode_delta(delta) == encoded
    decoded = timetables.decode_delta(encoded)
    assert NOW + decoded == NOW + delta
    timetables.validate(DeltaTrigger(delta=encoded))


@pytest.mark.parametrize(
    "delta",
    [
        *(0.0, -60.0, {"day": 1}, {"weekday": 0}, {"months": -1}, {"days": 1, "months": -1}),
        *({"hour": 23}, {"months": 1, "days": -29}),
        timedelta.max.total_seconds(),
    ],
)
def test_distances_that_lead_nowhere_are_refused(delta: float | dict[str, int]) -> None:
    for timetable in (DeltaTrigger(delta=delta), DeltaInterval(delta=delta)):
        with pytest.raises(InvalidDag, match="does not lead forward") as caught:
            timetables.validate(timetable)
        assert caught.value.hint


def test_a_distance_that_stands_still_later_ends_the_schedule() -> None:
    """It leads nowhere from 2031 on; a search for the next moment must not go on for ever."""
    timetable = DeltaInterval(delta={"days": 1, "year": 2030})
    end = at("2030-12-31")
    last = Slot(logical_date=end, interval_start=end, interval_end=end, run_after=end)
    planned = timetables.next_slot(
        timetable, last=last, earliest=None, latest=None, catchup=True, now=at("2031-06-01")
    )
    assert planned is None


@pytest.mark.parametrize(
    "timetable",
    [
        DeltaTrigger(delta={"years": 5000}, interval=86400.0),
        DeltaInterval(delta=86400.0 * 365 * 5000),
        DeltaTrigger(delta=86400.0, interval=timedelta.max.total_seconds()),
        CronTrigger(crons=["0 0 1 1 *"], interval=86400.0 * 365 * 5000),
        CronInterval(cron="0 0 1 1 *", timezone="America/New_York"),
    ],
)
def test_the_calendar_ends_a_schedule(timetable: Timetable) -> None:
    for end in (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)):
        timetables.manual_interval(timetable, end)
        last = Slot(logical_date=end, interval_start=end, interval_end=end, run_after=end)
        for catchup in (True, False):
            timetables.next_slot(
                timetable, last=last, earliest=end, latest=None, catchup=catchup, now=end
            )


def test_a_partition_cannot_be_ticks_without_number_away() -> None:
    with pytest.raises(InvalidDag, match="run_offset"):
        timetables.validate(CronPartition(cron="0 0 * * *", arguments={"run_offset": 10**9}))


def test_months_drift_as_in_airflow() -> None:
    slots = timetables.slots_between(
        DeltaTrigger(delta={"months": 1}), at("2025-10-31"), at("2026-03-28")
    )
    assert [f"{slot.run_after:%d %b}" for slot in slots] == [
        "31 Oct",
        "30 Nov",
        "30 Dec",
        "30 Jan",
        "28 Feb",
        "28 Mar",
    ]
