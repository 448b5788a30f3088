"""A failing case made smaller: parts are left out as long as it still fails by the same rule."""

import time
from collections.abc import Iterator
from typing import TypeVar

from msgspec.structs import replace

from simulation.case import Case
from simulation.database import Database
from simulation.play import play
from tradewind.core.dag import SerializedDag

T = TypeVar("T")


def shrink(case: Case, database: Database, *, seconds: float) -> Case:
    """The smallest case found in this time; the one given, if none smaller fails."""
    wanted = play(case, database).rules
    if not wanted:
        return case
    deadline = time.monotonic() + seconds
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(case):
            if time.monotonic() > deadline:
                return case
            if play(smaller, database).rules & wanted:
                case, progress = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Every way to leave one thing out, large things first."""
    if case.schedulers > 2:
        yield replace(case, schedulers=case.schedulers - 1)
    for number in range(len(case.faults)):
        yield replace(case, faults=_without(case.faults, number))
    for number in range(len(case.deeds)):
        yield replace(case, deeds=_without(case.deeds, number))
    if len(case.dags) > 1:
        yield from (_without_dag(case, number) for number in range(len(case.dags)))
    for number, dag in enumerate(case.dags):
        for plainer in _plainer(dag):
            dags = [plainer if n == number else other for n, other in enumerate(case.dags)]
            yield replace(case, dags=dags)
    if case.schedulers == 2:
        yield replace(case, schedulers=1)


def _without_dag(case: Case, number: int) -> Case:
    deeds = [
        replace(deed, dag=deed.dag - (deed.dag > number))
        for deed in case.deeds
        if deed.dag != number
    ]
    return replace(case, dags=_without(case.dags, number), deeds=deeds)


def _plainer(dag: SerializedDag) -> Iterator[SerializedDag]:
    for task in dag.tasks:
        if len(dag.tasks) > 1 and not any(task.task_id in other.upstream for other in dag.tasks):
            yield replace(dag, tasks=[other for other in dag.tasks if other is not task])
    for number, task in enumerate(dag.tasks):
        for name in ("retries", "pool", "max_active_tis_per_dag", "depends_on_past", "callbacks"):
            plain = replace(task, **{name: _DEFAULTS[name]})
            if plain != task:
                tasks = [plain if n == number else other for n, other in enumerate(dag.tasks)]
                yield replace(dag, tasks=tasks)


_DEFAULTS = {
    "retries": 0,
    "pool": "default_pool",
    "max_active_tis_per_dag": None,
    "depends_on_past": False,
    "callbacks": [],
}


def _without(items: list[T], number: int) -> list[T]:
    return [*items[:number], *items[number + 1 :]]
