"""A file of the 1.10 days: schedule_interval gives intervals and catch-up, and the old names
work.
"""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash_operator import BashOperator
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python_operator import PythonOperator

default_args = {
    "owner": "airflow",
    "start_date": datetime(2026, 1, 1),
    "depends_on_past": False,
    "provide_context": True,
}
dag = DAG(
    "old_style",
    default_args=default_args,
    end_date=datetime(2026, 1, 2),
    schedule_interval=timedelta(days=1),
    concurrency=4,
)


def show(
    ds,
    execution_date,
    next_execution_date,
    prev_execution_date,
    tomorrow_ds,
    yesterday_ds,
    **kwargs,
):
    return [
        (next_execution_date - execution_date).days,
        (execution_date - prev_execution_date).days,
        tomorrow_ds > ds > yesterday_ds,
    ]


start = DummyOperator(task_id="start", dag=dag)
middle = PythonOperator(task_id="middle", python_callable=show, provide_context=True, dag=dag)
end = BashOperator(
    task_id="end",
    bash_command="test {{ next_ds }} = {{ tomorrow_ds }}",
    trigger_rule="none_failed_or_skipped",
    dag=dag,
)
start.set_downstream(middle)
middle >> end
