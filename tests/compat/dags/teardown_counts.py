"""A failed teardown fails the run with on_failure_fail_dagrun; as the only failure without it
the run succeeds.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, setup, teardown


def build(dag_id, counts):
    with DAG(dag_id, schedule=None, catchup=False):

        @setup
        def create():
            return 1

        @teardown(on_failure_fail_dagrun=counts)
        def delete():
            raise RuntimeError("cannot delete")

        first, last = create(), delete()
        first >> EmptyOperator(task_id="work") >> last
        first >> last
        last >> EmptyOperator(task_id="after_teardown")


build("teardown_counts", True)
build("teardown_does_not_count", False)
