"""A mapped branch task: what each instance follows or skips."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task

with DAG("branch_mapped", schedule=None, catchup=False):

    @task.branch
    def pick(name):
        return name

    pick.override(task_id="both").expand(name=["both_a", "both_b"]) >> [
        EmptyOperator(task_id="both_a"),
        EmptyOperator(task_id="both_b"),
        EmptyOperator(task_id="both_c"),
    ]
    pick.override(task_id="same").expand(name=["same_a", "same_a"]) >> [
        EmptyOperator(task_id="same_a"),
        EmptyOperator(task_id="same_b"),
    ]
