"""The runs that Airflow's scheduler really made for the corpus' timetable DAGs."""

from datetime import UTC, datetime, timedelta

import pytest

from compat.corpus import CORPUS
from tradewind.core import run_ids, timetables
from tradewind.core.dag import CronInterval, CronTrigger, OnceSchedule, Slot, Timetable
from tradewind.core.states import DagRunType

RECORDED = datetime(2026, 11, 23, 12, tzinfo=UTC)

NEW_YEAR = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
UNALIGNED = datetime(2025, 12, 30, 5, 17, tzinfo=UTC)
YEAR_BEFORE = datetime(2025, 1, 1, tzinfo=UTC)


def cron(*expressions: str, interval: float = 0.0) -> CronTrigger:
    resolved = [timetables.resolve_preset(expression) for expression in expressions]
    return CronTrigger(crons=resolved, interval=interval)


def after(**distance: float) -> datetime:
    return UNALIGNED + timedelta(**distance)


# DAG id: timetable, start date, end date, catchup
DAGS: dict[str, tuple[Timetable, datetime | None, datetime | None, bool]] = {
    "cron_string": (cron("0 */4 * * *"), NEW_YEAR, NOON, True),
    "cron_interval": (CronInterval(cron="0 */4 * * *"), NEW_YEAR, NOON, True),
    "cron_trigger": (cron("0 */4 * * *"), NEW_YEAR, NOON, True),
    "cron_trigger_width": (cron("0 */4 * * *", interval=7200.0), NEW_YEAR, NOON, True),
    "cron_multiple": (cron("0 */6 * * *", "30 3,9 * * *"), NEW_YEAR, NOON, True),
    "preset_hourly": (cron("@hourly"), UNALIGNED, after(hours=4), True),
    "preset_daily": (cron("@daily"), UNALIGNED, after(days=4), True),
    "preset_weekly": (cron("@weekly"), UNALIGNED, after(weeks=3), True),
    "preset_monthly": (cron("@monthly"), UNALIGNED, datetime(2026, 4, 30, 5, 17, tzinfo=UTC), True),
    "preset_quarterly": (
        cron("@quarterly"),
        UNALIGNED,
        datetime(2026, 9, 30, 5, 17, tzinfo=UTC),
        True,
    ),
    "preset_yearly": (cron("@yearly"), UNALIGNED, datetime(2026, 11, 30, tzinfo=UTC), True),
    "preset_once": (OnceSchedule(), UNALIGNED, None, True),
    "cron_six_fields": (cron("*/30 * * * * 15"), UNALIGNED, after(minutes=130), True),
    "cron_last_day": (
        cron("0 3 L * *"),
        UNALIGNED,
        datetime(2026, 4, 30, 5, 17, tzinfo=UTC),
        True,
    ),
    "cron_nth_weekday": (
        cron("0 3 * * MON#1"),
        UNALIGNED,
        datetime(2026, 4, 30, 5, 17, tzinfo=UTC),
        True,
    ),
    "cron_dom_or_dow": (cron("0 3 1 * MON"), UNALIGNED, after(days=16), True),
    "cron_names": (cron("0 3 * JAN TUE-THU"), UNALIGNED, after(days=14), True),
    "no_catchup": (cron("@yearly"), YEAR_BEFORE, None, False),
    "no_catchup_interval": (CronInterval(cron="@yearly"), YEAR_BEFORE, None, False),
    "no_catchup_default": (cron("@yearly"), YEAR_BEFORE, None, False),
    "no_start_date": (cron("@yearly"), None, None, False),
    "ended": (cron("@yearly"), YEAR_BEFORE, datetime(2025, 6, 1, tzinfo=UTC), False),
    "future_start": (cron("@yearly"), datetime(2199, 1, 1, tzinfo=UTC), None, True),
}

pytestmark = pytest.mark.skipif(not CORPUS.root.is_dir(), reason=f"{CORPUS.root} is not here")


@pytest.mark.parametrize("name", DAGS)
def test_runs_as_recorded(name: str) -> None:
    timetable, earliest, latest, catchup = DAGS[name]
    recorded = CORPUS.expected(f"timetable_{name}")
    assert timetables.summary(timetable) == recorded["timetable"]
    assert [as_recorded(slot) for slot in due(timetable, earliest, latest, catchup)] == [
        (run["run_id"], *(run[key] for key in KEYS)) for run in recorded["runs"]
    ]


KEYS = ("logical_date", "data_interval_start", "data_interval_end", "run_after")


def due(
    timetable: Timetable, earliest: datetime | None, latest: datetime | None, catchup: bool
) -> list[Slot]:
    slots: list[Slot] = []
    while slot := timetables.next_slot(
        timetable,
        last=slots[-1] if slots else None,
        earliest=earliest,
        latest=latest,
        catchup=catchup,
        now=RECORDED,
    ):
        if slot.run_after > RECORDED:
            break
        slots.append(slot)
    return slots


def as_recorded(slot: Slot) -> tuple[str | None, ...]:
    moments = (slot.logical_date, slot.interval_start, slot.interval_end, slot.run_after)
    texts = (at.isoformat().replace("+00:00", "Z") if at else None for at in moments)
    return (run_ids.generate(DagRunType.SCHEDULED, slot.run_after), *texts)
