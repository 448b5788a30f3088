# ruff: noqa
import airflow.utils.dates
import airflow.operators.bash_operator as bash_tasks
from airflow import models
from airflow.operators import dummy_operator, python_operator
from airflow.utils import dates, trigger_rule
from airflow.utils.trigger_rule import TriggerRule

with models.DAG(
    "through_modules", start_date=airflow.utils.dates.days_ago(3), schedule_interval=None
) as dag:
    a = bash_tasks.BashOperator(task_id="a", bash_command="true")
    b = dummy_operator.DummyOperator(task_id="b", trigger_rule=trigger_rule.TriggerRule.ALL_DONE)
    c = python_operator.PythonOperator(task_id="c", python_callable=print, provide_context=False)
    d = dummy_operator.DummyOperator(
        task_id="d", trigger_rule=TriggerRule.ONE_SUCCESS, start_date=dates.days_ago(1, hour=3)
    )
    a >> b >> c >> d

with models.DAG(
    "once", default_args=dict(start_date=dates.days_ago(1), sla=None), schedule_interval="@once"
):
    dummy_operator.DummyOperator(task_id="only")
