"""Exponential retries with a cap; AirflowFailException, AirflowSkipException and sys.exit(0)
with retries left.
"""

import sys
from datetime import timedelta

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

with DAG(
    "retries_exponential",
    schedule=None,
    catchup=False,
    default_args={"retry_delay": timedelta(seconds=1)},
):

    @task(retries=3, retry_exponential_backoff=True, max_retry_delay=timedelta(seconds=2))
    def grows():
        raise RuntimeError("again")

    @task(retries=2)
    def fails_at_once():
        raise AirflowFailException("never again")

    @task(retries=2)
    def skips_at_once():
        raise AirflowSkipException("not today")

    @task(retries=1)
    def leaves():
        sys.exit(0)

    @task(retries=1)
    def leaves_with_error():
        sys.exit(3)

    @task(retries=1)
    def knows_its_try(ti=None):
        if ti.try_number == 1:
            raise RuntimeError("first")
        return [ti.try_number, ti.max_tries]

    @task(retries=1)
    def pushes_then_fails(ti=None):
        ti.xcom_push(key=f"try_{ti.try_number}", value=ti.try_number)
        raise RuntimeError("broken")

    (
        grows(),
        fails_at_once(),
        skips_at_once(),
        leaves(),
        leaves_with_error(),
        knows_its_try(),
        pushes_then_fails(),
    )
