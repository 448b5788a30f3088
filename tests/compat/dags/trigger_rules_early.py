"""one_failed, one_success and one_done act while others still run; all_done waits; a decided
all_success stops at once.
"""

import time

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task

with DAG("trigger_rules_early", schedule=None, catchup=False):

    @task
    def slow():
        time.sleep(6)
        return time.time()

    @task
    def fails():
        raise RuntimeError("broken")

    quick = EmptyOperator(task_id="quick")
    late, broken = slow(), fails()

    @task
    def earlier(ti=None):
        return time.time()

    @task(trigger_rule="all_done")
    def compare(a, b, c, end):
        return [moment < end for moment in (a, b, c)]

    one_failed = earlier.override(task_id="one_failed", trigger_rule="one_failed")()
    one_success = earlier.override(task_id="one_success", trigger_rule="one_success")()
    one_done = earlier.override(task_id="one_done", trigger_rule="one_done")()
    [late, broken] >> one_failed
    [late, quick] >> one_success
    [late, broken] >> one_done
    compare(one_failed, one_success, one_done, late)
