"""include_prior_dates finds what an earlier run pushed, when this run did not."""

from datetime import datetime

from airflow.sdk import DAG, task

with DAG(
    "xcom_prior",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    end_date=datetime(2026, 1, 2),
    catchup=True,
    max_active_runs=1,
):

    @task
    def first_day_only(ds=None, ti=None):
        if ds == "2026-01-01":
            ti.xcom_push(key="mark", value=ds)

    @task
    def look(ti=None):
        return [
            ti.xcom_pull(task_ids="first_day_only", key="mark"),
            ti.xcom_pull(task_ids="first_day_only", key="mark", include_prior_dates=True),
        ]

    first_day_only() >> look()
