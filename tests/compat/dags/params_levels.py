"""Params of a task, of default_args and of the DAG, and conf over all of them; None, and what
is not given.
"""

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param, task

with DAG(
    "params_levels",
    schedule=None,
    catchup=False,
    params={
        "x": 1,
        "y": Param("dag", type=["string", "null"]),
        "z": Param(5, type="integer", minimum=1),
        "items": Param(["a"], type="array"),
        "date": Param("2026-01-01", type="string", format="date"),
    },
):

    @task(params={"x": 2, "own": "task"})
    def task_level(params=None):
        return dict(params)

    @task
    def dag_level(params=None, dag_run=None):
        return [dict(params), dag_run.conf]

    task_level(), dag_level()
    BashOperator(
        task_id="shell",
        bash_command="echo {{ params.x }} {{ params.y }} {{ params.get('nowhere', 'none') }}",
    )
