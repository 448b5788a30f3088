"""An argument that is both partial and expanded, and a mapped group inside a mapped group."""

from airflow.sdk import DAG, task, task_group

with DAG("mapping_twice_given", schedule=None, catchup=False):

    @task
    def both(x, y):
        return [x, y]

    both.partial(x=1).expand(x=[5], y=[1])

with DAG("mapping_nested_groups", schedule=None, catchup=False):

    @task_group
    def inner(y):
        @task
        def show(z):
            return z

        show(y)

    @task_group
    def outer(x):
        inner.expand(y=[1, 2])

    outer.expand(x=[1, 2])
