"""`tradewind connections` with the connection types that providers bring."""

import json

import pytest

from providers.conftest import Tradewind
from support.postgres import PostgresServer


@pytest.fixture
def migrated(tradewind: Tradewind) -> Tradewind:
    done = tradewind.command("db", "migrate")
    assert done.returncode == 0, done.stderr
    return tradewind


def test_a_type_that_nobody_has_is_noted(migrated: Tradewind) -> None:
    known = migrated.command("connections", "add", "a", "--conn-uri", "postgres://host/db")
    assert (known.returncode, known.stderr) == (0, "")
    unknown = migrated.command("connections", "add", "b", "--conn-uri", "postgress://host/db")
    assert unknown.returncode == 0
    assert "No installed provider has the connection type 'postgress'" in unknown.stderr
    assert "http, " in unknown.stderr


def test_a_connection_is_tried_out(migrated: Tradewind, postgres: PostgresServer) -> None:
    folder = postgres.url().rpartition("=")[2]
    for name, host in (("good", folder), ("bad", f"{folder}/nowhere")):
        value = {"conn_type": "postgres", "host": host, "login": "tw", "schema": "postgres"}
        migrated.command("connections", "add", name, "--conn-json", json.dumps(value))
    good = migrated.command("connections", "test", "good")
    assert (good.returncode, good.stdout) == (0, "Connection successfully tested\n"), good.stderr
    bad = migrated.command("connections", "test", "bad")
    assert bad.returncode == 1
    assert "No such file or directory" in bad.stdout
    assert migrated.command("connections", "test", "unknown").returncode == 1
