"""What user code asks of the control plane, over a channel that keeps it in memory."""

import asyncio
import json
from typing import Any

import pytest

from tradewind.core import protocol
from tradewind.sdk import BaseOperatorLink, BaseXCom, Connection, Variable, masking, serde
from tradewind.sdk.comms import set_channel
from tradewind.sdk.exceptions import AirflowException


class Memory:
    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        self.xcoms: dict[tuple[str, str, int | list[int] | None], Any] = {}

    def request(self, message: protocol.Request) -> protocol.Reply:
        match message:
            case protocol.GetVariable():
                value = self.variables.get(message.key)
                return protocol.VariableReply(found=value is not None, value=value)
            case protocol.SetVariable():
                self.variables[message.key] = message.value
            case protocol.DeleteVariable():
                self.variables.pop(message.key, None)
            case protocol.GetXCom():
                key = (message.task_id, message.key, message.map_index)
                return protocol.XComReply(found=key in self.xcoms, value=self.xcoms.get(key))
        return protocol.Ok()


@pytest.fixture
def memory() -> Any:
    memory = Memory()
    set_channel(memory)
    yield memory
    set_channel(None)


def test_variables_are_kept_as_text(memory: Memory) -> None:
    Variable.set("number", 5)
    Variable.set("list", [1, {"a": 2}], serialize_json=True)

    assert Variable.get("number") == "5"
    assert Variable.get("list", deserialize_json=True) == [1, {"a": 2}]
    assert Variable.setdefault("number", 7) == "5"
    assert Variable.setdefault("new", {"b": 1}, deserialize_json=True) == {"b": 1}
    assert json.loads(memory.variables["new"]) == {"b": 1}
    Variable.delete("number")
    assert Variable.get("number", None) is None
    with pytest.raises(ValueError, match="new2 must be set"):
        Variable.setdefault("new2", None)


def test_a_variable_that_is_not_json_says_so(memory: Memory) -> None:
    memory.variables["text"] = "{broken"

    with pytest.raises(ValueError, match="Variable text does not hold JSON"):
        Variable.get("text", deserialize_json=True)


def test_secrets_in_the_environment_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[Any, str | None]] = []
    monkeypatch.setattr(masking, "receiver", lambda *secret: told.append(secret))
    monkeypatch.setenv("AIRFLOW_VAR_API_TOKEN", "wind and tide")

    assert Variable.get("api_token") == "wind and tide"
    assert told == [("wind and tide", "api_token")]


def test_xcoms_of_other_runs_are_decoded(memory: Memory) -> None:
    memory.xcoms["t", "return_value", 3] = serde.encode((1, 2))

    assert BaseXCom.get_one(dag_id="d", task_id="t", run_id="r", map_index=3) == (1, 2)
    assert BaseXCom.get_one(dag_id="d", task_id="t", run_id="r", key="other") is None
    set_channel(None)
    with pytest.raises(RuntimeError, match="inside a running task"):
        BaseXCom.get_one(dag_id="d", task_id="t", run_id="r")


def test_connections_in_other_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection(conn_id="c", conn_type="http", host="h", port=80, extra={"a": 1})

    assert connection.to_dict(prune_empty=True) == {
        "conn_id": "c",
        "conn_type": "http",
        "host": "h",
        "port": 80,
        "extra": {"a": 1},
    }
    assert Connection.from_json(connection.as_json(), "c") == connection
    assert Connection(conn_id="c", extra="not json").extra_dejson == {}
    with pytest.raises(ValueError, match="'eighty'"):
        Connection(conn_id="c", port="eighty")
    with pytest.raises(AirflowException, match="Unknown hook type"):
        Connection(conn_id="c", conn_type="nonsense").get_hook()
    monkeypatch.setenv("AIRFLOW_CONN_C", connection.get_uri())
    assert asyncio.run(Connection.async_get("c")).host == "h"


def test_the_xcom_key_of_a_link() -> None:
    class Console(BaseOperatorLink):
        name = "Console"

        def get_link(self, operator: Any, *, ti_key: Any) -> str:
            return "https://example.org"

    assert Console().xcom_key == "_link_Console"
