from collections.abc import Callable
from typing import Any

import pytest

from support.authoring import Work, arrows
from tradewind.core import dag as core
from tradewind.sdk import DAG, TaskGroup, XComArg, task, task_group
from tradewind.sdk.authoring import NOTSET
from tradewind.sdk.exceptions import NestedMappingError, XComNotFound
from tradewind.sdk.serialize import serialize_dag


class Instance:
    """A running instance that finds these XComs; what the runner's class does over its channel."""

    dag_id = "d"

    def __init__(
        self,
        map_index: int = -1,
        xcoms: dict[str, Any] | None = None,
        upstream_map_indexes: dict[str, Any] | None = None,
    ) -> None:
        self.map_index = map_index
        self.xcoms = xcoms or {}
        self.upstream_map_indexes = upstream_map_indexes or {}
        self.pulled: list[tuple[str, Any]] = []

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: Any = NOTSET) -> Any:
        self.pulled.append((task_ids, map_indexes))
        name = task_ids if key == "return_value" else f"{task_ids}.{key}"
        return self.xcoms.get(name)


def context(map_index: int = -1, **xcoms: Any) -> dict[str, Any]:
    return {"ti": Instance(map_index, xcoms)}


@task
def numbers() -> list[int]:
    return [1, 2]


@task
def add(x: int, y: int = 0) -> int:
    return x + y


def expansion_of(dag: DAG, task_id: str) -> core.Expansion | None:
    return {spec.task_id: spec for spec in serialize_dag(dag, "f.py").tasks}[task_id].expansion


def test_a_cross_product_varies_the_last_argument_fastest() -> None:
    with DAG("d") as dag:
        add.expand(x=[1, 2], y=numbers())

    mapped = dag.get_task("add")
    shares = [
        mapped.expand_input.resolve(context(index, numbers=[7, 8, 9]))[0]  # type: ignore[attr-defined]
        for index in range(6)
    ]

    assert shares == [{"x": x, "y": y} for x in (1, 2) for y in (7, 8, 9)]
    assert expansion_of(dag, "add") == core.Expansion(
        arguments=[
            core.MappedArgument(name="x", source=core.LiteralLength(length=2)),
            core.MappedArgument(name="y", source=core.XComLength(task_id="numbers")),
        ]
    )
    assert arrows(dag) == {"add": [], "numbers": ["add"]}


def test_a_dict_is_mapped_over_as_its_items() -> None:
    with DAG("d") as dag:
        add.expand(x={"a": 1, "b": 2})

    share, _ = dag.get_task("add").expand_input.resolve(context(1))  # type: ignore[attr-defined]

    assert share == {"x": ("b", 2)}


def test_expand_kwargs_of_a_literal_and_of_a_result() -> None:
    with DAG("d") as dag:
        add.expand_kwargs([{"x": 1}, {"x": numbers(), "y": 2}])
        add.expand_kwargs(numbers())

    literal = dag.get_task("add").for_instance(context(1))  # type: ignore[attr-defined]
    from_result = dag.get_task("add__1").for_instance(  # type: ignore[attr-defined]
        context(0, numbers__1=[{"x": 4}])
    )

    assert isinstance(literal.op_kwargs["x"], XComArg)
    assert from_result.op_kwargs == {"x": 4}
    assert arrows(dag)["numbers"] == ["add"]
    assert expansion_of(dag, "add__1") == core.Expansion(
        arguments=[core.MappedArgument(name="", source=core.XComLength(task_id="numbers__1"))]
    )


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("text", ValueError, "list"),
        ([1], ValueError, r"list\[int\]"),
        ([{1: 2}], ValueError, "must all be str"),
        (None, ValueError, "not None"),
    ],
)
def test_expand_kwargs_checks_what_it_gets(given: Any, error: type[Exception], words: str) -> None:
    with DAG("d") as dag:
        add.expand_kwargs(numbers())

    with pytest.raises(error, match=words):
        dag.get_task("add").for_instance(context(0, numbers=given))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("expand", "error", "words"),
    [
        (lambda: add.expand(), TypeError, "no arguments"),
        (lambda: add.expand(z=[1]), TypeError, "'z'"),
        (lambda: add.expand(x="text"), ValueError, "'str'"),
        (lambda: add.expand(x=5), ValueError, "'int'"),
        (lambda: add.partial(x=1).partial(x=2), TypeError, "x"),
        (lambda: add.expand(x=numbers()["key"]), ValueError, "custom key 'key'"),
        (lambda: task(lambda ds: ds).expand(ds=[1]), ValueError, "context variable 'ds'"),
        (lambda: add.expand_kwargs(5), TypeError, "int"),
        (lambda: add.expand_kwargs([5]), TypeError, "list"),
        (lambda: add.override(trigger_rule="always").expand(x=numbers()), ValueError, "always"),
        (lambda: Work.partial(text="a").expand(task_id=["p"]), TypeError, "task_id"),
        (lambda: Work.partial(task_id="r").expand(retries=[1, 2]), TypeError, "retries"),
        (lambda: Work.partial(task_id="r").expand(nonsense=[1]), TypeError, "nonsense"),
        (lambda: Work.partial(task_id="r", nonsense=1), TypeError, "nonsense"),
        (lambda: Work(task_id="r").partial(task_id="x"), TypeError, "Operator classes"),
        (lambda: numbers().map(add), ValueError, "plain function"),
        (lambda: list(numbers()), TypeError, "not iterable"),
        (lambda: numbers()[0], ValueError, "str lookup"),
    ],
)
@pytest.mark.filterwarnings("ignore:Task .* was never mapped")
def test_misuse_is_refused_while_the_file_loads(
    expand: Callable[[], Any], error: type[Exception], words: str
) -> None:
    with DAG("d"), pytest.raises(error, match=words):
        expand()


def test_a_partial_that_is_never_mapped_is_noticed() -> None:
    with DAG("d"), pytest.warns(UserWarning, match="'w' was never mapped"):
        Work.partial(task_id="w")


def test_an_instance_of_a_classic_operator() -> None:
    with DAG("d", default_args={"owner": "me", "retries": 1}) as dag:
        with TaskGroup("g"):
            mapped = Work.partial(task_id="w", retries=3, params={"p": 1}).expand(
                text=numbers.override(task_id="n")()
            )
        mapped.map_index_template = "{{ task.text }}"

    instance = mapped.for_instance(context(1, **{"g.n": ["{{ a }}", "{{ b }}"]}))

    assert (instance.task_id, instance.text, instance.retries) == ("g.w", "{{ b }}", 3)
    assert (instance.owner, instance.dag, dict(instance.params)) == ("me", dag, {"p": 1})
    assert instance.upstream_task_ids == {"g.n"}
    instance.render_template_fields({"b": "rendered"})
    assert instance.text == "{{ b }}"  # a value of another task is no template
    assert len(dag.tasks) == 2


def test_an_instance_of_a_task_function_takes_fixed_and_mapped_arguments() -> None:
    with DAG("d") as dag:
        add.partial(y=10).override(retries=2).expand(x=[1, 2])

    instance = dag.get_task("add").for_instance(context(1))  # type: ignore[attr-defined]

    assert instance.op_kwargs == {"y": 10, "x": 2}
    assert instance.execute({"ti": None, "templates_dict": None}) == 12
    assert instance.operator_name == "@task"


def test_lazy_sequences_over_results() -> None:
    with DAG("d"):
        a, b = numbers(), numbers.override(task_id="b")()
        zipped = a.zip(b, fillvalue=0)
        short = a.zip(b)
        joined = a.concat(b).concat(a)
        doubled = a.map(lambda n: n * 2).map(str)
    found = context(numbers=[1, 2, 3], b={"k": 9})

    assert list(short.resolve(context(numbers=[1, 2, 3], b=[4]))) == [(1, 4)]
    assert list(zipped.resolve(context(numbers=[1, 2], b=[4]))) == [(1, 4), (2, 0)]
    assert list(joined.resolve(found)) == [1, 2, 3, "k", 1, 2, 3]
    assert joined.resolve(found)[-1] == 3
    assert list(doubled.resolve(found)) == ["2", "4", "6"]
    with pytest.raises(IndexError):
        joined.resolve(found)[7]
    with pytest.raises(ValueError, match="zip expects sequence or dict, not int"):
        zipped.resolve(context(numbers=5, b=[1]))
    with pytest.raises(ValueError, match="non-return XCom"):
        a["key"].map(str)


def test_lengths_of_derived_references() -> None:
    with DAG("d") as dag:
        a, b = numbers(), numbers.override(task_id="b")()
        add.expand(x=a.zip(b, fillvalue=None).map(str), y=a.concat(b))

    a_length, b_length = core.XComLength(task_id="numbers"), core.XComLength(task_id="b")
    assert expansion_of(dag, "add") == core.Expansion(
        arguments=[
            core.MappedArgument(
                name="x", source=core.ZipLength(sources=[a_length, b_length], longest=True)
            ),
            core.MappedArgument(name="y", source=core.ConcatLength(sources=[a_length, b_length])),
        ]
    )


def test_which_instances_a_reference_asks_for() -> None:
    @task_group
    def each(v: Any) -> None:
        add.override(task_id="second")(add.override(task_id="first")(v))

    with DAG("d") as dag:
        many = add.expand(x=[1, 2])
        each.expand(v=many)
        plain = numbers()
    references = {task_id: XComArg(dag.get_task(task_id)) for task_id in dag.task_dict}
    ti = Instance(upstream_map_indexes={"each.first": 4})

    for reference in (plain, references["add"], references["each.first"]):
        reference.resolve({"ti": ti})
    references["each.second"].resolve({"ti": ti})

    assert ti.pulled == [
        ("numbers", None),
        ("add", NOTSET),
        ("each.first", 4),
        ("each.second", NOTSET),
    ]


def test_a_missing_key_is_an_error_unless_it_may_be_missing() -> None:
    with DAG("d"):
        plain = numbers()
        several = numbers.override(task_id="s", multiple_outputs=True)()

    assert plain.resolve(context()) is None
    assert several["k"].resolve(context()) is None
    with pytest.raises(XComNotFound, match='key="k"'):
        plain["k"].resolve(context())


def test_a_mapped_group() -> None:
    with DAG("d") as dag:

        @task_group
        def each(v: Any, w: int) -> None:
            add.override(task_id="step")(v, w)

        each.partial(w=5).expand(v=numbers())

    document = serialize_dag(dag, "f.py")
    (group,) = document.groups
    assert group.expansion == core.Expansion(
        arguments=[core.MappedArgument(name="v", source=core.XComLength(task_id="numbers"))]
    )
    assert arrows(dag) == {"numbers": ["each.step"], "each.step": []}
    step = dag.get_task("each.step")
    assert step.op_args[0].resolve(context(1, numbers=["a", "b"])) == "b"  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="not iterable"):
        list(step.op_args[0])  # type: ignore[attr-defined]


def test_a_mapped_task_in_a_mapped_group_is_refused() -> None:
    @task_group
    def each(v: Any) -> None:
        add.expand(x=[1])

    with DAG("d"), pytest.raises(NestedMappingError, match="not yet supported"):
        each.expand(v=[1])


def test_text_with_references_becomes_a_template() -> None:
    with DAG("d"):
        value = numbers()

    assert f"{value['k']}" == (
        "{{ task_instance.xcom_pull(task_ids='numbers', dag_id='d', key='k') }}"
    )


@pytest.mark.parametrize("method", ["zip", "concat"])
def test_only_outputs_are_zipped_and_concatenated(method: str) -> None:
    with DAG("d", schedule=None):

        @task
        def numbers() -> list[int]:
            return [1]

        with pytest.raises(
            TypeError, match=rf"\.{method}\(\) takes outputs of other tasks, not list"
        ):
            getattr(numbers(), method)(["a"])
