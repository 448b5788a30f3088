"""Daylight saving: 02:30 in the gap and in the fold, hourly cron, timedelta and intervals in
Europe/Berlin.
"""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    DeltaDataIntervalTimetable,
    DeltaTriggerTimetable,
)

ZONE = "Europe/Berlin"


def day(*parts):
    return pendulum.datetime(2026, *parts, tz=ZONE)


for name, schedule, first, last in [
    ("gap", "30 2 * * *", day(3, 28), day(3, 31)),
    ("fold", "30 2 * * *", day(10, 24), day(10, 27)),
    ("gap_hourly", "0 * * * *", day(3, 29, 1), day(3, 29, 4)),
    ("fold_hourly", "0 * * * *", day(10, 25, 1), day(10, 25, 4)),
    ("gap_delta", timedelta(days=1), day(3, 28, 2, 30), day(3, 30, 12)),
    (
        "fold_interval",
        CronDataIntervalTimetable("30 2 * * *", timezone=ZONE),
        day(10, 24),
        day(10, 27),
    ),
    (
        "gap_interval",
        CronDataIntervalTimetable("30 2 * * *", timezone=ZONE),
        day(3, 28),
        day(3, 31),
    ),
    (
        "gap_delta_interval",
        DeltaDataIntervalTimetable(timedelta(hours=12)),
        day(3, 28, 12),
        day(3, 29, 12),
    ),
    (
        "other_zone",
        CronTriggerTimetable("0 12 * * *", timezone="America/New_York"),
        day(3, 7),
        day(3, 9, 23),
    ),
    (
        "delta_trigger",
        DeltaTriggerTimetable(timedelta(hours=12), interval=timedelta(hours=1)),
        day(3, 28, 12),
        day(3, 29, 12),
    ),
]:
    with DAG(f"dst_{name}", schedule=schedule, start_date=first, end_date=last, catchup=True):
        EmptyOperator(task_id="tick")
