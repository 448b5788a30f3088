"""execution_timeout fails the try and lets it be retried; a cancelled task may clean up in
on_kill.
"""

import time
from datetime import timedelta

from airflow.sdk import DAG, BaseOperator, Variable, task

SECOND = timedelta(seconds=1)


class Kills(BaseOperator):
    def execute(self, context):
        time.sleep(30)

    def on_kill(self):
        Variable.set("diff_on_kill", "called")


with DAG("execution_timeouts", schedule=None, catchup=False):

    @task(execution_timeout=SECOND, retries=1, retry_delay=SECOND)
    def slow():
        time.sleep(30)

    @task(execution_timeout=SECOND)
    def catches():
        try:
            time.sleep(30)
        except Exception:
            return "caught"

    @task(execution_timeout=timedelta(seconds=20))
    def quick():
        return 1

    @task(trigger_rule="all_done")
    def killed():
        return Variable.get("diff_on_kill", default="no")

    slow(), catches(), quick()
    Kills(task_id="kills", execution_timeout=SECOND) >> killed()
