"""Record what Apache Airflow's timetables say, for tests/unit/core/test_timetable_facts.py.

Run it with a Python that has Apache Airflow 3.3 (its database is not touched):

    AIRFLOW_HOME=$(mktemp -d) python tests/tools/record_timetable_facts.py tests/unit/core/facts

Timetables are written as the documents of `tradewind.core.dag`, moments as seconds since 1970.
"""

import json
import lzma
import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pendulum
from airflow.exceptions import AirflowTimetableInvalid
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.events import EventsTimetable
from airflow.timetables.interval import CronDataIntervalTimetable, DeltaDataIntervalTimetable
from airflow.timetables.simple import ContinuousTimetable, NullTimetable, OnceTimetable
from airflow.timetables.trigger import (
    CronPartitionTimetable,
    CronTriggerTimetable,
    DeltaTriggerTimetable,
    MultipleCronTriggerTimetable,
)
from croniter import CroniterBadDateError
from dateutil.relativedelta import relativedelta, weekday

FIRST_YEAR, LAST_YEAR = 2022, 2026

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",  # winter time is the exception there
    "America/New_York",
    "America/St_Johns",  # half an hour off
    "America/Santiago",  # changes at midnight, to the south of the equator
    "America/Sao_Paulo",  # changes no more
    "Africa/Casablanca",  # goes back for Ramadan
    "Africa/Cairo",  # began again in 2023, at midnight
    "Asia/Kathmandu",  # quarter of an hour off
    "Asia/Beirut",
    "Australia/Lord_Howe",  # changes by half an hour
    "Pacific/Apia",
    "+05:30",
]

DAILY = ["30 2 * * *", "0 9 * * MON-FRI", "0 0 * * *"]

CRONS = [
    "0 * * * *",
    "*/15 * * * *",
    "30 */2 * * *",
    "0 */4 * * *",
    "30 1 * * *",
    "0 2 * * *",
    "45 2,3 * * *",
    "0 0-23/3 * * *",
    "10 22-4/3 * * *",
    "5 0 * * SUN",
    "*/30 * * * * 15",
    "59 1 * * * 59",
    "@hourly",
    "@daily",
    "@midnight",
]

LONG_CRONS = [
    "@weekly",
    "@monthly",
    "@quarterly",
    "@yearly",
    "@annually",
    "0 3 L * *",
    "0 3 15,L * *",
    "0 3 20-L * *",
    "0 3 * * MON#1",
    "0 3 * * TUE#5",
    "0 3 * * MON-WED#2",
    "0 3 * * L5",
    "0 3 * * L0,1#2",
    "0 3 1 * MON",
    "0 3 */10 * MON",
    "0 3 13 * FRI",
    "0 3 13 * */2",
    "0 3 1-31 * MON",
    "0 3 * JAN TUE-THU",
    "0 3 * NOV-FEB FRI-MON",
    "0 3 ? * 5/2",
    "0 3 29 2 *",
    "0 3 31 * *",
    "0 3 30 1-12/2 ?",
    "0 3 * * 1-7/2",
    "15 2 1 1,4,7,10 *",
    "0 3 1-7 * MON#1",
    "0 12 31 DEC/3 *",
]

VALIDITY = [
    "", "* * * *", "* * * * *", "* * * * * *", "* * * * * * *", "* * * * * * 2030", "60 * * * *",
    "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *", "* * * * 8", "* * * * 7",
    "*/0 * * * *", "*/70 * * * *", "-1 * * * *", "1-0 * * * *", "5-1 * * * *", "a * * * *",
    "* * * FOO *", "* * * * FUN", "* * * jan-MAR *", "? * * * *", "* * ? * ?", "* * ?,1 * *",
    "* * L * *", "* * L-3 * *", "* * 3-L * *", "* * * * L", "* * * * 5L", "* * * * L5",
    "* * * * L8", "* * * * MON#0", "* * * * MON#6", "* * * * 1#5", "* * * * 1-5#2",
    "* * * * MON,TUE#2", "* * * * TUE,TUE#2", "* * * * *,TUE#2", "* * L * L5", "1,2, * * * *",
    "1--2 * * * *", "1/ * * * *", "/5 * * * *", "5/5/5 * * * *", "* * * * MON/2", "59/15 * * * *",
    "@hourly", "@Daily", "@quarterly", "@reboot", "@every 5m", "0 0 30 2 *", "1.5 * * * *",
    " 5   4  * * * ", "5\t4 * * *", "* * LW * *", "٥ * * * *", "* * * * MON-MON", "*,5 * * * *",
]  # fmt: skip

DELTAS: list[float | dict[str, int]] = [
    300.0,
    3600.0,
    86400.0,
    90000.0,
    604800.0,
    {"months": 1},
    {"months": 3},
    {"years": 1},
    {"days": 1},
    {"days": 2, "seconds": 3600},
    {"months": 1, "days": -1},
    {"days": 1, "weekday": 0},
    {"months": 1, "day": 31},
]


def seconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp())


def moment(at: int | None) -> Any:
    return None if at is None else pendulum.from_timestamp(at)


def distance(value: float | dict[str, int]) -> Any:
    if not isinstance(value, dict):
        return timedelta(seconds=value)
    fields: dict[str, Any] = dict(value)
    if "weekday" in fields:
        fields["weekday"] = weekday(fields["weekday"])
    return relativedelta(**fields)


def build(doc: dict[str, Any]) -> Any:
    """Airflow's timetable for one of our documents."""
    where = pendulum.timezone(_zone(doc.get("timezone", "UTC")))
    match doc["type"]:
        case "cron_trigger":
            immediately = doc.get("run_immediately")
            options = {
                "timezone": where,
                "interval": distance(doc.get("interval", 0.0)),
                "run_immediately": timedelta(seconds=immediately)
                if type(immediately) is float
                else immediately,
            }
            if len(doc["crons"]) > 1:
                return MultipleCronTriggerTimetable(*doc["crons"], **options)
            return CronTriggerTimetable(doc["crons"][0], **options)
        case "cron_interval":
            return CronDataIntervalTimetable(doc["cron"], where)
        case "delta_trigger":
            return DeltaTriggerTimetable(
                distance(doc["delta"]), interval=distance(doc.get("interval", 0.0))
            )
        case "delta_interval":
            return DeltaDataIntervalTimetable(distance(doc["delta"]))
        case "cron_partition":
            return CronPartitionTimetable(doc["cron"], timezone=where, **doc.get("arguments", {}))
        case "events":
            return EventsTimetable(
                [pendulum.parse(text) for text in doc["event_dates"]],
                restrict_to_events=doc.get("restrict_to_events", False),
                description=doc.get("description"),
            )
        case "once":
            return OnceTimetable()
        case "continuous":
            return ContinuousTimetable()
        case _:
            return NullTimetable()


def _zone(name: str) -> Any:
    if name[0] not in "+-":
        return name
    hours, minutes = name[1:].split(":")
    return int(name[0] + "1") * (int(hours) * 3600 + int(minutes) * 60)


@contextmanager
def now_is(at: int) -> Iterator[None]:
    now = datetime.fromtimestamp(at, UTC)
    with ExitStack() as stack:
        for place in (
            "airflow.timetables.trigger.utcnow",
            "airflow.timetables.interval.utcnow",
            "airflow._shared.timezones.timezone.utcnow",
        ):
            stack.enter_context(patch(place, lambda: now))
        stack.enter_context(patch("airflow.timetables.trigger.time.time", lambda: float(at)))
        yield


def slot(info: DagRunInfo | None) -> list[Any] | None:
    """[interval start, interval end, run_after] and, for a partition, [None, None, at, key]."""
    if info is None:
        return None
    if info.data_interval is None:
        return [None, None, seconds(info.run_after), info.partition_key]
    start, end = map(seconds, info.data_interval)
    return [start, end, seconds(info.run_after)]


def info(row: list[Any] | None) -> DagRunInfo | None:
    if row is None:
        return None
    interval = None if row[0] is None else DataInterval(moment(row[0]), moment(row[1]))
    return DagRunInfo(run_after=moment(row[2]), data_interval=interval)


# --- the families of facts ------------------------------------------------------------------------


def chain(doc: dict[str, Any], earliest: int, latest: int) -> list[dict[str, Any]]:
    """All slots between two moments, as the distances between runs and the lengths of intervals.

    None where Airflow gives up: hourly intervals do not get over Lord Howe's change of clocks.
    """
    timetable = build(doc)
    restriction = TimeRestriction(moment(earliest), moment(latest), True)
    runs: list[DagRunInfo] = []
    with now_is(latest):
        last = None
        try:
            while last := timetable.next_dagrun_info_v2(
                last_dagrun_info=last, restriction=restriction
            ):
                runs.append(last)
        except ValueError:
            return []
    moments = [earliest, *(seconds(run.run_after) for run in runs)]
    steps = [after - before for before, after in pairwise(moments)]
    lengths = [seconds(run.data_interval.end) - seconds(run.data_interval.start) for run in runs]
    return [
        {
            "timetable": doc,
            "earliest": earliest,
            "latest": latest,
            "steps": rle(steps),
            "lengths": rle(lengths),
        }
    ]


def rle(values: list[int]) -> list[list[int]]:
    return [[value, len(list(group))] for value, group in groupby(values)]


def transitions(name: str) -> list[int]:
    """When the clocks of a zone change in the years of the facts; their middle if they do not."""
    where = pendulum.timezone(_zone(name))
    start, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR, 12, 31, tzinfo=UTC)
    found, hour = [], start
    while hour < end:
        following = hour + timedelta(hours=1)
        if hour.astimezone(where).utcoffset() != following.astimezone(where).utcoffset():
            found.append(seconds(following))
        hour = following
    return found or [seconds(datetime(2024, 6, 1, tzinfo=UTC))]


def chains() -> Iterator[dict[str, Any]]:
    start = seconds(datetime(FIRST_YEAR, 1, 1, 0, 17, tzinfo=UTC))
    a_year_on = seconds(datetime(FIRST_YEAR + 1, 1, 1, tzinfo=UTC))
    end = seconds(datetime(LAST_YEAR, 12, 31, tzinfo=UTC))
    for number, name in enumerate(ZONES):
        # The long ones need all their five years only once.
        for cron in [DAILY[number % 3], *(LONG_CRONS if number == 1 else LONG_CRONS[number::14])]:
            doc = {"type": "cron_trigger", "crons": [cron], "timezone": name}
            yield from chain(doc, start, end)
            doc = {"type": "cron_interval", "cron": cron, "timezone": name}
            yield from chain(doc, start, a_year_on)
        for change in transitions(name):
            for cron in [*CRONS, *DAILY]:
                doc = {"type": "cron_trigger", "crons": [cron], "timezone": name}
                span = 6 * 3600 if cron.startswith("*/") else 86400
                yield from chain(doc, change - span - 420, change + span)
            for cron in ["0 * * * *", *DAILY]:
                doc = {"type": "cron_interval", "cron": cron, "timezone": name}
                yield from chain(doc, change - 90000, change + 90000)
    for delta in DELTAS:
        for kind in ("delta_trigger", "delta_interval"):
            doc = {"type": kind, "delta": delta}
            end_of_it = a_year_on if isinstance(delta, dict) or delta >= 86400 else start + 86400
            yield from chain(doc, start, end_of_it)


def random_timetables(rnd: random.Random) -> list[dict[str, Any]]:
    """Timetables for single questions."""
    docs: list[dict[str, Any]] = [{"type": "null"}, {"type": "once"}, {"type": "continuous"}]
    every = [*CRONS, *DAILY, *LONG_CRONS]
    for _ in range(60):
        docs.append(
            {
                "type": "cron_trigger",
                "crons": rnd.sample(every, rnd.choice([1, 1, 1, 2, 3])),
                "timezone": rnd.choice(ZONES),
                "interval": rnd.choice([0.0, 0.0, 3600.0, 86400.0, {"months": 1}]),
                "run_immediately": rnd.choice([None, False, True, 1800.0, 86400.0 * 20]),
            }
        )
        docs.append(
            {"type": "cron_interval", "cron": rnd.choice(every), "timezone": rnd.choice(ZONES)}
        )
    for delta in DELTAS:
        docs.append({"type": "delta_trigger", "delta": delta, "interval": rnd.choice(DELTAS)})
        docs.append({"type": "delta_interval", "delta": delta})
    docs += [
        {
            "type": "cron_partition",
            "cron": rnd.choice(every),
            "timezone": rnd.choice(ZONES),
            "arguments": {
                "run_offset": rnd.choice([None, 0, -1, 2]),
                "run_immediately": rnd.choice([False, True]),
                "key_format": rnd.choice(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d", "%Y/%j %z"]),
            },
        }
        for _ in range(20)
    ]
    events = ["2022-02-02T02:02:02+00:00", "2024-05-05T05:05:00+00:00", "2025-12-24T18:00:00+00:00"]
    docs.append({"type": "events", "event_dates": events})
    docs.append({"type": "events", "event_dates": events, "restrict_to_events": True})
    docs.append({"type": "events", "event_dates": events[:1], "description": "Games"})
    docs.append({"type": "events", "event_dates": [], "restrict_to_events": True})
    return docs


def questions(rnd: random.Random, docs: list[dict[str, Any]], count: int) -> Iterator[list[Any]]:
    """[timetable, earliest, latest, catchup, last slot, now, next slot]."""
    low = seconds(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC))
    high = seconds(datetime(LAST_YEAR, 6, 1, tzinfo=UTC))
    for _ in range(count):
        number = rnd.randrange(len(docs))
        doc = docs[number]
        timetable = build(doc)
        now = rnd.randrange(low, high)
        if rnd.random() < 0.5:
            now -= now % 3600  # on a tick of many
        earliest = rnd.choice([None, now - rnd.randrange(86400 * 500), now + rnd.randrange(10**6)])
        latest = rnd.choice([None, None, now + rnd.randrange(-(10**7), 10**7)])
        catchup = rnd.random() < 0.5
        last = None
        if rnd.random() < 0.6:  # a run that it made some time ago
            before = now - rnd.choice([60, 4000, 90000, rnd.randrange(10**7)])
            last = ask(timetable, None, earliest or before, None, catchup, before)
            if last is not None and rnd.random() < 0.1:  # the schedule has changed since
                other = build(rnd.choice(docs))
                last = ask(other, None, earliest or before, None, catchup, before) or last
        answer = ask(timetable, last, earliest, latest, catchup, now)
        yield [number, earliest, latest, catchup, last, now, answer]


def ask(
    timetable: Any,
    last: list[Any] | None,
    earliest: int | None,
    latest: int | None,
    catchup: bool,
    now: int,
) -> list[Any] | None:
    restriction = TimeRestriction(moment(earliest), moment(latest), catchup)
    with now_is(now):
        try:
            return slot(
                timetable.next_dagrun_info_v2(last_dagrun_info=info(last), restriction=restriction)
            )
        except CroniterBadDateError:  # Airflow logs it and plans nothing
            return None


def manual_runs(rnd: random.Random, docs: list[dict[str, Any]]) -> Iterator[list[Any]]:
    """[timetable, at, interval start, interval end]."""
    for number, doc in enumerate(docs):
        for _ in range(3):
            at = rnd.randrange(seconds(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)), 1780000000)
            interval = build(doc).infer_manual_data_interval(run_after=moment(at))
            yield [number, at, *map(seconds, interval)]


def partition_backfills() -> Iterator[list[Any]]:
    """[timetable, from, to, [[run_after, key], ...]]."""
    for name in ZONES:
        for cron in ("0 0 * * *", "30 2 * * *", "0 * * * *"):
            doc = {"type": "cron_partition", "cron": cron, "timezone": name}
            for change in transitions(name)[:3]:
                start = change - change % 86400 - 86400
                end = start + (3 * 86400 if cron != "0 * * * *" else 86400 + 6 * 3600)
                found = build(doc).iter_partition_dagrun_infos(
                    earliest=moment(start), latest=moment(end)
                )
                yield [doc, start, end, [[seconds(i.run_after), i.partition_key] for i in found]]


def validity() -> Iterator[list[Any]]:
    """[cron expression, whether Airflow takes it]."""
    for cron in VALIDITY:
        try:
            CronTriggerTimetable(cron, timezone="UTC").validate()
        except (AirflowTimetableInvalid, ValueError):
            yield [cron, False]
        else:
            yield [cron, True]


def write(path: Path, facts: Any) -> None:
    data = json.dumps(facts, separators=(",", ":")).encode()
    path.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    print(f"{path}: {path.stat().st_size:,} bytes")


def main(folder: Path) -> None:
    rnd = random.Random(3)
    docs = random_timetables(rnd)
    write(
        folder / "timetables.json.xz",
        {
            "chains": list(chains()),
            "timetables": docs,
            "words": [[build(doc).summary, build(doc).description] for doc in docs],
            "questions": list(questions(rnd, docs, 6000)),
            "manual_runs": list(manual_runs(rnd, docs)),
            "partition_backfills": list(partition_backfills()),
            "validity": list(validity()),
        },
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
