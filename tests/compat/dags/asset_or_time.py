"""AssetOrTimeSchedule runs for its ticks and for its assets; nested conditions of any and all."""

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable

a, b, c = (Asset(f"diff_time_{x}", uri=f"diff://time/{x}") for x in "abc")

with DAG("asset_or_time", schedule=None, catchup=False):
    EmptyOperator(task_id="make", outlets=[a])

with DAG("asset_or_time_bash", schedule=None, catchup=False):
    from airflow.providers.standard.operators.bash import BashOperator

    BashOperator(task_id="make", bash_command="true", outlets=[b])

with DAG(
    "asset_or_time_both",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 0 1 1 *", timezone="UTC"), assets=[a]
    ),
    start_date=pendulum.datetime(2026, 1, 1),
    end_date=pendulum.datetime(2026, 1, 2),
    catchup=True,
):
    EmptyOperator(task_id="tick")

with DAG("asset_or_time_nested", schedule=(a & (b | c)), catchup=False):
    EmptyOperator(task_id="tick")
with DAG("asset_or_time_wanting", schedule=(a & b & c), catchup=False):
    EmptyOperator(task_id="tick")
