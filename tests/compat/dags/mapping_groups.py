"""Mapped groups: nested groups inside, over nothing, a failing element, expand_kwargs, and a
mapped task inside reduced per element.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, task, task_group

with DAG("mapping_groups", schedule=None, catchup=False):

    @task
    def give(value):
        return value

    @task
    def step(n):
        if n == 2:
            raise RuntimeError("no two")
        return n

    @task(trigger_rule="all_done")
    def total(values):
        return list(values)

    @task_group
    def each(n):
        value = step(n)
        with TaskGroup("inner"):
            return step.override(task_id="again")(value)

    made = each.expand(n=[1, 2, 3])
    total(made)
    made >> EmptyOperator(task_id="after_all")

    none = each.override(group_id="of_nothing").expand(n=give([]))
    none >> EmptyOperator(task_id="after_nothing")
    none >> EmptyOperator(task_id="after_nothing_done", trigger_rule="all_done")

    @task_group
    def pair(a, b):
        @task
        def both(x, y):
            return [x, y]

        both(a, b)

    pair.expand_kwargs([{"a": 1, "b": 2}, {"a": 3, "b": 4}])
    pair.override(group_id="cross").expand(a=[1, 2], b=["x", "y"])
