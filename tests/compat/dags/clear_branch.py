"""A cleared task that a branch did not follow is skipped again; a cleared branch decides anew."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Variable, task

with DAG("clear_branch", schedule=None, catchup=False):

    @task.branch
    def pick():
        return Variable.get("diff_branch", default="left")

    @task.short_circuit
    def gate():
        return False

    pick() >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
    gate() >> EmptyOperator(task_id="closed") >> EmptyOperator(task_id="closed_too")
