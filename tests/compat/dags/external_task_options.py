"""ExternalTaskSensor: failed and skipped states, a group, a delta, a function, several tasks,
the existence check, deferrable.
"""

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.sensors.external_task import ExternalTaskSensor
from airflow.sdk import DAG, TaskGroup, task
from airflow.sdk.exceptions import AirflowSkipException

with DAG("external_options_source", schedule=None, catchup=False):

    @task
    def fails():
        raise RuntimeError("broken")

    @task
    def skips():
        raise AirflowSkipException("not today")

    with TaskGroup("group"):
        EmptyOperator(task_id="one")
        EmptyOperator(task_id="two")
    EmptyOperator(task_id="fine")
    fails(), skips()

with DAG("external_task_options", schedule=None, catchup=False):

    def wait(name, **more):
        ExternalTaskSensor(
            task_id=name,
            external_dag_id="external_options_source",
            **{"poke_interval": 0.5, "timeout": 2, "check_existence": True, **more},
        )

    wait("fine", external_task_id="fine")
    wait("failed_state", external_task_id="fails", failed_states=["failed"])
    wait("failed_allowed", external_task_id="fails", allowed_states=["failed"])
    wait("failed_waits", external_task_id="fails")
    wait("skipped_state", external_task_id="skips", skipped_states=["skipped"])
    wait("group", external_task_group_id="group")
    wait("several", external_task_ids=["fine", "group.one"])
    wait("run_failed", failed_states=["failed"])
    wait("run_any", allowed_states=["success", "failed"])
    wait("hour_before", external_task_id="fine", execution_delta=timedelta(hours=1))
    wait("by_function", external_task_id="fine", execution_date_fn=lambda moment: moment)
    wait("no_such_task", external_task_id="nowhere")
    wait("soft", external_task_id="fails", failed_states=["failed"], soft_fail=True)
    wait("deferred", external_task_id="fine", deferrable=True, timeout=60)
    wait(
        "deferred_failed",
        external_task_id="fails",
        failed_states=["failed"],
        deferrable=True,
        timeout=60,
    )
