"""In a pool of one slot the tasks start by priority weight; a task of more slots than its pool
has never starts.
"""

from airflow.sdk import DAG, task

with DAG(
    "pools_and_priority", schedule=None, catchup=False, default_args={"pool": "corpus_single"}
):

    @task
    def work(n):
        return n

    for weight in (1, 5, 3):
        work.override(task_id=f"weight_{weight}", priority_weight=weight)(weight)
    work.override(task_id="triple", pool="corpus_triple", pool_slots=3)(0)
    work.override(
        task_id="mapped", pool="corpus_triple", pool_slots=2, max_active_tis_per_dagrun=1
    ).expand(n=[1, 2])
