"""Marking a failed task as success, a success as failed, a task as skipped; what follows is
judged anew or left alone.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task

with DAG("mark_by_hand", schedule=None, catchup=False):

    @task
    def breaks():
        raise RuntimeError("broken")

    @task
    def work():
        return 1

    breaks() >> EmptyOperator(task_id="after_breaks")
    work() >> EmptyOperator(task_id="after_work")

with DAG("mark_run_by_hand", schedule=None, catchup=False):

    @task
    def sleeps():
        import time

        time.sleep(60)

    EmptyOperator(task_id="done") >> sleeps() >> EmptyOperator(task_id="after")
