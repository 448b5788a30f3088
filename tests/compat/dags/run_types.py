"""allowed_run_types refuses what is not named; a DAG that only manual runs may have makes none
by schedule.
"""

from datetime import datetime

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG(
    "run_types",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    allowed_run_types=["scheduled"],
):
    EmptyOperator(task_id="tick")
