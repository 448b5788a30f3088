"""More elements than max_map_length fail the task that returned them."""

from airflow.sdk import DAG, task

with DAG("mapping_too_long", schedule=None, catchup=False):

    @task
    def give():
        return list(range(1025))

    @task
    def show(x):
        return x

    show.expand(x=give())
