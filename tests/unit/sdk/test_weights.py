from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.authoring import Work
from tradewind.core.errors import InvalidDag
from tradewind.sdk import DAG
from tradewind.sdk.serialize import serialize_dag, topological_order
from tradewind.sdk.weights import HIGHEST, PriorityWeightStrategy, weights


class ByName(PriorityWeightStrategy):
    def get_weight(self, ti: Any) -> int:
        return len(ti.task_id) * 100 + ti.priority_weight + ti.try_number


@st.composite
def dags(draw: st.DrawFn) -> DAG:
    count = draw(st.integers(1, 8))
    with DAG("d") as dag:
        tasks = [
            Work(
                task_id=f"t{number}",
                priority_weight=draw(st.integers(-3, 5)),
                weight_rule=draw(st.sampled_from(["downstream", "upstream", "absolute"])),
            )
            for number in range(count)
        ]
        for end in range(1, count):
            for start in draw(st.sets(st.integers(0, end - 1))):
                tasks[start] >> tasks[end]
    return dag


@given(dags())
def test_a_rule_adds_up_all_tasks_beyond(dag: DAG) -> None:
    computed = weights(topological_order(dag))

    for task in dag.tasks:
        assert isinstance(task, Work)
        expected = task.priority_weight
        if task.weight_rule != "absolute":
            beyond = task.get_flat_relatives(upstream=task.weight_rule == "upstream")
            expected += sum(other.priority_weight for other in beyond)  # type: ignore[attr-defined]
        assert computed[task.task_id] == expected


@pytest.mark.parametrize("rule", [ByName(), ByName, f"{__name__}.ByName"])
def test_strategies_of_the_users_own(rule: Any) -> None:
    with DAG("d") as dag:
        Work(task_id="abc", weight_rule=rule, priority_weight=5)

    (spec,) = serialize_dag(dag, "f.py").tasks

    assert (spec.weight, spec.priority_weight) == (306, 5)
    assert spec.weight_rule == f"{__name__}.ByName"


def test_weights_are_capped() -> None:
    with DAG("d") as dag:
        Work(task_id="a", priority_weight=HIGHEST) >> Work(task_id="b", priority_weight=HIGHEST)

    assert weights(topological_order(dag))["a"] == HIGHEST


@pytest.mark.parametrize("rule", ["nope", "no.such.Thing", "builtins.object", 7])
def test_unknown_rules(rule: Any) -> None:
    with DAG("d") as dag:
        Work(task_id="a", weight_rule=rule)

    with pytest.raises(InvalidDag, match="'a'"):
        serialize_dag(dag, "f.py")
