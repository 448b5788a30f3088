"""The SQL operators that providers had, one for each database, as the one that took their place.

They differ from it in the name of the argument with the connection, and in its default.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewind.sdk.baseoperator import BaseOperator as _Modern
else:  # of a provider that is installed when somebody asks for one of these
    _Modern = import_module("airflow.providers.common.sql.operators.sql").SQLExecuteQueryOperator


class JdbcOperator(_Modern):
    def __init__(self, *, jdbc_conn_id: str = "jdbc_default", **kwargs: Any) -> None:
        super().__init__(conn_id=jdbc_conn_id, **kwargs)


class MsSqlOperator(_Modern):
    def __init__(self, *, mssql_conn_id: str = "mssql_default", **kwargs: Any) -> None:
        super().__init__(conn_id=mssql_conn_id, **kwargs)


class MySqlOperator(_Modern):
    def __init__(self, *, mysql_conn_id: str = "mysql_default", **kwargs: Any) -> None:
        super().__init__(conn_id=mysql_conn_id, **kwargs)


class OracleOperator(_Modern):
    def __init__(self, *, oracle_conn_id: str = "oracle_default", **kwargs: Any) -> None:
        super().__init__(conn_id=oracle_conn_id, **kwargs)


class PostgresOperator(_Modern):
    def __init__(self, *, postgres_conn_id: str = "postgres_default", **kwargs: Any) -> None:
        super().__init__(conn_id=postgres_conn_id, **kwargs)


class RedshiftSQLOperator(_Modern):
    def __init__(self, *, redshift_conn_id: str = "redshift_default", **kwargs: Any) -> None:
        super().__init__(conn_id=redshift_conn_id, **kwargs)


class SnowflakeOperator(_Modern):
    """`warehouse` and so on go to its hook, where they win over the connection's."""

    def __init__(
        self,
        *,
        snowflake_conn_id: str = "snowflake_default",
        warehouse: str | None = None,
        database: str | None = None,
        role: str | None = None,
        schema: str | None = None,
        authenticator: str | None = None,
        session_parameters: dict[str, Any] | None = None,
        hook_params: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        said = {
            "warehouse": warehouse,
            "database": database,
            "role": role,
            "schema": schema,
            "authenticator": authenticator,
            "session_parameters": session_parameters,
        }
        given = {name: value for name, value in said.items() if value is not None}
        super().__init__(
            conn_id=snowflake_conn_id, hook_params={**given, **(hook_params or {})}, **kwargs
        )


class SqliteOperator(_Modern):
    def __init__(self, *, sqlite_conn_id: str = "sqlite_default", **kwargs: Any) -> None:
        super().__init__(conn_id=sqlite_conn_id, **kwargs)


class TrinoOperator(_Modern):
    def __init__(self, *, trino_conn_id: str = "trino_default", **kwargs: Any) -> None:
        super().__init__(conn_id=trino_conn_id, **kwargs)


class VerticaOperator(_Modern):
    def __init__(self, *, vertica_conn_id: str = "vertica_default", **kwargs: Any) -> None:
        super().__init__(conn_id=vertica_conn_id, **kwargs)
