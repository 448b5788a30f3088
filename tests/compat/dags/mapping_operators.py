"""Mapped sensors, branches of mapped retries, a mapped result mapped again, and expansions of
several kinds at once.
"""

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

with DAG(
    "mapping_operators",
    schedule=None,
    catchup=False,
    default_args={"retry_delay": timedelta(seconds=1)},
):

    @task(retries=1)
    def odd_at_second(n, ti=None):
        if n % 2 and ti.try_number == 1:
            raise RuntimeError("first try")
        return [n, ti.try_number, ti.map_index]

    @task
    def double(n):
        return n[0] * 2

    @task
    def total(values):
        return sum(values)

    total(double.expand(n=odd_at_second.expand(n=[1, 2, 3])))
    PythonSensor.partial(
        task_id="sensors", python_callable=lambda x: x, poke_interval=0.5, timeout=1
    ).expand(op_args=[[True], [False]])
    BashOperator.partial(task_id="envs", bash_command='echo "$A"').expand(
        env=[{"A": "1"}, {"A": "{{ ti.map_index }}"}]
    )

    @task
    def hard(n):
        if n:
            raise AirflowFailException("no")

    after = hard.expand(n=[0, 1])
    (
        after
        >> EmptyOperator(task_id="after_hard")
        >> EmptyOperator(task_id="further", trigger_rule="one_failed")
    )

    @task
    def keys():
        return {"a": 1, "b": 2}

    @task
    def by_key(x, y):
        return [x, y]

    by_key.expand(x=keys(), y=[3, 4])

    @task
    def show(**kwargs):
        return {k: kwargs[k] for k in ("a", "b") if k in kwargs}

    @task
    def dicts():
        return [{"a": 1, "b": 2}, {"a": 3, "b": 4}]

    show.expand_kwargs(dicts().map(lambda d: {k: v * 10 for k, v in d.items()}))
