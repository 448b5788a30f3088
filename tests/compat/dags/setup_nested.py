"""Nested setup contexts, a teardown of an EmptyOperator by as_teardown, and a group whose arrow
out skips its teardown.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, setup, task, teardown

with DAG("setup_nested", schedule=None, catchup=False):

    @setup
    def outer_setup():
        return 1

    @setup
    def inner_setup():
        raise RuntimeError("inner is broken")

    @teardown
    def outer_teardown(value):
        return value

    @teardown
    def inner_teardown(value):
        return value

    @task
    def work(name):
        return name

    with outer_teardown(outer_setup()):
        work.override(task_id="outer_work")("outer")
        with inner_teardown(inner_setup()):
            work.override(task_id="inner_work")("inner")
        work.override(task_id="outer_work_too")("outer too")

    with TaskGroup("group") as group:
        first = EmptyOperator(task_id="first")
        body = work("body")
        last = work.override(task_id="last")("last").as_teardown(setups=first)
        first >> body >> last
    group >> EmptyOperator(task_id="after_group")

    lone = EmptyOperator(task_id="lone_work")
    lone >> EmptyOperator(task_id="lone_teardown").as_teardown()

    made = EmptyOperator(task_id="made").as_setup()
    gone = EmptyOperator(task_id="gone").as_teardown(setups=made)
    with gone:
        work.override(task_id="used")("used") >> work.override(task_id="used_too")("used")
