from typing import Any

import pytest

from support.authoring import Work, arrows
from tradewind.sdk import (
    DAG,
    Label,
    TaskGroup,
    chain,
    chain_linear,
    cross_downstream,
    setup,
    task,
    task_group,
    teardown,
)
from tradewind.sdk.exceptions import AirflowException, NodeNotFound, TaskAlreadyInTaskGroup
from tradewind.sdk.serialize import serialize_dag


def tasks(names: str) -> list[Work]:
    return [Work(task_id=name) for name in names]


def test_arrows_between_tasks_and_lists() -> None:
    with DAG("d") as dag:
        a, b, c, d = tasks("abcd")
        [a, b] >> c >> [d]

    assert arrows(dag) == {"a": ["c"], "b": ["c"], "c": ["d"], "d": []}


def test_chain_pairs_lists_by_position() -> None:
    with DAG("d") as dag:
        a, b, c, d, e, f = tasks("abcdef")
        chain(a, [b, c], [d, e], f)

    assert arrows(dag) == {"a": ["b", "c"], "b": ["d"], "c": ["e"], "d": ["f"], "e": ["f"], "f": []}


def test_chain_of_unequal_lists_is_refused() -> None:
    with DAG("d"):
        a, b, c = tasks("abc")
        with pytest.raises(ValueError, match="2 and 1"):
            chain([a, b], [c])
        with pytest.raises(TypeError, match="int"):
            chain(a, 5)


def test_chain_linear_and_cross_downstream() -> None:
    with DAG("d") as dag:
        a, b, c, d, e, f = tasks("abcdef")
        chain_linear(a, [b, c], [], [d, e])
        cross_downstream([d, e], f)
        with pytest.raises(ValueError, match="No dependencies"):
            chain_linear([a, b])

    assert arrows(dag) == {
        "a": ["b", "c"],
        "b": ["d", "e"],
        "c": ["d", "e"],
        "d": ["f"],
        "e": ["f"],
        "f": [],
    }


def test_labels_stay_with_their_arrows() -> None:
    with DAG("d") as dag:
        a, b, c = tasks("abc")
        a >> Label("rain") >> [b, c]
        b << Label("sun") << a
        chain(a, Label("chained"), Work(task_id="e"))

    labels = serialize_dag(dag, "f.py").edge_labels
    assert labels == {"a": {"b": "sun", "c": "rain", "e": "chained"}}
    with pytest.raises(TypeError, match="edge labels"):
        Label("x") >> 5


def test_arrows_of_a_group_meet_roots_and_leaves() -> None:
    with DAG("d") as dag:
        first, last = Work(task_id="first"), Work(task_id="last")
        with TaskGroup("g", tooltip="tip") as group:
            a, b = tasks("ab")
            with TaskGroup("inner", prefix_group_id=False):
                c = Work(task_id="c")
            a >> [b, c]
        first >> group >> last

    assert arrows(dag) == {
        "first": ["g.a"],
        "g.a": ["c", "g.b"],
        "g.b": ["last"],
        "c": ["last"],
        "last": [],
    }
    document = serialize_dag(dag, "f.py")
    assert [(g.group_id, g.parent, g.label) for g in document.groups] == [
        ("g", None, "g"),
        ("g.inner", "g", "inner"),
    ]
    assert {t.task_id: (t.group_id, t.label) for t in document.tasks}["g.a"] == ("g", "a")
    assert group["a"] is a
    with pytest.raises(NodeNotFound, match="nothing"):
        group["nothing"]


def test_an_empty_group_passes_arrows_on() -> None:
    with DAG("d") as dag:
        a, b = tasks("ab")
        a >> TaskGroup("empty") >> b

    assert arrows(dag) == {"a": ["b"], "b": []}


def test_an_empty_group_may_be_the_one_that_draws() -> None:
    with DAG("d") as dag:
        a, b = tasks("ab")
        empty = TaskGroup("empty")
        empty << a
        empty >> b

    assert arrows(dag) == {"a": ["b"], "b": []}


def test_a_label_may_get_its_end_first() -> None:
    with DAG("d") as dag:
        a, b = tasks("ab")
        with TaskGroup("g") as group:
            Work(task_id="inside")
        label = Label("later")
        label >> [group, b.output]
        a >> label

    assert arrows(dag) == {"a": ["b", "g.inside"], "b": [], "g.inside": []}
    labels = serialize_dag(dag, "f.py").edge_labels
    assert labels == {"a": {"b": "later", "g.inside": "later"}}


def test_a_task_is_in_one_group_only() -> None:
    with DAG("d"):
        with TaskGroup("one"):
            a = Work(task_id="a")
        with pytest.raises(TaskAlreadyInTaskGroup, match="already in group 'one'"):
            TaskGroup("two").add(a)


def test_task_group_decorator() -> None:
    with DAG("d") as dag:

        @task_group(default_args={"retries": 4})
        def steps(value: int) -> Any:
            """Two steps."""

            @task
            def step(x: int) -> int:
                return x

            return step(step(value))

        steps(1) >> steps(2) >> Work(task_id="end")

    # the arrow meets what the function returned: its last task
    assert arrows(dag) == {
        "steps.step": ["steps.step__1"],
        "steps.step__1": ["steps__1.step__1"],
        "steps__1.step": ["steps__1.step__1"],
        "steps__1.step__1": ["end"],
        "end": [],
    }
    assert dag.get_task("steps.step").retries == 4  # type: ignore[attr-defined]
    assert dag.task_group.children["steps"].tooltip == "Two steps."  # type: ignore[attr-defined]


def test_setup_and_teardown_around_a_block() -> None:
    with DAG("d") as dag:
        start, end = Work(task_id="start").as_setup(), Work(task_id="end").as_teardown()
        with start >> end:
            a, b, _ = tasks("abc")
            a >> b

    assert arrows(dag) == {
        "start": ["a", "c", "end"],
        "end": [],
        "a": ["b"],
        "b": ["end"],
        "c": ["end"],
    }
    assert dag.get_task("end").trigger_rule == "all_done_setup_success"


def test_blocks_nest() -> None:
    with DAG("d") as dag:
        s1, e1, s2, e2 = (Work(task_id=name) for name in ("s1", "e1", "s2", "e2"))
        with s1.as_setup() >> e1.as_teardown():
            a = Work(task_id="a")
            with s2.as_setup() >> e2.as_teardown():
                b = Work(task_id="b")
            a >> Work(task_id="c")

    assert b.upstream_task_ids == {"s2"}
    assert arrows(dag) == {
        "s1": ["a", "e1", "s2"],
        "e1": [],
        "s2": ["b", "e2"],
        "e2": ["e1"],
        "a": ["c"],
        "b": ["e2"],
        "c": ["e1"],
    }


def test_a_teardown_alone_opens_a_block_and_takes_earlier_tasks() -> None:
    with DAG("d") as dag:
        begin, early = Work(task_id="begin"), Work(task_id="early")
        end = Work(task_id="end").as_teardown(setups=begin)
        with end as scope:
            scope.add_task(early)
            Work(task_id="late")

    assert arrows(dag) == {
        "begin": ["early", "end", "late"],
        "early": ["end"],
        "late": ["end"],
        "end": [],
    }
    with pytest.raises(AirflowException, match="outside the context manager"):
        scope.add_task(begin)


def test_arrows_out_of_a_group_skip_its_teardowns() -> None:
    with DAG("d") as dag:
        with TaskGroup("g") as group:
            s, w = Work(task_id="s"), Work(task_id="w")
            s >> w >> Work(task_id="t").as_teardown(setups=s)
        group >> Work(task_id="after")

    assert arrows(dag)["g.w"] == ["after", "g.t"]
    assert arrows(dag)["g.t"] == []


def test_roles_exclude_each_other() -> None:
    with DAG("d"):
        with pytest.raises(ValueError, match="already a teardown"):
            Work(task_id="a").as_teardown().as_setup()
        with pytest.raises(ValueError, match="already a setup"):
            Work(task_id="b").as_setup().as_teardown()
        with pytest.raises(ValueError, match="not a teardown"):
            Work(task_id="c").on_failure_fail_dagrun = True
        with pytest.raises(RuntimeError, match="context managers"), Work(task_id="x"):
            pass


def test_role_decorators() -> None:
    with DAG("d") as dag:

        @setup
        def open_it() -> None: ...

        @teardown(on_failure_fail_dagrun=True)
        def close_it() -> None: ...

        @task
        def use_it() -> None: ...

        with open_it() >> close_it():
            use_it()
        close_it.override(task_id="again")()

    document = {spec.task_id: spec for spec in serialize_dag(dag, "f.py").tasks}
    assert document["open_it"].is_setup
    assert document["close_it"].is_teardown
    assert document["close_it"].on_failure_fail_dagrun
    assert document["again"].trigger_rule == "all_done_setup_success"
    assert arrows(dag)["use_it"] == ["close_it"]
    with pytest.raises(AirflowException, match="Task groups"):
        setup(task_group(open_it.function))
