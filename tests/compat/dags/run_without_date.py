"""A run without a logical date: which names there are, templates that need a date fail,
branches and sensors by date.
"""

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.sdk import DAG, task

NAMES = [
    "ds",
    "ts",
    "logical_date",
    "data_interval_start",
    "data_interval_end",
    "run_id",
    "params",
    "ds_nodash",
    "ts_nodash",
    "prev_start_date_success",
]

with DAG("run_without_date", schedule=None, catchup=False):

    @task
    def names(**context):
        return [name for name in NAMES if name in context]

    @task
    def values(dag_run=None, logical_date=None, data_interval_start=None):
        return [
            str(dag_run.logical_date),
            str(dag_run.data_interval_start),
            str(logical_date),
            str(data_interval_start),
        ]

    names(), values()
    BashOperator(task_id="needs_ds", bash_command="echo {{ ds }}")
    BashOperator(task_id="needs_ts", bash_command="echo {{ ts }}")
    BashOperator(task_id="run_id", bash_command="echo {{ run_id }}")
    LatestOnlyOperator(task_id="latest") >> EmptyOperator(task_id="after_latest")

    @task
    def needs_argument(ds):
        return ds

    needs_argument()
