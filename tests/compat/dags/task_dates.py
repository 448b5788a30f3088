"""A task whose own start_date or end_date excludes the run gets no instance, and what hangs on
it.
"""

from datetime import datetime

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("task_dates", schedule=None, catchup=False, start_date=datetime(2026, 1, 1)):
    EmptyOperator(task_id="plain")
    EmptyOperator(task_id="later", start_date=datetime(2026, 6, 1)) >> EmptyOperator(
        task_id="after_later"
    )
    EmptyOperator(task_id="earlier", end_date=datetime(2026, 1, 2)) >> EmptyOperator(
        task_id="after_earlier_done", trigger_rule="all_done"
    )
