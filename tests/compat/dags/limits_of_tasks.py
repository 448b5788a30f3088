"""max_active_tasks, max_active_tis_per_dagrun and pool slots hold, and everything ends."""

import time

from airflow.sdk import DAG, task

with DAG("limits_of_tasks", schedule=None, catchup=False, max_active_tasks=2):

    @task
    def work(n):
        begun = time.time()
        time.sleep(0.3)
        return [begun, time.time()]

    @task
    def most_at_once(spans):
        moments = sorted([(a, 1) for a, _ in spans] + [(b, -1) for _, b in spans])
        most = now = 0
        for _, step in moments:
            now += step
            most = max(most, now)
        return most <= 2

    most_at_once(work.expand(n=[1, 2, 3, 4, 5]))
    most_at_once.override(task_id="one_at_once")(
        work.override(task_id="single", max_active_tis_per_dagrun=1).expand(n=[1, 2, 3])
    )
