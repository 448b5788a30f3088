"""common.sql on any database: the same DAG on SQLite and PostgreSQL, by the connection `db`."""

from airflow.providers.common.sql.hooks.sql import fetch_one_handler
from airflow.providers.common.sql.operators.generic_transfer import GenericTransfer
from airflow.providers.common.sql.operators.sql import (
    BranchSQLOperator,
    SQLCheckOperator,
    SQLColumnCheckOperator,
    SQLExecuteQueryOperator,
    SQLInsertRowsOperator,
    SQLIntervalCheckOperator,
    SQLTableCheckOperator,
    SQLThresholdCheckOperator,
    SQLValueCheckOperator,
)
from airflow.providers.common.sql.sensors.sql import SqlSensor
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, BaseHook, task

with DAG(
    "run_sql",
    schedule=None,
    default_args={"conn_id": "db"},
    template_searchpath=__file__.rpartition("/")[0],
):
    create = SQLExecuteQueryOperator(
        task_id="create",
        sql=[
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, day DATE, price INTEGER)",
            "CREATE TABLE copies (id INTEGER PRIMARY KEY, day DATE, price INTEGER)",
        ],
    )
    insert = SQLInsertRowsOperator(
        task_id="insert",
        table_name="orders",
        columns=["id", "day", "price"],
        rows=[(1, "2026-01-14", 10), (2, "2026-01-15", 20), (3, "2026-01-15", 30)],
    )
    create >> insert

    rows = SQLExecuteQueryOperator(
        task_id="rows",
        sql="SELECT id, price FROM orders WHERE price > {{ params.least }} ORDER BY id",
        params={"least": 15},
    )
    one = SQLExecuteQueryOperator(
        task_id="one", sql="SELECT count(*), sum(price) FROM orders", handler=fetch_one_handler
    )
    from_a_file = SQLExecuteQueryOperator(task_id="from_a_file", sql="orders_of_a_day.sql")

    @task.sql
    def decorated(least):
        return f"SELECT max(price) FROM orders WHERE price > {least}"

    decorated_rows = decorated(15)

    @task
    def with_hook():
        hook = BaseHook.get_hook("db")
        hook.run("UPDATE orders SET price = price + 0")
        engine = hook.get_sqlalchemy_engine()
        with engine.connect() as connection:
            names = connection.exec_driver_sql("SELECT id FROM orders ORDER BY id").scalars().all()
        return [list(names), hook.get_first("SELECT price FROM orders WHERE id = 1")[0]]

    hooked = with_hook()

    @task
    def compare(ti=None):
        found = {name: ti.xcom_pull(task_ids=name) for name in EXPECTED}
        assert {name: plain(value) for name, value in found.items()} == EXPECTED, found

    checks = [
        SQLCheckOperator(task_id="check", sql="SELECT count(*) FROM orders"),
        SQLValueCheckOperator(
            task_id="value", sql="SELECT sum(price) FROM orders", pass_value=66, tolerance=0.1
        ),
        SQLThresholdCheckOperator(
            task_id="threshold",
            sql="SELECT avg(price) FROM orders",
            min_threshold=10,
            max_threshold="SELECT max(price) FROM orders",
        ),
        SQLIntervalCheckOperator(
            task_id="interval",
            table="orders",
            metrics_thresholds={"COUNT(*)": 2.5},
            date_filter_column="day",
            days_back=-1,
        ),
        SQLColumnCheckOperator(
            task_id="columns",
            table="orders",
            column_mapping={
                "id": {"null_check": {"equal_to": 0}, "unique_check": {"equal_to": 0}},
                "price": {"min": {"geq_to": 10}, "max": {"leq_to": 30}},
            },
        ),
        SQLTableCheckOperator(
            task_id="table",
            table="orders",
            checks={"row_count": {"check_statement": "COUNT(*) = 3"}},
        ),
        SqlSensor(task_id="sensor", sql="SELECT count(*) FROM orders", poke_interval=0.1),
    ]
    copy = GenericTransfer(
        task_id="copy",
        sql="SELECT id, day, price FROM orders ORDER BY id",
        destination_table="copies",
        source_conn_id="db",
        destination_conn_id="db",
        preoperator="DELETE FROM copies",
    )
    copied = SQLValueCheckOperator(
        task_id="copied", sql="SELECT count(*) FROM copies", pass_value=3
    )
    failing = [
        SQLCheckOperator(task_id="check_fails", sql="SELECT 0"),
        SQLColumnCheckOperator(
            task_id="columns_fail",
            table="orders",
            column_mapping={"price": {"max": {"less_than": 20}}},
        ),
        SQLExecuteQueryOperator(task_id="wrong_sql", sql="SELECT nothing FROM nowhere"),
    ]
    branch = BranchSQLOperator(
        task_id="branch",
        sql="SELECT count(*) FROM orders WHERE price > 100",
        follow_task_ids_if_true="dear",
        follow_task_ids_if_false="cheap",
    )
    branch >> [EmptyOperator(task_id="dear"), EmptyOperator(task_id="cheap")]
    insert >> [rows, one, from_a_file, decorated_rows, hooked] >> compare()
    insert >> [*checks, *failing, branch]
    insert >> copy >> copied

EXPECTED = {
    "rows": [[2, 20], [3, 30]],
    "one": [3, 60],
    "from_a_file": [["2026-01-15", 50]],
    "decorated": [[30]],
    "with_hook": [[1, 2, 3], 10],
}


def plain(value):
    """Rows as lists, dates as text: what differs between databases is left out."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, int) else str(value)
