"""Each trigger rule after a mapped task one of whose instances fails and one is skipped, and
after one without any.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowSkipException

RULES = [
    "all_success",
    "all_failed",
    "all_done",
    "all_done_min_one_success",
    "all_skipped",
    "one_success",
    "one_failed",
    "one_done",
    "none_failed",
    "none_failed_min_one_success",
    "none_skipped",
    "always",
]

with DAG("rules_on_mapped", schedule=None, catchup=False):

    @task
    def mixed(how):
        if how == "skip":
            raise AirflowSkipException("not today")
        if how == "fail":
            raise RuntimeError("broken")
        return how

    @task
    def nothing():
        return []

    both = mixed.expand(how=["ok", "skip", "fail"])
    skips = mixed.override(task_id="ok_and_skip").expand(how=["ok", "skip"])
    none = mixed.override(task_id="of_nothing").expand(how=nothing())
    for rule in RULES:
        both >> EmptyOperator(task_id=f"mixed__{rule}", trigger_rule=rule)
        skips >> EmptyOperator(task_id=f"ok_and_skip__{rule}", trigger_rule=rule)
        none >> EmptyOperator(task_id=f"of_nothing__{rule}", trigger_rule=rule)
