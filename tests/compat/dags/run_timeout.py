"""dagrun_timeout fails the run; what ran or waited is skipped, what was done stays."""

import time
from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task

with DAG("run_timeout", schedule=None, catchup=False, dagrun_timeout=timedelta(seconds=8)):

    @task
    def sleeps():
        time.sleep(60)

    (
        EmptyOperator(task_id="done")
        >> sleeps()
        >> EmptyOperator(task_id="waits", trigger_rule="all_done")
    )

    @task(retries=3, retry_delay=timedelta(hours=1))
    def retries():
        raise RuntimeError("broken")

    retries()
