# ruff: noqa
"""A file of the 1.10 days. This {{ execution_date }} is text, not a template."""

from __future__ import print_function

import airflow
import json
from airflow import DAG
from airflow.contrib.sensors.file_sensor import FileSensor
from airflow.operators.bash_operator import BashOperator  # runs commands
from airflow.operators.dagrun_operator import TriggerDagRunOperator
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python_operator import BranchPythonOperator, PythonOperator
from airflow.operators.sensors import ExternalTaskSensor
from airflow.utils.dates import days_ago
from datetime import datetime, timedelta

DEFAULTS = {
    "owner": "me",
    "start_date": days_ago(2),
    "provide_context": True,
    "sla": timedelta(hours=1),
    "retries": 1,
    "task_concurrency": 3,
}

dag = DAG(
    "of_airflow_1",
    default_args=DEFAULTS,
    schedule_interval="0 5 * * *",
    concurrency=3,
    default_view="graph",
    orientation="LR",
)


def choose(**kwargs):
    print(kwargs["execution_date"], kwargs["next_ds"], kwargs["ti"].execution_date)
    return "left" if kwargs["yesterday_ds"] else "right"


def report(execution_date, next_execution_date, tomorrow_ds, **kwargs):
    print(f"{execution_date:%Y} {tomorrow_ds}", json.dumps({}), next_execution_date)


branch = BranchPythonOperator(
    task_id="branch", python_callable=choose, provide_context=True, dag=dag
)
left = DummyOperator(task_id="left", dag=dag)
right = DummyOperator(task_id="right", trigger_rule="dummy", dag=dag, sla=timedelta(minutes=5))
command = BashOperator(
    task_id="command",
    bash_command='echo {{ execution_date.strftime("%Y") }} {{ next_ds }} {{ prev_ds }} {{ ds }}',
    xcom_push=True,
    dag=dag,
)
other = TriggerDagRunOperator(
    task_id="other", trigger_dag_id="else", execution_date="{{ execution_date }}", dag=dag
)
wait = ExternalTaskSensor(
    task_id="wait",
    external_dag_id="x",
    external_task_id="y",
    execution_delta=timedelta(hours=1),
    dag=dag,
)
told = PythonOperator(task_id="told", python_callable=report, provide_context=True, dag=dag)
branch.set_downstream([left, right])
left >> command >> other
right >> wait >> told
