"""What user code asks of the control plane, over a channel that keeps it in memory."""

import asyncio
import json
from typing import Any

import pytest

from support.task_bench import Bench
from tradewind.core import protocol
from tradewind.core.errors import UserError
from tradewind.sdk import BaseOperatorLink, BaseXCom, Connection, Variable, masking, serde
from tradewind.sdk.comms import set_channel
from tradewind.sdk.context import get_current_context
from tradewind.sdk.dag import DAG
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.python import PythonOperator


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


def test_all_xcoms_of_a_task(memory: Memory) -> None:
    name = {"dag_id": "d", "run_id": "r"}
    memory.xcoms["mapped", "return_value", None] = [1, serde.encode((2,))]
    memory.xcoms["plain", "return_value", -1] = [1, 2]

    assert BaseXCom.get_all(task_id="mapped", **name) == [1, (2,)]
    assert BaseXCom.get_all(task_id="plain", **name) == [[1, 2]]
    assert BaseXCom.get_all(task_id="none", **name) is None
    assert asyncio.run(BaseXCom.aget_all(task_id="plain", **name)) == [[1, 2]]
    with pytest.raises(UserError, match="metadata database"):
        BaseXCom.get_many(run_id="r")


def test_a_task_changes_its_own_xcoms_only() -> None:
    def change() -> None:
        ti = get_current_context()["ti"]
        me = {"dag_id": ti.dag_id, "task_id": ti.task_id, "run_id": ti.run_id}
        BaseXCom.set("k", (1, 2), **me)
        BaseXCom.delete("old", **me)
        assert ti.key == ("d", "t", "run_1", 1, -1)
        with pytest.raises(UserError, match=r"d\.t may not change XComs of d\.u"):
            BaseXCom.set("k", 1, **{**me, "task_id": "u"})

    with DAG("d", schedule=None):
        operator = PythonOperator(task_id="t", python_callable=change)
    bench = Bench()
    bench.plane.answers[protocol.DeleteXCom] = protocol.Ok()
    bench.execute(operator)
    assert bench.plane.xcoms == {"k": (1, 2)}
    assert [message.key for message in bench.plane.of_type(protocol.DeleteXCom)] == ["old"]


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
