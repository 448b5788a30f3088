import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.core import protocol
from tradewind.sdk import Connection, Variable, masking
from tradewind.sdk.comms import set_channel
from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException

URIS: list[tuple[str, dict[str, Any]]] = [
    (
        "postgresql://user:pa%2Fss@Host.example:5432/db?sslmode=require",
        {
            "conn_type": "postgres",
            "login": "user",
            "password": "pa/ss",
            "host": "host.example",
            "port": 5432,
            "schema": "db",
            "extra_dejson": {"sslmode": "require"},
        },
    ),
    (
        "http://https://example.org:8443/",
        {"conn_type": "http", "host": "https://example.org", "port": 8443, "schema": ""},
    ),
    (
        "google-cloud-platform://?__extra__=%7B%22a%22%3A+%7B%22b%22%3A+1%7D%7D",
        {"conn_type": "google_cloud_platform", "host": "", "extra_dejson": {"a": {"b": 1}}},
    ),
    ("sqlite:////data/a%20b.db", {"conn_type": "sqlite", "host": "", "schema": "/data/a b.db"}),
    ("ssh://[::1]:22", {"conn_type": "ssh", "host": "::1", "port": 22}),
    ("HTTP://h:80", {"conn_type": "http", "host": "h", "port": 80}),
    ("mysql://u@%2Frun%2FMy.sock", {"conn_type": "mysql", "login": "u", "host": "/run/My.sock"}),
    (
        "aws://?endpoint_url=http://localhost:4566",
        {"conn_type": "aws", "host": "", "extra_dejson": {"endpoint_url": "http://localhost:4566"}},
    ),
    ("fs:///https://h", {"conn_type": "fs", "host": "", "schema": "https://h"}),
    ("fs://", {"conn_type": "fs", "host": "", "login": None, "port": None, "extra": None}),
]


@pytest.mark.parametrize(("uri", "parts"), URIS)
def test_parts_of_a_uri(uri: str, parts: dict[str, Any]) -> None:
    connection = Connection(conn_id="c", uri=uri)

    assert {name: getattr(connection, name) for name in parts} == parts


def test_a_uri_with_too_many_protocols_is_refused() -> None:
    with pytest.raises(AirflowException, match="Invalid connection string"):
        Connection(conn_id="c", uri="a://b://c://d")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"conn-type": "http"}', "no field 'conn-type'"),
        ('{"password": 12345}', "password of connection 'c' must be a text, not int"),
        ('{"uri": null}{', "Extra data"),
        ('{"port": []}', "integer value"),
    ],
)
def test_json_that_is_no_connection(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Connection.from_text(text, "c")


def test_uri_and_parts_exclude_each_other() -> None:
    with pytest.raises(AirflowException, match="can't mix"):
        Connection(conn_id="c", uri="fs://", host="h")


NAMES = st.text(alphabet="abcXYZ09-._@:/ %", min_size=1, max_size=12)


@given(
    login=NAMES,
    password=NAMES,
    host=st.from_regex(r"[A-Za-z][A-Za-z0-9.-]{0,10}", fullmatch=True),
    port=st.integers(1, 65535),
    schema=NAMES,
    extra=st.dictionaries(NAMES, st.text(max_size=5) | st.integers() | st.lists(st.integers())),
)
def test_get_uri_gives_the_connection_back(
    login: str, password: str, host: str, port: int, schema: str, extra: dict[str, Any]
) -> None:
    connection = Connection(
        conn_id="c",
        conn_type="my_type",
        login=login,
        password=password,
        host=host,
        port=port,
        schema=schema,
        extra=json.dumps(extra) if extra else None,
    )

    again = Connection(conn_id="c", uri=connection.get_uri())

    for part in ("conn_type", "login", "password", "port", "schema", "extra_dejson"):
        assert getattr(again, part) == getattr(connection, part)
    assert again.host == (host if "/" in host else host.lower())


@pytest.mark.parametrize("prefix", ["AIRFLOW_CONN_", "TRADEWIND_CONN_"])
def test_from_the_environment(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{prefix}MY_DB", "mysql://u:secret@h/s")
    monkeypatch.setenv(f"{prefix}OTHER", '{"conn_type": "http", "port": "80", "extra": {"a": 1}}')
    secrets: list[Any] = []
    monkeypatch.setattr(masking, "receiver", lambda value, name: secrets.append(value))

    assert Connection.get("my_db").password == "secret"
    assert secrets == ["secret"]
    other = Connection.get("other")
    assert (other.conn_type, other.port, other.extra_dejson) == ("http", 80, {"a": 1})


def test_a_missing_connection_says_how_to_add_it() -> None:
    with pytest.raises(AirflowNotFoundException, match="AIRFLOW_CONN_NOWHERE"):
        Connection.get("nowhere")


class Answers:
    """A channel that knows one variable and one connection."""

    def request(self, message: protocol.Request) -> protocol.Reply:
        match message:
            case protocol.GetVariable(key="known"):
                return protocol.VariableReply(found=True, value='{"n": 1}')
            case protocol.GetVariable():
                return protocol.VariableReply(found=False)
            case protocol.GetConnection(conn_id="known"):
                value = protocol.ConnectionValue(conn_id="known", conn_type="http", host="h")
                return protocol.ConnectionReply(connection=value)
        return protocol.ConnectionReply()


@pytest.fixture
def channel() -> Any:
    set_channel(Answers())
    yield
    set_channel(None)


@pytest.mark.usefixtures("channel")
def test_from_the_control_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Connection.get("known").host == "h"
    assert Variable.get("known") == '{"n": 1}'
    assert Variable.get("known", deserialize_json=True) == {"n": 1}

    monkeypatch.setenv("AIRFLOW_VAR_KNOWN", "from the environment")
    assert Variable.get("known") == "from the environment"


def test_variables_without_a_value() -> None:
    assert Variable.get("absent", default=None) is None
    assert Variable.get("absent", "x") == "x"
    assert Variable.get("absent", default_var="old") == "old"
    with pytest.raises(KeyError, match="tradewind variables set absent"):
        Variable.get("absent")
    with pytest.raises(RuntimeError, match="inside a running task"):
        Variable.set("absent", 1)
