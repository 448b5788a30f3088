"""depends_on_past: after a failure the next run waits with its task undecided; a skip lets it
go on; the other tasks run.
"""

from datetime import datetime

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowSkipException

with DAG(
    "past_dependence",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    end_date=datetime(2026, 1, 2),
    catchup=True,
):

    @task(depends_on_past=True)
    def first_fails(ds=None):
        if ds == "2026-01-01":
            raise RuntimeError("first day")

    @task(depends_on_past=True)
    def first_skips(ds=None):
        if ds == "2026-01-01":
            raise AirflowSkipException("first day")

    first_fails() >> EmptyOperator(task_id="child")
    first_skips() >> EmptyOperator(task_id="skip_child")
    EmptyOperator(task_id="free")
