"""TriggerDagRunOperator: existing run refused, skipped or reset; state lists; deferrable; a
paused DAG; run_after; templated conf.
"""

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, task

with DAG("trigger_options_child", schedule=None, catchup=False):

    @task
    def work(dag_run=None, ti=None):
        if dag_run.conf.get("fail"):
            raise RuntimeError("asked to fail")
        return [dag_run.conf, ti.try_number]

    work()

with DAG("trigger_options_paused", schedule=None, catchup=False):
    work()

with DAG("trigger_dagrun_options", schedule=None, catchup=False):
    common = {
        "trigger_dag_id": "trigger_options_child",
        "poke_interval": 1,
        "trigger_rule": "all_done",
    }
    first = TriggerDagRunOperator(
        task_id="first",
        trigger_run_id="child_1",
        wait_for_completion=True,
        conf={"n": "{{ ds }}"},
        **common,
    )
    again = TriggerDagRunOperator(task_id="again", trigger_run_id="child_1", **common)
    skips = TriggerDagRunOperator(
        task_id="skips", trigger_run_id="child_1", skip_when_already_exists=True, **common
    )
    resets = TriggerDagRunOperator(
        task_id="resets",
        trigger_run_id="child_1",
        reset_dag_run=True,
        wait_for_completion=True,
        conf={"n": "again"},
        **common,
    )
    deferred = TriggerDagRunOperator(
        task_id="deferred",
        trigger_run_id="child_2",
        wait_for_completion=True,
        deferrable=True,
        **common,
    )
    deferred_failed = TriggerDagRunOperator(
        task_id="deferred_failed",
        trigger_run_id="child_3",
        wait_for_completion=True,
        deferrable=True,
        conf={"fail": 1},
        **common,
    )
    paused = TriggerDagRunOperator(
        task_id="paused",
        trigger_run_id="paused_1",
        **{**common, "trigger_dag_id": "trigger_options_paused"},
    )
    refuses = TriggerDagRunOperator(
        task_id="refuses",
        trigger_run_id="paused_2",
        fail_when_dag_is_paused=True,
        **{**common, "trigger_dag_id": "trigger_options_paused"},
    )
    bad_conf = TriggerDagRunOperator(
        task_id="bad_conf", trigger_run_id="child_4", conf={"x": {1}}, **common
    )
    (
        first
        >> again
        >> skips
        >> resets
        >> deferred
        >> deferred_failed
        >> paused
        >> refuses
        >> bad_conf
    )
