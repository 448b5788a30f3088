"""Setup failed, setup skipped, one of two setups failed, work skipped, teardown failed with
on_failure_fail_dagrun.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, setup, task, teardown
from airflow.sdk.exceptions import AirflowSkipException


def act(how):
    if how == "fail":
        raise RuntimeError("broken")
    if how == "skip":
        raise AirflowSkipException("not today")
    return how


def shape(dag_id, cases):
    with DAG(dag_id, schedule=None, catchup=False):
        start, work, end = setup(act), task(act), teardown(act)
        for name, (setups, works, ends) in cases.items():
            made = [
                start.override(task_id=f"{name}_setup_{i}")(how) for i, how in enumerate(setups)
            ]
            last = end.override(task_id=f"{name}_teardown")(ends)
            middle = [work.override(task_id=f"{name}_work_{i}")(how) for i, how in enumerate(works)]
            made >> last
            for each in middle:
                made >> each >> last
                each >> EmptyOperator(task_id=f"{each.operator.task_id}_after")
            last >> EmptyOperator(task_id=f"{name}_after_teardown")


shape(
    "setup_states",
    {
        "failed": (["fail"], ["ok"], "ok"),
        "skipped": (["skip"], ["ok"], "ok"),
        "one_failed": (["ok", "fail"], ["ok"], "ok"),
        "one_skipped": (["ok", "skip"], ["ok"], "ok"),
        "work_skipped": (["ok"], ["skip", "ok"], "ok"),
        "teardown_skipped": (["ok"], ["ok"], "skip"),
    },
)
