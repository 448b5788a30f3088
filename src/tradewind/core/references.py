"""Whether what a document's tasks and groups name is there, so that nobody else has to ask."""

from collections.abc import Iterator

from tradewind.core.dag import Expansion, LengthSource, LiteralLength, SerializedDag, XComLength
from tradewind.core.errors import InvalidDag


def check_references(dag: SerializedDag) -> None:
    """Raise `InvalidDag` for a document that no serializer wrote: the first problem is named.

    Tasks come after all that they wait for, groups after the ones that they are in; so there are
    no circles.
    """
    for problem in _problems(dag):
        raise InvalidDag(
            f"The document of DAG {dag.dag_id!r} is damaged: {problem}.",
            hint="Touch the DAG's file, so that it is parsed and published again.",
        )


def _problems(dag: SerializedDag) -> Iterator[str]:
    all_tasks = {task.task_id for task in dag.tasks}
    groups: set[str | None] = {None}
    for group in dag.groups:
        if group.group_id in groups or group.group_id in all_tasks:
            yield f"the id {group.group_id!r} is there twice"
        if group.parent not in groups:
            yield f"the group {group.group_id!r} is in {group.parent!r}, which is not before it"
        yield from _dangling(group.group_id, group.expansion, all_tasks)
        groups.add(group.group_id)
    tasks: set[str] = set()
    for task in dag.tasks:
        if task.task_id in tasks:
            yield f"the id {task.task_id!r} is there twice"
        for upstream in task.upstream:
            if upstream not in tasks:
                yield f"{task.task_id!r} waits for {upstream!r}, which is not before it"
        if task.group_id not in groups:
            yield f"{task.task_id!r} is in the unknown group {task.group_id!r}"
        yield from _dangling(task.task_id, task.expansion, all_tasks)
        tasks.add(task.task_id)


def _dangling(owner: str, expansion: Expansion | None, tasks: set[str]) -> Iterator[str]:
    for argument in expansion.arguments if expansion is not None else ():
        for task_id in xcom_sources(argument.source):
            if task_id not in tasks or task_id == owner:
                yield f"{owner!r} is mapped over {task_id!r}, which is not there"


def xcom_sources(source: LengthSource) -> list[str]:
    """The tasks whose XComs decide the length, in order of mention."""
    if isinstance(source, LiteralLength):
        return []
    if isinstance(source, XComLength):
        return [source.task_id]
    return [task_id for part in source.sources for task_id in xcom_sources(part)]
