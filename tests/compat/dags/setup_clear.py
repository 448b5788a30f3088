"""Clearing work between a setup and a teardown clears these, too."""

from airflow.sdk import DAG, setup, task, teardown

with DAG("setup_clear", schedule=None, catchup=False):

    @setup
    def create(ti=None):
        return ti.try_number

    @task
    def work(ti=None):
        return ti.try_number

    @task
    def other(ti=None):
        return ti.try_number

    @teardown
    def delete(ti=None):
        return ti.try_number

    made, gone = create(), delete()
    made >> [work(), other()] >> gone
    made >> gone
