"""LatestOnlyOperator lets manual runs and the newest scheduled run through and skips in older
ones.
"""

from datetime import datetime

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.sdk import DAG

with DAG(
    "latest_only_scheduled",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    end_date=datetime(2026, 1, 2),
    catchup=True,
):
    latest = LatestOnlyOperator(task_id="latest")
    latest >> EmptyOperator(task_id="child") >> EmptyOperator(task_id="grandchild")
    latest >> EmptyOperator(task_id="child_done", trigger_rule="all_done")
