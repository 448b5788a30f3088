"""Variables, connections, pools and the configuration, as people type them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tradewind.core.errors import TradewindError

Run = Callable[..., Result]
Refused = Callable[..., TradewindError]


def rows(result: Result) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(result.stdout)
    return found


# --- variables ------------------------------------------------------------------------------------


def test_a_variable_of_any_value(run: Run) -> None:
    run("variables", "set", "n", "-5")
    assert run("variables", "get", "n").output == "-5\n"
    run("variables", "set", "o", '{"a": "ü"}')
    assert run("variables", "get", "-j", "o").output == '{"a": "ü"}\n'
    assert run("variables", "get", "none", "-d", "x").output == "x\n"


def test_values_are_listed_when_asked_for(run: Run) -> None:
    run("variables", "set", "k", "secret")
    assert "secret" not in run("variables", "list", "-o", "json").output
    assert rows(run("variables", "list", "--show-values", "-o", "json"))[0]["value"] == "secret"
    hidden = run("variables", "list", "--show-values", "--hide-sensitive", "-o", "json")
    assert rows(hidden)[0]["value"] == "***"


def test_a_value_that_is_not_json(run: Run, refused: Refused) -> None:
    run("variables", "set", "k", "v")
    assert "The value of k is not JSON" in str(refused("variables", "get", "-j", "k"))


@pytest.mark.parametrize("ending", ["json", "yaml", "env"])
def test_variables_there_and_back(run: Run, tmp_path: Path, ending: str) -> None:
    file = str(tmp_path / f"variables.{ending}")
    run("variables", "set", "a", "text")
    run("variables", "set", "b", '{"x": 1}')
    run("variables", "export", file)
    run("variables", "delete", "a", "-y")
    run("variables", "import", file)
    assert run("variables", "get", "a").output == "text\n"
    assert json.loads(run("variables", "get", "b").output) == {"x": 1}


def test_variables_that_exist_already(run: Run, refused: Refused, tmp_path: Path) -> None:
    file = tmp_path / "v.json"
    file.write_text('{"a": "new", "b": {"value": [1], "description": "why"}}')
    run("variables", "set", "a", "old")
    error = refused("variables", "import", str(file), "-a", "fail")
    assert str(error) == "These variables exist already: a."
    run("variables", "import", str(file), "-a", "skip")
    assert run("variables", "get", "a").output == "old\n"
    run("variables", "import", str(file))
    assert run("variables", "get", "a").output == "new\n"
    assert {"key": "b", "description": "why"} in rows(run("variables", "list", "-o", "json"))


def test_a_question_without_an_answer_changes_nothing(run: Run, refused: Refused) -> None:
    run("variables", "set", "k", "v")
    for answer in ("", "n\n"):
        error = refused("variables", "delete", "k", input=answer)
        assert str(error) == "Nothing was changed."
        assert error.hint == "-y or --yes answers yes."
    run("variables", "delete", "k", input="y\n")
    assert "no variable 'k'" in str(refused("variables", "get", "k"))


def test_a_date_in_yaml_is_stored_as_text(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "v.yaml"
    file.write_text("a: 2026-01-01\nb: [2026-01-01]\n")
    run("variables", "import", str(file))
    assert run("variables", "get", "-j", "b").output == '["2026-01-01"]\n'


# --- connections ----------------------------------------------------------------------------------


def test_a_connection_in_three_ways(run: Run) -> None:
    run("connections", "add", "u", "--conn-uri", "http://me:pw@h:1/s", "--conn-extra", '{"a": 1}')
    run("connections", "add", "j", "--conn-json", '{"conn_type": "http", "port": "80"}')
    run("connections", "add", "f", "--conn-type", "http", "--conn-host", "h")
    shown = json.loads(run("connections", "get", "u", "--show-password", "-o", "json").output)
    assert (shown["login"], shown["password"], shown["port"]) == ("me", "pw", 1)
    assert json.loads(shown["extra"]) == {"a": 1}
    listed = rows(run("connections", "list", "-o", "json"))
    assert [(row["conn_id"], row["port"]) for row in listed] == [("f", None), ("j", 80), ("u", 1)]
    assert "pw" not in json.dumps(listed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "exactly one of three ways"),
        (["--conn-uri", "a://b", "--conn-type", "http"], "exactly one of three ways"),
        (["--conn-json", "{"], "connection c is not valid JSON"),
        (["--conn-json", "{}"], "connection c has no conn_type"),
        (["--conn-json", '{"conn_type": "x", "hots": "y"}'], "unknown field hots"),
        (["--conn-json", '{"conn_type": "x", "port": "y"}'], "connection c: Expected integer"),
        (["--conn-type", "x", "--conn-extra", "{bad"], "the extra is not valid JSON"),
        (["--conn-uri", "a://b", "--conn-extra", "{bad"], "the extra is not valid JSON"),
    ],
)
def test_a_connection_that_is_none(refused: Refused, arguments: list[str], message: str) -> None:
    assert message in str(refused("connections", "add", "c", *arguments))


@pytest.mark.parametrize("ending", ["json", "yaml", "env"])
@pytest.mark.parametrize("serialization", ["uri", "json"])
def test_connections_there_and_back(
    run: Run, tmp_path: Path, ending: str, serialization: str
) -> None:
    file = str(tmp_path / f"connections.{ending}")
    run("connections", "add", "c", "--conn-uri", "http://me:p%40w@h:1/s?a=b")
    before = run("connections", "get", "c", "--show-password", "-o", "json").output
    run("connections", "export", file, "--serialization-format", serialization)
    run("connections", "delete", "c", "-y")
    run("connections", "import", file)
    assert run("connections", "get", "c", "--show-password", "-o", "json").output == before


def test_connections_that_exist_already(run: Run, refused: Refused, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text('{"c": "http://new"}')
    run("connections", "add", "c", "--conn-uri", "http://old")
    assert "c exists already" in str(refused("connections", "add", "c", "--conn-uri", "http://x"))
    run("connections", "import", str(file))
    assert '"old"' in run("connections", "get", "c", "-o", "json").output
    run("connections", "import", str(file), "--overwrite")
    assert '"new"' in run("connections", "get", "c", "-o", "json").output


def test_a_file_without_connections(refused: Refused, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text('{"c": "no uri"}')
    assert f"{file}: connection c" in str(refused("connections", "import", str(file)))


@pytest.mark.parametrize(
    "fields",
    [
        '{"conn_type": "http", "host": ["h"]}',
        '{"conn_type": "http", "password": 12}',
        '{"conn_type": "http", "extra": [1]}',
        '{"conn_type": "http", "port": [1]}',
    ],
)
def test_a_field_of_another_type(refused: Refused, fields: str) -> None:
    assert "connection c: " in str(refused("connections", "add", "c", "--conn-json", fields))


# --- pools ----------------------------------------------------------------------------------------


def test_pools(run: Run, refused: Refused, tmp_path: Path) -> None:
    run("pools", "set", "p", "3", "for databases", "--include-deferred")
    run("pools", "set", "wide", "-1")
    file = str(tmp_path / "pools.json")
    run("pools", "export", file)
    run("pools", "delete", "p", "-y")
    assert "no pool 'p'" in str(refused("pools", "get", "p"))
    run("pools", "import", file)
    [pool] = rows(run("pools", "get", "p", "-o", "json"))
    assert (pool["slots"], pool["description"], pool["include_deferred"]) == (
        3,
        "for databases",
        True,
    )
    assert "cannot have -2 slots" in str(refused("pools", "set", "p", "-2"))
    assert "cannot be deleted" in str(refused("pools", "delete", "default_pool", "-y"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ('{"slots": true}', "no whole number of slots"),
        ('{"slots": 1, "description": {}}', "a description that is no text"),
        ('{"slots": 9223372036854775808}', "does not fit into the database"),
    ],
)
def test_pools_that_cannot_be(refused: Refused, tmp_path: Path, fields: str, message: str) -> None:
    file = tmp_path / "pools.json"
    file.write_text(f'{{"p": {fields}}}')
    assert message in str(refused("pools", "import", str(file)))


# --- configuration --------------------------------------------------------------------------------


def test_where_a_value_comes_from(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_CORE__PARALLELISM", "3")
    listed = rows(run("config", "list", "--section", "core", "-o", "json"))
    assert {row["setting"]: row["source"] for row in listed}[
        "core.parallelism"
    ] == "TRADEWIND_CORE__PARALLELISM"
    assert {str(row["setting"]).partition(".")[0] for row in listed} == {"core"}
    for command in (["get", "core.parallelism"], ["get-value", "core", "parallelism"]):
        assert run("config", *command).output == "3\n"


def test_settings_that_are_not_there(refused: Refused) -> None:
    assert str(refused("config", "get", "core")) == "There is no setting 'core'."
    assert "no setting 'core.x'" in str(refused("config", "get", "core", "x"))
    assert "no section 'x'" in str(refused("config", "list", "--section", "x"))


def test_a_password_in_a_url_is_masked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_DATABASE__URL", "postgresql://me:secret@h/db")
    assert run("config", "get", "database.url").output == "postgresql://me:***@h/db\n"
    assert "secret" not in run("config", "list").output
    assert "secret" not in run("info").output
