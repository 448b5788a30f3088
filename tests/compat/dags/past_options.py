"""wait_for_past_depends_before_skipping, ignore_first_depends_on_past=False, and
depends_on_past over a skipped run.
"""

from datetime import datetime

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task

with DAG(
    "past_options",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    end_date=datetime(2026, 1, 2),
    catchup=True,
    max_active_runs=2,
):

    @task.short_circuit
    def gate():
        return False

    @task(depends_on_past=True)
    def fails(ds=None):
        if ds == "2026-01-01":
            raise RuntimeError("first")

    gate() >> EmptyOperator(
        task_id="waits", depends_on_past=True, wait_for_past_depends_before_skipping=True
    )
    EmptyOperator(task_id="strict", depends_on_past=True, ignore_first_depends_on_past=False)
    fails() >> EmptyOperator(task_id="after_fails", trigger_rule="all_done")
