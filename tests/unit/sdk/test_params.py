from typing import Any

import pytest

from support.authoring import Work
from tradewind.sdk import DAG, Param, ParamsDict
from tradewind.sdk.exceptions import ParamValidationError
from tradewind.sdk.param import process_params


def test_reading_a_param_checks_it() -> None:
    params = ParamsDict({"n": Param(1, type="integer", minimum=0), "free": "text"})

    assert (params["n"], params["free"]) == (1, "text")
    params["n"] = 5
    assert params.dump() == {"n": 5, "free": "text"}
    with pytest.raises(ParamValidationError, match="Invalid input for param n"):
        params["n"] = -1
    assert params["n"] == 5
    assert params.get_param("n").schema == {"type": "integer", "minimum": 0}


def test_without_a_value_there_is_none() -> None:
    params = ParamsDict({"needed": Param(type="string")})

    with pytest.raises(ParamValidationError, match="param needed: No value passed"):
        params.validate()
    assert params.dump() == {"needed": None}


@pytest.mark.parametrize("value", [object(), {1, 2}, b"raw"])
def test_values_have_to_be_json(value: Any) -> None:
    with pytest.raises(ParamValidationError, match="json-serializable"):
        Param(value)


def test_a_wrong_schema_is_said_to_be_wrong() -> None:
    with pytest.raises(ParamValidationError, match="JSON schema is wrong"):
        Param(1, type="no such type").resolve()


def test_conf_goes_before_task_and_task_before_dag() -> None:
    with DAG("d", params={"a": 1, "b": 1, "c": Param(1, type="integer")}) as dag:
        task = Work(task_id="t", params={"b": 2, "own": 2})

    assert process_params(dag, task, None) == {"a": 1, "b": 2, "c": 1, "own": 2}
    assert process_params(dag, task, {"b": 3, "new": None}) == {
        "a": 1,
        "b": 3,
        "c": 1,
        "own": 2,
        "new": None,
    }
    with pytest.raises(ParamValidationError, match="param c"):
        process_params(dag, task, {"c": "text"})
    assert dag.params["c"] == 1  # one task's params leave the DAG's alone


def test_params_in_default_args_are_the_weakest() -> None:
    with DAG("d", params={"a": 1, "b": 1}, default_args={"params": {"a": 2}}):
        task = Work(task_id="t", params={"b": 3}, default_args={"params": {"b": 2, "c": 2}})
        mapped = Work.partial(
            task_id="m", params={"b": 3}, default_args={"params": {"b": 2, "c": 2}}
        ).expand(text=[1])

    assert dict(task.params) == dict(mapped.params) == {"a": 2, "b": 3, "c": 2}


def test_a_reference_to_a_param_of_the_run() -> None:
    class Run:
        conf: dict[str, Any] = {"given": 5}  # noqa: RUF012

    with DAG("d", params={"set": 2}) as dag:
        references = {name: dag.param(name) for name in ("given", "set", "absent")}
        with_default = dag.param("other", 3)
    context = {"dag_run": Run(), "params": {"set": 2}}

    assert references["given"].resolve(context) == 5
    assert references["set"].resolve(context) == 2
    assert with_default.resolve(context) == 3
    assert dag.params["other"] == 3
    with pytest.raises(RuntimeError, match="absent"):
        references["absent"].resolve(context)
