"""Clearing the source of a mapped task whose result has become shorter removes the surplus
instances, a longer one adds some.
"""

from airflow.sdk import DAG, Variable, task

with DAG("mapping_after_clear", schedule=None, catchup=False):

    @task
    def source():
        return list(range(int(Variable.get("diff_length", default="3"))))

    @task
    def show(x):
        return x

    @task
    def total(values):
        return list(values)

    total(show.expand(x=source()))
