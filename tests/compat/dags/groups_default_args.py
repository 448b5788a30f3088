"""default_args of DAG, group and nested group; ids without prefix; repeated calls number ids;
arrows between groups.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, task, task_group

with DAG(
    "groups_default_args", schedule=None, catchup=False, default_args={"retries": 1, "owner": "dag"}
):

    @task
    def show(ti=None, task=None):
        return [task.owner, task.retries, ti.max_tries]

    with TaskGroup("outer", default_args={"owner": "outer", "retries": 2}) as outer:
        show()
        with TaskGroup("inner", default_args={"owner": "inner"}, prefix_group_id=False):
            show.override(task_id="in_inner")()
            show.override(task_id="in_inner_own", owner="own")()
    show()
    show()

    @task_group(default_args={"owner": "made"})
    def made():
        first = show()
        return first

    made() >> made() >> EmptyOperator(task_id="end")
    outer >> EmptyOperator(task_id="after_outer")
