"""What only PostgreSQL has, by the connection `postgres_default`."""

from tempfile import NamedTemporaryFile

from airflow.providers.common.sql.operators.generic_transfer import GenericTransfer
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.providers.postgres.operators.postgres import PostgresOperator
from airflow.sdk import DAG, task

CREATE = [
    "CREATE TABLE numbers (n INTEGER PRIMARY KEY, square INTEGER)",
    "CREATE TABLE others (n INTEGER, square INTEGER)",
]

with DAG("run_postgres", schedule=None, default_args={"conn_id": "postgres_default"}):
    create = SQLExecuteQueryOperator(task_id="create", sql=CREATE)

    @task
    def load():
        hook = PostgresHook()
        assert hook.get_uri().startswith("postgresql"), hook.get_uri()
        hook.insert_rows("numbers", [(n, n * n) for n in range(5)], ["n", "square"])
        hook.insert_rows("numbers", [(4, 17)], ["n", "square"], replace=True, replace_index="n")
        return [list(row) for row in hook.get_records("SELECT * FROM numbers ORDER BY n")]

    @task
    def bulk(rows):
        with NamedTemporaryFile("r") as file:
            PostgresHook().copy_expert("COPY numbers TO STDOUT", file.name)
            assert len(file.readlines()) == len(rows) == 5
        assert rows[4] == [4, 17], rows

    with_arguments = SQLExecuteQueryOperator(
        task_id="with_arguments",
        sql="SELECT square FROM numbers WHERE n = ANY(%(wanted)s) ORDER BY n",
        parameters={"wanted": [2, 3]},
    )
    as_it_was = PostgresOperator(
        task_id="as_it_was",
        postgres_conn_id="postgres_default",
        sql="SELECT square FROM numbers WHERE n = %(wanted)s",
        parameters={"wanted": 3},
    )
    pages = GenericTransfer(
        task_id="pages",
        sql="SELECT n, square FROM numbers ORDER BY n",
        destination_table="others",
        source_conn_id="postgres_default",
        destination_conn_id="postgres_default",
        page_size=2,
        deferrable=True,
    )

    @task
    def compare(ti=None):
        assert ti.xcom_pull(task_ids="with_arguments") == [(4,), (9,)]
        assert ti.xcom_pull(task_ids="as_it_was") == [(9,)]
        assert PostgresHook().get_first("SELECT count(*), max(square) FROM others") == (5, 17)

    loaded = load()
    create >> loaded
    [bulk(loaded), loaded >> with_arguments, loaded >> as_it_was, loaded >> pages] >> compare()
