"""Deferrable time sensors, and a task that starts in its trigger."""

from datetime import timedelta

from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.providers.standard.sensors.filesystem import FileSensor
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import DAG, BaseOperator
from airflow.triggers.base import StartTriggerArgs


class StartsInTrigger(BaseOperator):
    start_trigger_args = StartTriggerArgs(
        trigger_cls="airflow.providers.standard.triggers.temporal.TimeDeltaTrigger",
        trigger_kwargs={"delta": timedelta(seconds=1)},
        next_method="resume",
        next_kwargs=None,
        timeout=None,
    )
    start_from_trigger = True

    def execute(self, context):
        raise RuntimeError("execute is never called")

    def resume(self, context, event=None):
        return "resumed"


with DAG("deferral_sensors", schedule=None, catchup=False):
    DateTimeSensorAsync(task_id="moment", target_time="{{ logical_date }}")
    TimeDeltaSensor(task_id="delta", delta=timedelta(hours=1), deferrable=True)
    DateTimeSensorAsync(
        task_id="moment_ends_there", target_time="{{ logical_date }}", end_from_trigger=True
    )
    FileSensor(task_id="this_file", filepath=__file__, deferrable=True, poke_interval=1)
    FileSensor(
        task_id="no_file", filepath="/nowhere/at/all", deferrable=True, poke_interval=1, timeout=3
    )
    FileSensor(
        task_id="no_file_soft",
        filepath="/nowhere/at/all",
        deferrable=True,
        poke_interval=1,
        timeout=3,
        soft_fail=True,
    )
    StartsInTrigger(task_id="starts_in_trigger")
