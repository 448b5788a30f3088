"""A file that says schedule_interval gets data intervals, the interval's start as its date, and
catch-up without asking.
"""

from datetime import datetime

from airflow import DAG
from airflow.providers.standard.operators.python import PythonOperator


def show(**context):
    return [context["ds"], str(context["data_interval_end"]), context["run_id"]]


with DAG(
    "old_intervals",
    start_date=datetime(2026, 1, 1),
    end_date=datetime(2026, 1, 3),
    schedule_interval="@daily",
    max_active_runs=1,
):
    PythonOperator(task_id="show", python_callable=show)
