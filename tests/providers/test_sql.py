"""common.sql on SQLite and PostgreSQL, and what only PostgreSQL's provider has."""

import json
from pathlib import Path

import pytest

from providers.conftest import Tradewind
from support.postgres import PostgresServer

FAILING = {"check_fails", "columns_fail", "wrong_sql"}


@pytest.fixture
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind, as a connection."""
    if request.param == "sqlite":
        return json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "test.db")})
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres_connection(postgres)


def postgres_connection(postgres: PostgresServer) -> str:
    database = postgres.new_database()
    folder = postgres.url().rpartition("=")[2]
    return json.dumps({"conn_type": "postgres", "host": folder, "login": "tw", "schema": database})


@pytest.mark.parametrize("connection", ["sqlite", "postgres"], indirect=True)
def test_operators_sensor_and_hooks(tradewind: Tradewind, connection: str) -> None:
    done = tradewind.run("run_sql", AIRFLOW_CONN_DB=connection)
    assert done.in_state("failed") == FAILING, done.output
    assert done.in_state("skipped") == {"dear"}, done.output
    assert len(done.in_state("success")) == 19, done.output


def test_what_only_postgres_has(tradewind: Tradewind, postgres: PostgresServer) -> None:
    done = tradewind.run(
        "run_postgres", AIRFLOW_CONN_POSTGRES_DEFAULT=postgres_connection(postgres)
    )
    assert set(done.states.values()) == {"success"}, done.output
