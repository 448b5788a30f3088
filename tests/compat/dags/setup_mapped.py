"""Setup and teardown round mapped work, and inside a mapped group where one element's work
fails.
"""

from airflow.sdk import DAG, setup, task, task_group, teardown

with DAG("setup_mapped", schedule=None, catchup=False):

    @setup
    def create():
        return 1

    @task
    def work(n):
        if n == 2:
            raise RuntimeError("no two")
        return n

    @teardown
    def delete():
        return "deleted"

    first, last = create(), delete()
    first >> work.expand(n=[1, 2]) >> last
    first >> last

    @task_group
    def each(n):
        @setup
        def begin(n):
            if n == 3:
                raise RuntimeError("no third")
            return n

        @teardown
        def end(n):
            return n

        begun = begin(n)
        begun >> work(n) >> end(begun)

    each.expand(n=[1, 2, 3])
