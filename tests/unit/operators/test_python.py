"""Functions as tasks: what they are called with, and what becomes of their answer."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.task_bench import Bench
from tradewind.sdk import Asset, Metadata
from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.dag import DAG
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.xcom_arg import PlainXComArg


def call(function: Any, **kwargs: Any) -> Any:
    with DAG("d", schedule=None, params={"p": 5}):
        operator = PythonOperator(task_id="t", python_callable=function, **kwargs)
    return Bench().execute(operator)


def test_arguments_go_before_the_context() -> None:
    def function(a: int, b: int, ds: str, c: int = 3, *, params: Any, run_id: str) -> list[Any]:
        return [a, b, c, ds, params["p"], run_id]

    assert call(function, op_args=[1], op_kwargs={"b": "{{ ds }}", "run_id": "mine"}) == [
        *(1, "2026-01-15", 3, "2026-01-15", 5, "mine")
    ]


def test_kwargs_get_the_whole_context() -> None:
    def function(**context: Any) -> Any:
        return context["ti"].task_id, context["extra"], "logical_date" in context

    assert call(function, op_kwargs={"extra": 1}) == ("t", 1, True)


def test_a_context_entry_is_computed_only_when_it_is_asked_for() -> None:
    def function(value: int) -> int:
        return value

    with DAG("d", schedule=None):
        operator = PythonOperator(task_id="t", python_callable=function, op_args=[1])
    bench = Bench()
    assert bench.execute(operator) == 1
    assert bench.plane.asked == []


def test_templates_dict_is_rendered_and_handed_over() -> None:
    def function(templates_dict: dict[str, str]) -> str:
        return templates_dict["x"]

    assert call(function, templates_dict={"x": "{{ run_id }}"}) == "run_1"


def test_a_positional_argument_may_not_hide_a_context_entry() -> None:
    with pytest.raises(ValueError, match="'ds'"):
        call(lambda ds: ds, op_args=["2020-01-01"])


def test_coroutines_are_awaited() -> None:
    async def function(ds: str) -> str:
        return ds

    assert call(function) == "2026-01-15"


def test_a_generator_may_yield_metadata_and_its_return_value_counts() -> None:
    events: dict[Any, Any] = {}

    def function() -> Iterator[Metadata]:
        yield Metadata(Asset("a"), {"rows": 7})
        yield "something else"  # type: ignore[misc]
        return "done"

    with DAG("d", schedule=None):
        operator = PythonOperator(
            task_id="t",
            python_callable=function,
            outlets=[Asset("a")],
            post_execute=lambda context, result: None,
        )
    bench = Bench()
    original = operator.execute_callable

    def spy() -> Any:
        events["seen"] = operator._outlet_events
        return original()

    operator.execute_callable = spy
    assert bench.execute(operator) == "done"
    assert events["seen"][Asset("a")].extra == {"rows": 7}


def test_a_generator_that_is_a_value_is_left_alone() -> None:
    assert list(call(lambda: (n for n in range(3)))) == [0, 1, 2]


def test_what_cannot_be_called_is_refused() -> None:
    with DAG("d", schedule=None), pytest.raises(AirflowException, match="must be callable"):
        PythonOperator(task_id="t", python_callable="nope")


class Collects(BaseOperator):
    template_fields = ("found",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.found: Any = None

    def execute(self, context: Any) -> Any:
        circle: list[Any] = [PlainXComArg(context["dag"].get_task("other"))]
        circle.append(circle)
        self.found = circle
        return sorted(self.upstream_task_ids)


def test_template_fields_set_while_the_task_runs_draw_no_arrows() -> None:
    with DAG("d", schedule=None):
        BaseOperator(task_id="other")
        task = Collects(task_id="t")
    assert Bench().execute(task) == []
