"""Which setups guard a task, and which tasks lie between a setup and its teardown.

Static: computed once for a DAG version by `core.runs.plan`.
"""

from collections.abc import Iterable, Mapping, Sequence

from tradewind.core.dag import TaskSpec

Edges = Mapping[str, Sequence[str]]


def reachable(start: Iterable[str], edges: Edges, within: set[str] | None = None) -> set[str]:
    """Everything that `edges` lead to from `start`; of `start` itself only what edges lead to.

    `within` bounds the search.
    """
    seen: set[str] = set()
    pending = [target for source in start for target in edges[source]]
    while pending:
        task_id = pending.pop()
        if task_id not in seen and (within is None or task_id in within):
            seen.add(task_id)
            pending.extend(edges[task_id])
    return seen


def guarding_setups(
    tasks: Mapping[str, TaskSpec], upstream: Edges, downstream: Edges
) -> dict[str, list[str]]:
    """Task id → the setups before it that must succeed before it may run.

    A setup guards what lies between it and one of its teardowns, or all that follows when it has
    none. Teardowns are not guarded: they have their own rule.
    """
    guards: dict[str, list[str]] = {}
    for setup_id, setup in tasks.items():
        if not setup.is_setup:
            continue
        scope = reachable([setup_id], downstream)
        teardowns = [child for child in downstream[setup_id] if tasks[child].is_teardown]
        if teardowns:
            scope = reachable(teardowns, upstream, within=scope)
        for task_id in scope:
            if not tasks[task_id].is_teardown:
                guards.setdefault(task_id, []).append(setup_id)
    return guards


def teardown_scope(
    teardown_id: str, tasks: Mapping[str, TaskSpec], upstream: Edges, downstream: Edges
) -> set[str]:
    """What must be done before the teardown runs although it is not directly before it."""
    setups = [parent for parent in upstream[teardown_id] if tasks[parent].is_setup]
    after_setups = reachable(setups, downstream)
    between = reachable([teardown_id], upstream, within=after_setups)
    return between.difference(upstream[teardown_id])
