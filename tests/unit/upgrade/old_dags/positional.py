# ruff: noqa
from airflow.models import DAG
from airflow.operators import BashOperator, DummyOperator as D
from airflow.utils.dates import datetime, timedelta

dag = DAG(
    "positional", "described", timedelta(days=1), start_date=datetime(2020, 1, 1), catchup=False
)
f = BashOperator(task_id="f", bash_command=f"echo {{{{ execution_date }}}} {dag.dag_id}", dag=dag)
g = BashOperator(
    task_id="g",
    bash_command="""
  echo {% if execution_date %}{{ dag_run.execution_date }} {{ params.execution_date }}{% endif %}
  {{ tomorrow_ds[:4] }} {{ yesterday_ds_nodash }} {{ next_ds_nodash[1:] }}""",
    dag=dag,
)
D(task_id="z", dag=dag, trigger_rule="none_failed_or_skipped")
