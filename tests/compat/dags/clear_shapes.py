"""Clearing a failure with what follows, a success with what follows, one that never started,
and a mapped task.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Variable, task

with DAG("clear_shapes", schedule=None, catchup=False):

    @task
    def breaks():
        if not Variable.get("diff_clear_works", default=""):
            raise RuntimeError("not yet")
        return "works"

    @task
    def ti_of(x=None, ti=None):
        return [x, ti.try_number]

    breaks() >> EmptyOperator(task_id="never_started") >> EmptyOperator(task_id="never_too")
    ti_of.override(task_id="success")() >> ti_of.override(task_id="after_success")()
    ti_of.override(task_id="mapped").expand(x=[1, 2]) >> EmptyOperator(task_id="after_mapped")
