"""The smallest useful DAG: two tasks, one after the other, once a day.

Start here. A DAG is written in a `with DAG(...)` block; everything created inside belongs to it.
"""

from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

with DAG(
    "hello",
    schedule="@daily",  # or a cron text such as "0 6 * * MON-FRI"
    start_date=datetime(2026, 1, 1),
    catchup=False,  # do not run for all the days since then
    tags=["example"],
):
    # An operator is a ready-made task. Double braces are filled in when the task runs. (`ds`, the
    # day that a run is for, is only there in scheduled runs and in those triggered with a date.)
    greet = BashOperator(
        task_id="greet",
        bash_command="echo Hello, it is {{ dag_run.run_after.strftime('%A') }}",
    )

    # Or write the task as a function. What it returns can be used by other tasks.
    @task
    def count_letters(text: str) -> int:
        return len(text)

    # Using the output of `greet` also says that it has to run first.
    count_letters(greet.output)
