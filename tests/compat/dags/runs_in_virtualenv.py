"""External interpreter: arguments, results and errors; a branch and a short circuit there."""

import sys

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task

with DAG("runs_in_virtualenv", schedule=None, catchup=False):

    @task.external_python(python=sys.executable)
    def add(a, b=2):
        return {"sum": a + b}

    @task.external_python(python=sys.executable, expect_airflow=False)
    def fails():
        raise ValueError("there")

    @task.external_python(python="/nowhere/python")
    def no_python():
        return 1

    @task.external_python(python=sys.executable, skip_on_exit_code=7, expect_airflow=False)
    def skips():
        import sys

        sys.exit(7)

    @task.branch_external_python(python=sys.executable, expect_airflow=False)
    def pick():
        return "yes"

    add(1), fails(), no_python(), skips()
    pick() >> [EmptyOperator(task_id="yes"), EmptyOperator(task_id="no")]
