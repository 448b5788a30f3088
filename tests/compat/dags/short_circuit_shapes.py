"""A short circuit inside a mapped group, mapped itself, over a group, with a falsy value, and
beside another way in.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, task, task_group

with DAG("short_circuit_shapes", schedule=None, catchup=False):

    @task.short_circuit
    def go_on(value):
        return value

    @task_group
    def each(n):
        (
            go_on(n)
            >> EmptyOperator(task_id="child")
            >> EmptyOperator(task_id="grandchild", trigger_rule="all_done")
        )

    each.expand(n=[0, 1])

    (
        go_on.override(task_id="mapped_stop").expand(value=[True, False])
        >> EmptyOperator(task_id="after_mapped_stop")
        >> EmptyOperator(task_id="after_mapped_stop_done", trigger_rule="all_done")
    )
    stop = go_on.override(task_id="stop_group")([])
    with TaskGroup("group") as group:
        EmptyOperator(task_id="one") >> EmptyOperator(task_id="two")
    stop >> group >> EmptyOperator(task_id="after_group", trigger_rule="always")

    truthy = go_on.override(task_id="truthy")("text")
    truthy >> EmptyOperator(task_id="after_truthy")

    soft = go_on.override(task_id="soft_stop", ignore_downstream_trigger_rules=False)(0)
    other = EmptyOperator(task_id="other_way")
    join = EmptyOperator(task_id="soft_join", trigger_rule="none_failed_min_one_success")
    soft >> EmptyOperator(task_id="soft_child") >> join
    other >> join
    hard = go_on.override(task_id="hard_stop")(None)
    hard_join = EmptyOperator(task_id="hard_join", trigger_rule="none_failed_min_one_success")
    hard >> EmptyOperator(task_id="hard_child") >> hard_join
    other >> hard_join
