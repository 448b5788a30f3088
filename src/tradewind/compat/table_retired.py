"""The table, part 4: what provider packages had until a few years ago, and DAG files still import.

A row holds while its provider is installed: names that its module lacks today, or a module that is
gone. `retired.py` has those that are more than another name.
"""

_SQL = "tradewind.compat.retired: "

RETIRED: dict[str, str] = {
    "airflow.providers.amazon.aws.operators.redshift_sql": f"{_SQL}RedshiftSQLOperator",
    "airflow.providers.http.operators.http": (
        "airflow.providers.http.operators.http: SimpleHttpOperator=HttpOperator"
    ),
    "airflow.providers.jdbc.operators.jdbc": f"{_SQL}JdbcOperator",
    "airflow.providers.microsoft.mssql.operators.mssql": f"{_SQL}MsSqlOperator",
    "airflow.providers.mysql.operators.mysql": f"{_SQL}MySqlOperator",
    "airflow.providers.oracle.operators.oracle": f"{_SQL}OracleOperator",
    "airflow.providers.postgres.operators.postgres": (
        f"{_SQL}PostgresOperator; airflow.providers.postgres.hooks.postgres: PostgresHook"
    ),
    "airflow.providers.snowflake.operators.snowflake": f"{_SQL}SnowflakeOperator",
    "airflow.providers.sqlite.operators.sqlite": f"{_SQL}SqliteOperator",
    "airflow.providers.trino.operators.trino": f"{_SQL}TrinoOperator",
    "airflow.providers.vertica.operators.vertica": f"{_SQL}VerticaOperator",
}
"""Airflow module → its names."""
