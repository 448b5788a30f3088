import itertools
from pathlib import Path

import pytest

from tradewind.cli import graph
from tradewind.core.dag import SerializedDag
from tradewind.core.errors import UserError
from tradewind.sdk import DAG, Label, TaskGroup
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.serialize import serialize_dag


def diamond() -> SerializedDag:
    with DAG("diamond", schedule=None) as dag:
        start = EmptyOperator(task_id="start").as_setup()
        with TaskGroup("both"):
            left = EmptyOperator(task_id="left")
            right = EmptyOperator(task_id="right")
        end = EmptyOperator(task_id="end")
        last = EmptyOperator(task_id="last").as_teardown()
        start >> Label('the "good" one') >> left
        start >> right
        [left, right] >> end >> last
    return serialize_dag(dag, "diamond.py")


def test_a_tree_spells_out_each_task_once() -> None:
    assert list(graph.tree(diamond())) == [
        "diamond",
        "└── start (EmptyOperator, setup)",
        "    ├── both.left (EmptyOperator)",
        "    │   └── end (EmptyOperator)",
        "    │       └── last (EmptyOperator, teardown)",
        "    └── both.right (EmptyOperator)",
        "        └── end (EmptyOperator) (above)",
    ]


def test_a_tree_of_a_long_chain() -> None:
    with DAG("chain", schedule=None) as dag:
        tasks = [EmptyOperator(task_id=f"t{n}") for n in range(3000)]
        for up, down in itertools.pairwise(tasks):
            up >> down
    assert len(list(graph.tree(serialize_dag(dag, "chain.py")))) == 3001


def test_mermaid_nests_groups_and_labels_edges() -> None:
    lines = list(graph.mermaid(diamond()))
    assert lines[0] == "flowchart LR"
    begin, end = lines.index('  subgraph g0["both"]'), lines.index("  end")
    assert {line.strip().partition("[")[2] for line in lines[begin + 1 : end]} == {
        '"both.left (EmptyOperator)"]',
        '"both.right (EmptyOperator)"]',
    }
    arrows = [line for line in lines if "-->" in line]
    assert len(arrows) == 5
    assert [line for line in arrows if "good" in line] == ["  t0 -->|\"the 'good' one\"| t1"]


def test_dot_quotes_what_people_write() -> None:
    text = "\n".join(graph.dot(diamond()))
    assert '"start" -> "both.left" [label="the \\"good\\" one"]' in text
    assert text.count("{") == text.count("}") == 1


@pytest.mark.parametrize(
    ("name", "form", "begins"),
    [
        ("x.dot", None, "digraph"),
        ("x.gv", None, "digraph"),
        ("x.mmd", None, "flowchart"),
        ("x.txt", None, "diamond"),
        ("x.txt", "dot", "digraph"),
    ],
)
def test_the_name_of_the_file_says_the_form(
    tmp_path: Path, name: str, form: str | None, begins: str
) -> None:
    graph.save(diamond(), tmp_path / name, form)
    assert (tmp_path / name).read_text().startswith(begins)


def test_a_picture_needs_graphviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"\.png needs Graphviz"):
        graph.save(diamond(), tmp_path / "x.png", None)


def test_graphviz_makes_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\nread line; echo "$1 $line" > "$3"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    graph.save(diamond(), tmp_path / "x.svg", None)
    assert (tmp_path / "x.svg").read_text() == '-Tsvg digraph "diamond" {\n'
    program.write_text("#!/bin/sh\necho no such font >&2; exit 1\n")
    with pytest.raises(UserError, match="no such font"):
        graph.save(diamond(), tmp_path / "x.svg", None)
