"""Time, day, file, bash and Python sensors of the standard provider, in both modes."""

import os
from datetime import datetime, time, timedelta

from airflow.providers.standard.sensors.bash import BashSensor
from airflow.providers.standard.sensors.date_time import DateTimeSensor
from airflow.providers.standard.sensors.filesystem import FileSensor
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.providers.standard.sensors.time import TimeSensor
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.providers.standard.sensors.weekday import DayOfWeekSensor
from airflow.sdk import DAG

with DAG(
    "sensor_shipped", schedule=None, catchup=False, default_args={"poke_interval": 1, "timeout": 4}
):
    DateTimeSensor(task_id="moment", target_time="{{ logical_date }}")
    DateTimeSensor(task_id="moment_object", target_time=datetime(2026, 1, 1))
    TimeSensor(task_id="midnight", target_time=time(0, 0))
    TimeDeltaSensor(task_id="delta", delta=timedelta(hours=1))
    DayOfWeekSensor(task_id="thursday", week_day="Thursday", use_task_logical_date=True)
    DayOfWeekSensor(task_id="monday", week_day="Monday", use_task_logical_date=True, timeout=1)
    FileSensor(task_id="no_file", filepath="/nowhere/at/all", timeout=1)
    FileSensor(task_id="this_file", filepath=__file__)
    FileSensor(
        task_id="pattern", filepath=os.path.join(os.path.dirname(__file__), "sensor_shi*.py")
    )
    BashSensor(task_id="bash_true", bash_command="exit 0")
    BashSensor(task_id="bash_false", bash_command="exit 1", timeout=1)
    BashSensor(task_id="bash_retry", bash_command="exit 7", retry_exit_code=1, timeout=1)
    PythonSensor(
        task_id="python_args", python_callable=lambda a, b: a == b, op_args=[1], op_kwargs={"b": 1}
    )
    PythonSensor(
        task_id="reschedule_soft",
        python_callable=lambda: False,
        mode="reschedule",
        poke_interval=4,
        timeout=2,
        soft_fail=True,
    )
    PythonSensor(
        task_id="reschedule_timeout",
        python_callable=lambda: False,
        mode="reschedule",
        poke_interval=4,
        timeout=2,
        retries=2,
    )
