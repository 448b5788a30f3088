"""A branch inside a mapped task group decides for each element alone."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task, task_group

with DAG("branch_in_mapped_group", schedule=None, catchup=False):

    @task_group
    def each(n):
        @task.branch
        def pick(value):
            return "each.even" if value % 2 == 0 else "each.odd"

        (
            pick(n)
            >> [EmptyOperator(task_id="even"), EmptyOperator(task_id="odd")]
            >> EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")
        )

    each.expand(n=[1, 2, 3]) >> EmptyOperator(task_id="after", trigger_rule="none_failed")
