# ruff: noqa
from datetime import timedelta

import pendulum

try:
    from airflow.operators.empty import EmptyOperator
except ImportError:
    from airflow.operators.dummy import DummyOperator as EmptyOperator
from airflow.datasets import Dataset
from airflow.decorators import dag, task
from airflow.models import BaseOperator
from airflow.models.baseoperator import chain
from airflow.models.param import Param
from airflow.operators.subdag import SubDagOperator
from airflow.utils.decorators import apply_defaults
from airflow.utils.task_group import TaskGroup

ZONE = pendulum.timezone("Europe/Berlin")
SCHEDULE = "@weekly"


class Mine(BaseOperator):
    @apply_defaults
    def __init__(self, x, **kwargs):
        super().__init__(**kwargs)
        self.x = x

    def execute(self, context):
        return context["execution_date"], context["dag_run"].execution_date


@dag(
    schedule_interval=SCHEDULE,
    start_date=pendulum.datetime(2024, 1, 1, tz=ZONE),
    tags=["old"],
    params={"many": Param(1, type="integer")},
    fail_stop=True,
)
def of_airflow_2():
    @task
    def one(execution_date=None, tomorrow_ds=None):
        return execution_date.isoformat() + tomorrow_ds

    @task(provide_context=True, outlets=[Dataset("s3://a/b")])
    def two(x, **context):
        return context["tomorrow_ds_nodash"]

    with TaskGroup("group"):
        chain(
            EmptyOperator(task_id="e"),
            two(one()),
            Mine(task_id="m", x=1, provide_context=True, task_concurrency=2),
        )


of_airflow_2()
