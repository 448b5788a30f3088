"""Snowflake's hook and SQL operators, against an emulator."""

import pendulum
from airflow.providers.common.sql.operators.sql import (
    SQLCheckOperator,
    SQLExecuteQueryOperator,
)
from airflow.providers.common.sql.sensors.sql import SqlSensor
from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
from airflow.sdk import DAG, task

WITH = {"conn_id": "snowflake_default"}

with DAG("run_snowflake", start_date=pendulum.datetime(2026, 1, 1), schedule=None):
    create = SQLExecuteQueryOperator(
        task_id="create",
        sql=[
            "CREATE TABLE orders (item VARCHAR, number INT)",
            "INSERT INTO orders VALUES ('a', 2)",
        ],
        **WITH,
    )
    insert = SQLExecuteQueryOperator(
        task_id="insert",
        sql="INSERT INTO orders VALUES (%(item)s, 3)",
        parameters={"item": "{{ dag.dag_id }}"},
        **WITH,
    )
    select = SQLExecuteQueryOperator(
        task_id="select", sql="SELECT item, number FROM orders ORDER BY number", **WITH
    )
    check = SQLCheckOperator(task_id="check", sql="SELECT COUNT(*) FROM orders", **WITH)
    wait = SqlSensor(task_id="wait", sql="SELECT COUNT(*) = 2 FROM orders", poke_interval=1, **WITH)

    @task
    def hook(rows: list[list[object]]) -> int:
        assert [list(row) for row in rows] == [["a", 2], ["run_snowflake", 3]]
        return int(SnowflakeHook().get_first("SELECT SUM(number) FROM orders")[0])

    create >> insert >> [select, check, wait]
    hook(select.output)
