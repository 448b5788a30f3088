"""relativedelta, events, once with and without catchup, continuous, several crons, six fields,
week presets, ends in the past.
"""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    CronDataIntervalTimetable,
    DeltaDataIntervalTimetable,
    MultipleCronTriggerTimetable,
)
from airflow.timetables.events import EventsTimetable
from dateutil.relativedelta import relativedelta


def day(*parts):
    return pendulum.datetime(2026, *parts)


EVENTS = [day(1, 3, 5), day(1, 1), day(1, 2), day(1, 2)]

for name, schedule, more in [
    (
        "months",
        relativedelta(months=1),
        {"start_date": pendulum.datetime(2025, 10, 31), "end_date": day(3, 31), "catchup": True},
    ),
    ("events", EventsTimetable(EVENTS), {"start_date": day(1, 1), "catchup": True}),
    (
        "events_from",
        EventsTimetable(EVENTS, restrict_to_events=True),
        {"start_date": day(1, 2), "catchup": True},
    ),
    ("events_latest", EventsTimetable(EVENTS), {"start_date": day(1, 1), "catchup": False}),
    ("once_old", "@once", {"start_date": day(1, 5), "catchup": False}),
    ("once_ended", "@once", {"start_date": day(1, 5), "end_date": day(1, 4), "catchup": True}),
    (
        "delta_latest",
        timedelta(days=7),
        {"start_date": day(1, 5), "end_date": day(2, 1), "catchup": False},
    ),
    (
        "delta_exact_end",
        timedelta(days=7),
        {"start_date": day(1, 5), "end_date": day(1, 19), "catchup": True},
    ),
    (
        "delta_interval",
        DeltaDataIntervalTimetable(timedelta(days=7)),
        {"start_date": day(1, 5), "end_date": day(1, 19), "catchup": True},
    ),
    (
        "cron_interval_latest",
        CronDataIntervalTimetable("0 6 * * *", timezone="UTC"),
        {"start_date": day(1, 5), "end_date": day(1, 9), "catchup": False},
    ),
    (
        "cron_latest",
        "0 6 * * *",
        {"start_date": day(1, 5), "end_date": day(1, 9), "catchup": False},
    ),
    (
        "several",
        MultipleCronTriggerTimetable(
            "0 6 * * *", "30 6 * * *", "0 6 * * 5", timezone="UTC", interval=timedelta(hours=2)
        ),
        {"start_date": day(1, 1), "end_date": day(1, 2, 12), "catchup": True},
    ),
    (
        "unaligned",
        "15 */8 * * *",
        {"start_date": day(1, 1, 0, 20), "end_date": day(1, 1, 23), "catchup": True},
    ),
    (
        "seven_is_sunday",
        "0 0 * * 7",
        {"start_date": day(1, 1), "end_date": day(1, 12), "catchup": True},
    ),
    (
        "six_fields",
        "0 0 1 1 * */20",
        {"start_date": day(1, 1), "end_date": day(1, 1, 0, 1), "catchup": True},
    ),
]:
    with DAG(f"shape_{name}", schedule=schedule, **more):
        EmptyOperator(task_id="tick")
