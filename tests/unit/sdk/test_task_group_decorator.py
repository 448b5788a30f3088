from typing import Any

import pytest

from support.authoring import Work, arrows
from tradewind.core import dag as core
from tradewind.sdk import DAG, TaskGroup, task, task_group
from tradewind.sdk.serialize import serialize_dag


@task
def numbers() -> list[dict[str, int]]:
    return [{"x": 1}]


@task_group(tooltip="tip", prefix_group_id=False)
def each(x: Any, y: Any = 2) -> None:
    Work(task_id="step", text=[x, y])


class Instance:
    """The third instance of the group, when `numbers` gave three dicts."""

    map_index = 2

    def xcom_pull(self, **which: Any) -> Any:
        return [{"x": n, "y": n * 10} for n in range(3)]


def test_expand_kwargs_gives_every_parameter_its_share() -> None:
    with DAG("d") as dag:
        group = each.expand_kwargs(numbers())

    assert arrows(dag) == {"numbers": ["step"], "step": []}
    (spec,) = serialize_dag(dag, "f.py").groups
    assert spec.tooltip == "tip"
    assert spec.expansion == core.Expansion(
        arguments=[core.MappedArgument(name="", source=core.XComLength(task_id="numbers"))]
    )
    assert list(group.iter_mapped_dependencies()) == [dag.get_task("numbers")]
    step = dag.get_task("step")
    step.render_template_fields({"ti": Instance()})
    assert step.text == [2, 20]  # type: ignore[attr-defined]


def test_override_and_partial_leave_the_original_alone() -> None:
    with DAG("d") as dag:
        each.override(group_id="own", prefix_group_id=True)(1)
        each.partial(y=7)(1)

    assert list(dag.task_dict) == ["own.step", "step"]
    assert dag.get_task("step").text == [1, 7]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("use", "error", "words"),
    [
        (lambda: each.expand(), TypeError, "no arguments"),
        (lambda: each.expand(z=[1]), TypeError, "'z'"),
        (lambda: each.expand(x="text"), ValueError, "'str'"),
        (lambda: each.expand_kwargs(5), TypeError, "int"),
        (lambda: each.partial(x=1).expand(x=[1]), TypeError, "x"),
        (lambda: each.expand(x=numbers()["key"]), ValueError, "custom key"),
        (lambda: task_group(lambda *args: None).expand_kwargs([{}]), TypeError, r"\* or \*\*"),
        (lambda: task_group(nonsense=1)(print), TypeError, "nonsense"),
        (lambda: TaskGroup("has.dot"), ValueError, "has.dot"),
    ],
)
@pytest.mark.filterwarnings("ignore:Partial task group")
def test_misuse(use: Any, error: type[Exception], words: str) -> None:
    with DAG("d"), pytest.raises(error, match=words):
        use()


def test_a_partial_that_is_never_called_is_noticed() -> None:
    with DAG("d"), pytest.warns(UserWarning, match="'each' was never mapped"):
        each.partial(y=1)


def test_always_is_refused_in_a_mapped_group() -> None:
    @task_group
    def group(x: Any) -> None:
        Work(task_id="a", trigger_rule="always")

    with DAG("d"), pytest.raises(ValueError, match="not allowed with trigger rule 'always'"):
        group.expand(x=[1])


def test_groups_belong_to_dags() -> None:
    with pytest.raises(RuntimeError, match="inside a dag"):
        TaskGroup("g")

    dag = DAG("d")
    with TaskGroup("g", dag=dag):
        inside = Work(task_id="a")

    assert inside.dag is dag
    assert list(dag.task_dict) == ["g.a"]
