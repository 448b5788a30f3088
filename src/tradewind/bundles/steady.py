"""Do two parses of the same file give the same DAGs? If not, what differs, in words."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import structs

from tradewind.bundles.results import FileError, ParseResult
from tradewind.core.dag import CustomSchedule, SerializedDag, structural_hash

_SHOWN = 5


def compared(
    first: ParseResult | None, second: ParseResult
) -> tuple[ParseResult, dict[str, list[str]]]:
    """What to publish after one parse or two, and which fields of which DAG differed.

    Differing ids make it an error: a task that has another name in each process cannot be run.
    """
    if first is None or second.error is not None:
        return second, {}
    difference = unsteady_ids(first.dags, second.dags)
    if difference is None:
        others = {dag.dag_id: dag for dag in second.dags}
        fields = {dag.dag_id: unsteady_fields(dag, others[dag.dag_id]) for dag in first.dags}
        return first, {dag_id: names for dag_id, names in fields.items() if names}
    error = FileError(
        kind="unsteady",
        message=f"The file gives something else each time it is imported: {difference}.",
        file=first.file,
        hint="The file is imported again in every process that runs a task of it. Build ids from"
        " fixed values: no current time, no chance, and sets only after sorted().",
    )
    return structs.replace(second, dags=[], watchers=[], error=error), {}


def unsteady_ids(first: Sequence[SerializedDag], second: Sequence[SerializedDag]) -> str | None:
    """What differs in DAG ids, task ids or arrows: a DAG that no runner could find its way in."""
    one, two = ({dag.dag_id: dag for dag in dags} for dags in (first, second))
    if one.keys() != two.keys():
        return f"DAG ids ({_listed(one.keys() ^ two.keys())})"
    for dag_id, dag in one.items():
        difference = _task_difference(dag, two[dag_id])
        if difference is not None:
            return f"DAG {dag_id!r}: {difference}"
    return None


def _task_difference(one: SerializedDag, two: SerializedDag) -> str | None:
    first, second = ({task.task_id: task.upstream for task in dag.tasks} for dag in (one, two))
    if first.keys() != second.keys():
        return f"task ids ({_listed(first.keys() ^ second.keys())})"
    moved = [task_id for task_id in first if first[task_id] != second[task_id]]
    return f"the upstream tasks of {_listed(moved)}" if moved else None


def unsteady_fields(one: SerializedDag, two: SerializedDag) -> list[str]:
    """Fields that differ between two parses with equal ids, as "start_date" or "task.retries"."""
    if structural_hash(one) == structural_hash(two):
        return []
    fields = {f"{name}" for name in _differing(_still(one), _still(two)) if name != "tasks"}
    others = {task.task_id: task for task in two.tasks}
    for task in one.tasks:
        fields |= {f"{task.task_id}.{name}" for name in _differing(task, others[task.task_id])}
    return sorted(fields)


def _still(dag: SerializedDag) -> SerializedDag:
    """Without what moves by itself, as `structural_hash` sees it."""
    timetable = dag.timetable
    if isinstance(timetable, CustomSchedule):
        timetable = CustomSchedule(classpath=timetable.classpath)
    return structs.replace(dag, timetable=timetable, warnings=[])


def _differing(one: msgspec.Struct, two: Any) -> Iterator[str]:
    return (n for n in one.__struct_fields__ if getattr(one, n) != getattr(two, n))


def _listed(names: Any) -> str:
    names = sorted(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
