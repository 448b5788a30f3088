"""A DAG's structure as text: a tree for people, Mermaid and DOT for programs."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tradewind.core.dag import SerializedDag, TaskSpec
from tradewind.core.errors import UserError


def tree(dag: SerializedDag) -> Iterator[str]:
    """Each task below those that it follows; what follows it is spelled out once."""
    downstream = _downstream(dag)
    tasks = {task.task_id: task for task in dag.tasks}
    seen: set[str] = set()
    yield dag.dag_id
    roots = [task.task_id for task in dag.tasks if not task.upstream]
    # (task, what stands before it, is it the last child); a stack, for chains may be long
    left = [(root, "", root == roots[-1]) for root in reversed(roots)]
    while left:
        task_id, indent, last = left.pop()
        again = task_id in seen and downstream[task_id]
        corner = "└── " if last else "├── "
        yield f"{indent}{corner}{_label(tasks[task_id])}{' (above)' if again else ''}"
        if again:
            continue
        seen.add(task_id)
        children = downstream[task_id]
        below = indent + ("    " if last else "│   ")
        left += [(child, below, child == children[-1]) for child in reversed(children)]


def mermaid(dag: SerializedDag) -> Iterator[str]:
    """A Mermaid flowchart, groups as subgraphs."""
    names = {task.task_id: f"t{number}" for number, task in enumerate(dag.tasks)}
    group_names = {group.group_id: f"g{number}" for number, group in enumerate(dag.groups)}
    groups: dict[str | None, list[str]] = {}
    for group in dag.groups:
        groups.setdefault(group.parent, []).append(group.group_id)
    members: dict[str | None, list[TaskSpec]] = {}
    for task in dag.tasks:
        members.setdefault(task.group_id, []).append(task)
    labels = {group.group_id: group.label for group in dag.groups}

    def inside(group_id: str | None, indent: str) -> Iterator[str]:
        for child in groups.get(group_id, []):
            yield f"{indent}subgraph {group_names[child]}[{_mermaid_text(labels[child])}]"
            yield from inside(child, indent + "  ")
            yield f"{indent}end"
        for task in members.get(group_id, []):
            yield f"{indent}{names[task.task_id]}[{_mermaid_text(_label(task))}]"

    yield "flowchart LR"
    yield from inside(None, "  ")
    for up, down, text in _edges(dag):
        arrow = f"-->|{_mermaid_text(text)}|" if text else "-->"
        yield f"  {names[up]} {arrow} {names[down]}"


def dot(dag: SerializedDag) -> Iterator[str]:
    """Graphviz's language: `tradewind dags show DAG --dot | dot -Tpng > dag.png`."""
    yield f"digraph {_quoted(dag.dag_id)} {{"
    yield "  rankdir=LR"
    yield "  node [shape=box, style=rounded]"
    for task in dag.tasks:
        yield f"  {_quoted(task.task_id)} [label={_quoted(_label(task))}]"
    for up, down, text in _edges(dag):
        label = f" [label={_quoted(text)}]" if text else ""
        yield f"  {_quoted(up)} -> {_quoted(down)}{label}"
    yield "}"


FORMS: dict[str | None, Callable[[SerializedDag], Iterator[str]]] = {
    None: tree,
    "mermaid": mermaid,
    "dot": dot,
}
_ENDINGS = {".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid"}
_PICTURES = (".png", ".svg", ".pdf", ".jpg")


def save(dag: SerializedDag, file: Path, form: str | None) -> None:
    """Draw into a file, in the form that its name or else `form` says; pictures by Graphviz.

    Raises `UserError` if Graphviz is needed and is not there, or cannot do it.
    """
    ending = file.suffix.lower()
    if form is None and ending in _PICTURES:
        _picture("\n".join(dot(dag)), file)
    else:
        file.write_text("\n".join(FORMS[form or _ENDINGS.get(ending)](dag)) + "\n")


def _picture(text: str, file: Path) -> None:
    program = shutil.which("dot")
    if program is None:
        raise UserError(
            f"{file.suffix} needs Graphviz's program `dot`, which is not installed.",
            hint="Debian: apt-get install graphviz. Or save as .dot or .mmd.",
        )
    command = [program, f"-T{file.suffix.lower()[1:]}", "-o", str(file)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"Graphviz could not draw {file}: {done.stderr.strip()}")


def _downstream(dag: SerializedDag) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {task.task_id: [] for task in dag.tasks}
    for task in dag.tasks:
        for upstream in task.upstream:
            found[upstream].append(task.task_id)
    return found


def _edges(dag: SerializedDag) -> Iterator[tuple[str, str, str]]:
    for task in dag.tasks:
        for upstream in task.upstream:
            yield upstream, task.task_id, dag.edge_labels.get(upstream, {}).get(task.task_id, "")


def _label(task: TaskSpec) -> str:
    marks = [task.operator]
    if task.expansion:
        marks.append("mapped")
    if task.is_setup:
        marks.append("setup")
    if task.is_teardown:
        marks.append("teardown")
    return f"{task.task_id} ({', '.join(marks)})"


def _mermaid_text(text: str) -> str:
    """In double quotes, which Mermaid cannot escape inside."""
    return '"' + text.replace('"', "'") + '"'


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
