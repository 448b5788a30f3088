"""Timetables against what Apache Airflow 3.3.2 answered (tests/tools/record_timetable_facts.py)."""

import json
import lzma
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradewind.core import timetables
from tradewind.core.dag import CronTrigger, NullSchedule, Slot, Timetable
from tradewind.core.errors import InvalidDag

FACTS: dict[str, Any] = json.loads(
    lzma.decompress((Path(__file__).parent / "facts" / "timetables.json.xz").read_bytes())
)
TIMETABLES: list[Timetable] = [msgspec.convert(doc, Timetable) for doc in FACTS["timetables"]]

Row = list[Any]


def moment(at: int | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def seconds(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp())


def slot(row: Row | None) -> Slot | None:
    if row is None:
        return None
    start, end, run_after = map(moment, row[:3])
    return Slot(logical_date=start, interval_start=start, interval_end=end, run_after=run_after)


def row(found: Slot | None) -> Row | None:
    if found is None:
        return None
    moments = [*map(seconds, (found.interval_start, found.interval_end, found.run_after))]
    return moments if found.partition_key is None else [*moments, found.partition_key]


def by_zone() -> dict[str, list[Any]]:
    zones = defaultdict(list)
    for fact in FACTS["chains"]:
        zones[fact["timetable"].get("timezone", "distances")].append(fact)
    return zones


@pytest.mark.parametrize(("zone", "facts"), by_zone().items(), ids=by_zone())
def test_chains_of_runs(zone: str, facts: list[Any]) -> None:
    """Each run from start to end date when all are caught up with, DST changes included."""
    for fact in facts:
        timetable: Timetable = msgspec.convert(fact["timetable"], Timetable)
        slots = timetables.slots_between(
            timetable, moment(fact["earliest"]), moment(fact["latest"])
        )
        found = [(s.run_after, s.interval_end - s.interval_start) for s in slots]
        ends = [fact["earliest"], *(seconds(at) for at, _ in found)]
        steps = [after - before for before, after in pairwise(ends)]
        assert run_lengths(steps) == fact["steps"], fact["timetable"]
        lengths = (round(length.total_seconds()) for _, length in found)
        assert run_lengths(lengths) == fact["lengths"], fact["timetable"]


def run_lengths(values: Iterable[int]) -> list[list[int]]:
    return [[value, len(list(group))] for value, group in groupby(values)]


def test_the_facts_are_enough() -> None:
    assert len(by_zone()) == 15  # and the distances
    assert sum(count for fact in FACTS["chains"] for _, count in fact["steps"]) > 30_000
    assert sum(question[-1] is not None for question in FACTS["questions"]) > 3000


def test_next_slot() -> None:
    """With and without catchup, start date, end date, an earlier run; at many moments."""
    wrong = []
    for number, earliest, latest, catchup, last, now, answer in FACTS["questions"]:
        found = timetables.next_slot(
            TIMETABLES[number],
            last=slot(last),
            earliest=moment(earliest),
            latest=moment(latest),
            catchup=catchup,
            now=moment(now),
        )
        if row(found) != answer:
            wrong.append((FACTS["timetables"][number], earliest, latest, catchup, last, now))
    assert wrong == []


def test_data_intervals_of_manual_runs() -> None:
    for number, at, *interval in FACTS["manual_runs"]:
        found = timetables.manual_interval(TIMETABLES[number], moment(at))
        assert [*map(seconds, found)] == interval, FACTS["timetables"][number]


def test_partition_backfills() -> None:
    for doc, start, end, expected in FACTS["partition_backfills"]:
        timetable: Timetable = msgspec.convert(doc, Timetable)
        slots = timetables.slots_between(timetable, moment(start), moment(end))
        assert [[seconds(s.run_after), s.partition_key] for s in slots] == expected, doc


def test_words() -> None:
    """Summaries and descriptions; a DAG without a schedule has no summary in the API."""
    for timetable, (summary, description) in zip(TIMETABLES, FACTS["words"], strict=True):
        expected = None if isinstance(timetable, NullSchedule) else summary
        assert timetables.summary(timetable) == expected
        assert timetables.description(timetable) == description


YEARS = {"* * * * * * *", "* * * * * * 2030"}  # refused here, with a hint at start and end dates


def test_which_cron_expressions_are_valid() -> None:
    found = {}
    for cron, _ in FACTS["validity"]:
        try:
            timetables.validate(CronTrigger(crons=[cron]))
        except InvalidDag:
            found[cron] = False
        else:
            found[cron] = True
    expected = dict(FACTS["validity"])
    assert {cron for cron, taken in found.items() if taken != expected[cron]} == YEARS
