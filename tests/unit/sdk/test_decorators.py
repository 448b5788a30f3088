import asyncio
import functools
from collections.abc import Mapping
from typing import Any

import pytest

from support.authoring import arrows
from tradewind.sdk import DAG, Asset, TaskGroup, get_current_context, result, task
from tradewind.sdk.calling import call, determine_kwargs, is_async_callable
from tradewind.sdk.context import running_in
from tradewind.sdk.decorators.base import without_task_decorators
from tradewind.sdk.exceptions import AirflowSkipException
from tradewind.sdk.serialize import serialize_dag


def run(reference: Any, **context: Any) -> Any:
    operator = reference.operator
    operator.render_template_fields(context)
    return operator.execute(context)


def test_calling_again_numbers_the_ids() -> None:
    @task
    def work() -> None: ...

    with DAG("d") as dag:
        for _ in range(3):
            work()
        with TaskGroup("g"):
            work()
            work()
        work.override(task_id="other", retries=5)()

    assert list(dag.task_dict) == ["work", "work__1", "work__2", "g.work", "g.work__1", "other"]
    assert dag.get_task("other").retries == 5  # type: ignore[attr-defined]


def test_results_make_arrows_wherever_they_are() -> None:
    @task
    def give() -> int:
        return 1

    @task
    def take(*args: Any, **kwargs: Any) -> None: ...

    with DAG("d") as dag:
        take([give(), {"deep": (give(),)}], key=give())

    assert arrows(dag)["give"] == arrows(dag)["give__1"] == arrows(dag)["give__2"] == ["take"]


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (dict, True),
        (dict[str, int], True),
        (Mapping[str, Any], True),
        ("dict[str, int]", True),
        ("NotDefinedAnywhere", False),
        (list, False),
        (None, False),
    ],
)
def test_multiple_outputs_from_the_annotation(annotation: Any, expected: bool) -> None:
    def work() -> Any: ...

    work.__annotations__["return"] = annotation

    assert task(work).multiple_outputs is expected
    assert task(multiple_outputs=not expected)(work).multiple_outputs is not expected


def test_context_arguments_are_filled_in() -> None:
    @task
    def work(x: int, ds: str, next_ds: str, *, ti: Any = None) -> Any:
        return x, ds, next_ds, ti

    @task
    def everything(**context: Any) -> list[str]:
        return sorted(context)

    with DAG("d"):
        one, two = work(1), everything(extra=1)

    assert run(one, ds="2026-01-01", next_ds="2026-01-02", ti="ti") == (
        1,
        "2026-01-01",
        "2026-01-02",
        "ti",
    )
    assert run(two, ds="x") == ["ds", "extra", "templates_dict"]


@pytest.mark.parametrize(
    ("function", "args", "error", "words"),
    [
        (lambda ds="2020-01-01": ds, (), ValueError, "default other than None"),
        (lambda needed: needed, (), TypeError, "needed"),
        (lambda: 1, (5,), TypeError, "too many positional"),
        (lambda ds, needed: ds, (), TypeError, "needed"),
        (lambda self: self, (), TypeError, "does not support methods"),
    ],
)
def test_calls_that_cannot_work_are_refused_while_the_file_loads(
    function: Any, args: tuple[Any, ...], error: type[Exception], words: str
) -> None:
    with DAG("d"), pytest.raises(error, match=words):
        task(task_id="x")(function)(*args)


def test_default_args_fill_arguments_of_the_function() -> None:
    @task
    def work(a: int, b: int, c: int = 3) -> list[int]:
        return [a, b, c]

    with DAG("d", default_args={"a": 1, "c": 30}):
        given = work(b=2)
        positional = work(7, 8)

    assert run(given) == [1, 2, 30]
    assert run(positional) == [7, 8, 30]


def test_coroutines_are_awaited() -> None:
    @task
    async def work(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    with DAG("d"):
        reference = work(1)

    assert reference.operator.is_async
    assert run(reference) == 2


def test_is_async_sees_through_wrappers() -> None:
    async def coroutine() -> None: ...

    class Callable:
        async def __call__(self) -> None: ...

    assert is_async_callable(functools.partial(coroutine))
    assert is_async_callable(task(coroutine))
    assert is_async_callable(Callable())
    assert not is_async_callable(print)


def test_determine_kwargs() -> None:
    def plain(a: int, b: int = 2) -> Any:
        return a, b

    assert determine_kwargs(plain, [], {"a": 1, "z": 9}) == {"a": 1}
    with pytest.raises(ValueError, match="'a' in args"):
        determine_kwargs(plain, [1], {"a": 1})
    assert call(plain, [1], {"b": 5}, {"b": 6, "z": 9}) == (1, 5)


def test_run_if_and_skip_if() -> None:
    @task.run_if(lambda context: (context["go"], "not today"))
    @task.skip_if(lambda context: context["stop"], "stopped")
    @task
    def work() -> str:
        return "done"

    with DAG("d"):
        hook = work().operator._pre_execute_hook

    hook({"go": True, "stop": False})
    with pytest.raises(AirflowSkipException, match="not today"):
        hook({"go": False, "stop": False})
    with pytest.raises(AirflowSkipException, match="stopped"):
        hook({"go": True, "stop": True})
    with pytest.raises(TypeError, match="decorate with @task before"):
        task.run_if(lambda context: True)(print)


def test_assets_given_and_returned_become_inlets_and_outlets() -> None:
    made = Asset("made")

    @task
    def work(source: Asset) -> list[Asset]:
        return [made]

    with DAG("d"):
        reference = work(Asset("source"))

    run(reference)
    assert reference.operator.inlets == [Asset("source")]
    assert reference.operator.outlets == [made]


def test_the_result_of_the_run() -> None:
    with DAG("d") as dag:

        @result
        @task
        def answer() -> int:
            """The answer."""
            return 42

        answer()

    (spec,) = serialize_dag(dag, "f.py").tasks
    assert spec.is_result
    assert spec.doc_md == "The answer."


def test_stub_tasks_have_no_code_here() -> None:
    with DAG("d") as dag:

        @task.stub(queue="go")
        def elsewhere(x: int) -> None:
            """Documented."""
            ...

        elsewhere(1)

        @task.stub
        def with_code() -> int:
            return 1

        with pytest.raises(ValueError, match="return 1"):
            with_code()

    (spec,) = serialize_dag(dag, "f.py").tasks
    assert (spec.operator, spec.queue) == ("@task.stub", "go")


def test_source_without_task_decorators() -> None:
    source = (
        "@task.virtualenv(\n"
        "    requirements=['a'],\n"
        ")\n"
        "@keep\n"
        "@setup\n"
        "def work():\n"
        "    return '@task'\n"
    )

    assert without_task_decorators(source) == "@keep\ndef work():\n    return '@task'\n"


def test_an_unknown_flavour_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="'nonsense' not found; there are: bash"):
        task.nonsense  # noqa: B018


def test_the_current_context_exists_in_a_running_task_only() -> None:
    with pytest.raises(RuntimeError, match="no context was found"):
        get_current_context()
    with running_in({"ds": "outer"}):
        with running_in({"ds": "inner"}):
            assert get_current_context()["ds"] == "inner"
        assert get_current_context()["ds"] == "outer"
