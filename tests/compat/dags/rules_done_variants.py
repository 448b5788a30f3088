"""all_done_min_one_success, one_done, none_skipped, all_skipped and always over every pair of
success, skip, failure and upstream_failed.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowSkipException

with DAG("rules_done_variants", schedule=None, catchup=False):

    @task
    def skip():
        raise AirflowSkipException("not today")

    @task
    def fail():
        raise RuntimeError("broken")

    ends = {"ok": EmptyOperator(task_id="ok"), "skip": skip(), "fail": fail()}
    ends["upfail"] = EmptyOperator(task_id="upfail")
    ends["fail"] >> ends["upfail"]
    for rule in (
        "all_done_min_one_success",
        "one_done",
        "none_skipped",
        "all_skipped",
        "always",
        "one_failed",
        "all_failed",
    ):
        for a, b in (
            ("ok", "skip"),
            ("ok", "fail"),
            ("skip", "fail"),
            ("ok", "upfail"),
            ("skip", "upfail"),
        ):
            join = EmptyOperator(task_id=f"{rule}__{a}_{b}", trigger_rule=rule)
            [ends[a], ends[b]] >> join
        for a in ends:
            ends[a] >> EmptyOperator(task_id=f"{rule}__{a}", trigger_rule=rule)
