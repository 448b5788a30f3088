"""multiple_outputs by annotation, by argument, with non-text keys, without a dict, and pushed
with a whole.
"""

from typing import Any, TypedDict

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, task


class Shape(TypedDict):
    a: int


with DAG("multiple_outputs", schedule=None, catchup=False):

    @task
    def annotated() -> dict[str, Any]:
        return {"a": 1, "b": [2]}

    @task
    def typed_dict() -> Shape:
        return {"a": 1}

    @task
    def plain_dict():
        return {"a": 1}

    @task(multiple_outputs=True)
    def int_keys():
        return {1: "a"}

    @task(multiple_outputs=True)
    def no_dict():
        return [1]

    @task(multiple_outputs=True)
    def none():
        return None

    @task(multiple_outputs=True)
    def with_return_key():
        return {"return_value": "mine", "a": 2}

    @task(multiple_outputs=False)
    def switched_off() -> dict[str, int]:
        return {"a": 1}

    @task
    def show(a, b):
        return [a, b]

    got = annotated()
    show(got["a"], got["b"])
    typed_dict(), plain_dict(), int_keys(), no_dict(), none(), with_return_key(), switched_off()
    PythonOperator(task_id="classic", python_callable=lambda: {"a": 1}, multiple_outputs=True)
