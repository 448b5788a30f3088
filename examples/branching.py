"""Choose a way at run time, and join again after it.

A branch returns the task to go on with; the other ways are skipped. A task normally waits for all
its upstreams to succeed, and would be skipped along with them: the join needs another trigger rule.
"""

import random
from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Label, TriggerRule, task

with DAG("branching", schedule=timedelta(hours=6), tags=["example"]):

    @task
    def measure() -> int:
        return random.randint(0, 100)

    @task.branch
    def decide(level: int) -> str:
        return "alarm" if level > 80 else "carry_on"

    @task
    def alarm() -> None:
        print("Above 80: somebody should have a look.")

    carry_on = EmptyOperator(task_id="carry_on")

    # Runs when no upstream failed and at least one succeeded: whichever way was taken.
    @task(trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    def join(level: int) -> str:
        return f"level {level} dealt with"

    level = measure()
    decision = decide(level)
    joined = join(level)
    decision >> Label("high") >> alarm() >> joined
    decision >> Label("normal") >> carry_on >> joined
