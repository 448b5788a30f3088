"""What ds, the interval and the previous successes are in scheduled runs of an interval
timetable and of a trigger with a width.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import DAG, CronDataIntervalTimetable, CronTriggerTimetable, task

for name, schedule in [
    ("interval", CronDataIntervalTimetable("@daily", timezone="UTC")),
    ("width", CronTriggerTimetable("@daily", timezone="UTC", interval=timedelta(days=1))),
    ("plain", "@daily"),
]:
    with DAG(
        f"context_{name}",
        schedule=schedule,
        start_date=pendulum.datetime(2026, 1, 1),
        end_date=pendulum.datetime(2026, 1, 2),
        catchup=True,
        max_active_runs=1,
    ):

        @task
        def show(
            ds,
            ts,
            data_interval_start,
            data_interval_end,
            prev_data_interval_start_success,
            prev_data_interval_end_success,
        ):
            return [
                ds,
                ts,
                *(
                    str(x)
                    for x in (
                        data_interval_start,
                        data_interval_end,
                        prev_data_interval_start_success,
                        prev_data_interval_end_success,
                    )
                ),
            ]

        show()
