"""fail_fast: the first failure skips what waits, teardowns still run."""

import time

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, setup, task, teardown

with DAG("fail_fast", schedule=None, catchup=False, fail_fast=True):

    @setup
    def create():
        return 1

    @task
    def breaks():
        time.sleep(4)
        raise RuntimeError("broken")

    @task
    def long():
        time.sleep(60)

    @teardown
    def delete():
        return "deleted"

    first, last = create(), delete()
    first >> [breaks(), long()] >> last
    first >> last
    long() >> EmptyOperator(task_id="waits") >> EmptyOperator(task_id="waits_too")
