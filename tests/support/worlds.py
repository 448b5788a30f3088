"""Small DAGs and runs for the tests of scheduling, and a hand that plays the executor."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tradewind.core.dag import (
    Expansion,
    GroupSpec,
    LengthSource,
    LiteralLength,
    MappedArgument,
    NullSchedule,
    SerializedDag,
    TaskSpec,
    XComLength,
)
from tradewind.core.protocol import Outcome, Succeeded, XComValue
from tradewind.core.runs.instances import Past, RunFacts, TaskInstance
from tradewind.core.runs.plan import plan
from tradewind.core.runs.run import Run
from tradewind.core.states import DagRunState, DagRunType

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def over(*sources: int | str | LengthSource) -> Expansion:
    """Mapped over literals of these lengths and the results of these tasks."""

    def source(value: int | str | LengthSource) -> LengthSource:
        if isinstance(value, int):
            return LiteralLength(length=value)
        return XComLength(task_id=value) if isinstance(value, str) else value

    arguments = [MappedArgument(name=f"x{i}", source=source(s)) for i, s in enumerate(sources)]
    return Expansion(arguments=arguments)


def task(task_id: str, *upstream: str, **fields: Any) -> TaskSpec:
    """Upstreams of a mapped task include what it is mapped over, as in a serialized DAG."""
    return TaskSpec(
        task_id=task_id, label=task_id, operator="Op", upstream=sorted(upstream), **fields
    )


def group(group_id: str, *sources: int | str, parent: str | None = None) -> GroupSpec:
    return GroupSpec(
        group_id=group_id,
        label=group_id,
        parent=parent,
        expansion=over(*sources) if sources else None,
    )


def dag(*tasks: TaskSpec, groups: list[GroupSpec] | None = None, **fields: Any) -> SerializedDag:
    return SerializedDag(
        schema=1,
        dag_id="dag",
        file="dag.py",
        timetable=NullSchedule(),
        tasks=list(tasks),
        groups=groups or [],
        **({"max_active_tasks": 1_000_000} | fields),
    )


def new_run(
    document: SerializedDag, past: Past | None = None, *, begin: bool = True, **facts: Any
) -> Run:
    """A fresh run that has begun and been advanced at `START`."""
    defaults = {"dag_id": "dag", "run_id": "run", "run_type": DagRunType.MANUAL}
    run = Run.create(plan(document), RunFacts(**(defaults | facts)), past)
    if begin:
        run.begin(START)
        run.advance(START)
    return run


def reload(run: Run, past: Past | None = None) -> Run:
    """The run as a scheduler sees it that reads it from the database."""
    instances = [msgspec.structs.replace(ti) for ti in run.instances()]
    return Run(run.plan, msgspec.structs.replace(run.facts), instances, past)


def get(run: Run, task_id: str, map_index: int = -1) -> TaskInstance:
    ti = run.instance(task_id, map_index)
    assert ti is not None, f"{task_id}[{map_index}] does not exist"
    return ti


def returned(length: int) -> Succeeded:
    value = XComValue(key="return_value", value=[0] * length, length=length)
    return Succeeded(xcoms=[value])


_attempts = iter(range(1, 1_000_000_000))


def start(run: Run, task_id: str, map_index: int = -1, now: datetime = START) -> TaskInstance:
    """Claim and start a scheduled instance."""
    ti = get(run, task_id, map_index)
    run.claimed(ti, next(_attempts), now)
    assert run.started(ti, now)
    return ti


def finish(
    run: Run,
    task_id: str,
    outcome: Outcome | None = None,
    map_index: int = -1,
    now: datetime = START,
) -> TaskInstance:
    """Run a scheduled instance to its outcome (success if not given), and advance the run."""
    ti = start(run, task_id, map_index, now)
    assert run.reported(ti, outcome or Succeeded(), now)
    run.advance(now)
    return ti


def states(run: Run) -> dict[str, str]:
    """Label → state of all instances."""
    return {ti.label: str(ti.state) for ti in run.instances()}


def state(run: Run, label: str) -> str:
    return states(run)[label]


def is_over(run: Run) -> bool:
    return run.facts.state in (DagRunState.SUCCESS, DagRunState.FAILED)
