"""Visits: every contestant at every shape, one after the other, in turns.

In each round a shape is visited by all contestants before the next shape comes, so that what drifts
on the machine meets all of them. Who took long in one round is not asked again in the next.
"""

import os
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contestants.base import Conditions, Contestant
from benchmarks.measure import Measured, Results, Visit, best, now
from benchmarks.processes import BenchmarkError
from benchmarks.services import Postgres, postgres
from benchmarks.shapes import Shape

_LONG_SECONDS = 20.0


@dataclass(frozen=True)
class Plan:
    """`repeat_of`: how often by a contestant's name, whatever time it takes."""

    shapes: list[Shape]
    contestants: list[Contestant]
    slots: int = 16
    rounds: int = 2
    repeat: int = 5
    repeat_of: dict[str, int] = field(default_factory=dict)
    limit_seconds: float = 60.0
    patience_seconds: float = 10.0
    idle_seconds: float = 60.0


def carry_out(plan: Plan, results: Results) -> Iterator[Visit]:
    """Each visit once it is over and among the results."""
    ready = []
    for contestant in plan.contestants:
        try:
            contestant.prepare()
            ready.append(contestant)
        except BenchmarkError as error:
            print(f"{contestant.name} is left out: {error}", flush=True)
            yield from _left_out(contestant, plan, results, str(error))
    with _folder() as folder, _server(ready, folder) as server:
        for shape in plan.shapes:
            able = [contestant for contestant in ready if contestant.can(shape)]
            for contestant in able:
                results.forget(shape.name, contestant.name)
            for _ in range(plan.rounds):
                again = []
                for contestant in able:
                    began = time.monotonic()
                    visit = _visit(contestant, shape, plan, server, folder)
                    results.visits.append(visit)
                    yield visit
                    is_short = time.monotonic() - began < _LONG_SECONDS
                    if visit.error is None and is_short and shape.kind == "run":
                        again.append(contestant)
                able = again


def _left_out(contestant: Contestant, plan: Plan, results: Results, error: str) -> Iterator[Visit]:
    for shape in plan.shapes:
        if contestant.can(shape):
            results.forget(shape.name, contestant.name)
            visit = _failed(contestant, shape, error)
            results.visits.append(visit)
            yield visit


def _failed(contestant: Contestant, shape: Shape, error: str) -> Visit:
    load = os.getloadavg()[0]
    return Visit(
        shape=shape.name,
        contestant=contestant.name,
        versions={},
        at=now(),
        load=(load, load),
        error=error,
    )


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def _server(contestants: list[Contestant], folder: Path) -> Iterator[Postgres | None]:
    if not any(contestant.needs_postgres for contestant in contestants):
        yield None
        return
    (folder / "postgres").mkdir()
    with postgres(folder / "postgres") as server:
        yield server


def _visit(
    contestant: Contestant, shape: Shape, plan: Plan, server: Postgres | None, folder: Path
) -> Visit:
    print(f"{shape.title:<40} {contestant.name:<22}", end=" ", flush=True)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as home:
        conditions = Conditions(
            home=Path(home),
            postgres=server,
            slots=plan.slots,
            repeat=plan.repeat_of.get(contestant.name, plan.repeat),
            limit_seconds=plan.limit_seconds * shape.limit_factor,
            patience_seconds=(
                float("inf") if contestant.name in plan.repeat_of else plan.patience_seconds
            ),
            idle_seconds=plan.idle_seconds,
        )
        visit = _failed(contestant, shape, "")
        try:
            visit.versions = contestant.versions()
            visit.runs = contestant.visit(shape, conditions)
            visit.error = None
        except Exception as error:  # one that cannot be measured must not end the others' turns
            visit.error = str(error) or repr(error)
            if not isinstance(error, BenchmarkError):
                traceback.print_exc()
    visit.load = (load, os.getloadavg()[0])
    print(visit.error or _summary(visit.runs), flush=True)
    return visit


def _summary(runs: list[Measured]) -> str:
    run = best(runs)
    parts = [f"{run.seconds:8.2f} s"]
    if run.expected > 1:
        parts.append(f"{run.tasks:,} of {run.expected:,}, {run.rate:.1f}/s")
    if run.memory_mb is not None:
        parts.append(f"{run.memory_mb:.0f} MB")
    return ", ".join(parts) + f"  (best of {len(runs)})" * (len(runs) > 1)
