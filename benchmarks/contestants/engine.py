"""What is done alike with Tradewind and with Airflow: both run DAG files and keep their records.

An engine's module says how to start it, how to trigger runs, and how to read its records.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks import latency
from benchmarks.contestants.base import Conditions, Terms
from benchmarks.latency import Hop
from benchmarks.measure import Measured, now
from benchmarks.processes import BenchmarkError, wait_until
from benchmarks.shapes import WARM_DAG, WARM_FILE, Shape
from benchmarks.tree import Tree

LOAD_SECONDS = 300
"""What both give a DAG file of 10,000 tasks to load; their defaults are 30 and 50."""

_START_SECONDS = 180.0
_SETTLE_SECONDS = 20.0


@dataclass(frozen=True)
class Progress:
    """Of some runs, by the engine's records. `first` None: none of them has begun."""

    first: datetime | None
    last: datetime | None
    runs_ended: int
    runs_failed: int
    tasks_done: int


class Running(ABC):
    """An engine that has been started on a folder of DAG files."""

    def __init__(self, tree: Tree, conditions: Conditions, database: str | None) -> None:
        self.tree = tree
        self.conditions = conditions
        self.database = database  # on the PostgreSQL server

    @abstractmethod
    def dags_seen(self, dag_ids: Sequence[str]) -> int:
        """How many of them can be triggered."""

    @abstractmethod
    def parsed(self, dag_ids: Sequence[str]) -> tuple[datetime, datetime]:
        """When the first and the last of them was stored."""

    @abstractmethod
    def set_paused(self, dag_ids: Sequence[str], paused: bool) -> None: ...

    @abstractmethod
    def trigger(self, dag_id: str, run_ids: Sequence[str]) -> None: ...

    @abstractmethod
    def runs_ended(self, run_ids: Sequence[str]) -> int:
        """Asked often, so it must be cheap."""

    @abstractmethod
    def progress(self, run_ids: Sequence[str]) -> Progress: ...

    @abstractmethod
    def failure(self, run_ids: Sequence[str]) -> str:
        """Which task has failed, and as far as that is recorded, why."""

    @abstractmethod
    def hops(self, run_id: str) -> list[Hop]:
        """Of a chain whose tasks return the moment at which they ran."""

    def statements(self) -> int | None:
        if self.database is None:
            return None
        return self.conditions.server.statements(self.database)

    def database_cpu(self) -> float:
        return 0.0 if self.database is None else self.conditions.server.cpu_seconds()


class Engine(ABC):
    name: str
    needs_postgres: bool
    terms: Terms

    def can(self, shape: Shape) -> bool:
        return True

    @abstractmethod
    def start(self, conditions: Conditions, dags: Path) -> Iterator[Running]: ...

    @abstractmethod
    def imports(self) -> Measured: ...

    def visit(self, shape: Shape, conditions: Conditions) -> list[Measured]:
        if shape.kind == "imports":
            return [self.imports()]
        dags = conditions.home / "dags"
        dags.mkdir()
        (dags / f"{WARM_DAG}.py").write_text(WARM_FILE)
        for name, text in (shape.files or {}).items():
            (dags / name).write_text(text)
        with contextmanager(self.start)(conditions, dags) as running:
            began = time.monotonic()
            if shape.kind == "parse":
                complete = _loaded(running, shape.dag_ids, conditions.limit_seconds)
                return [_parsing(running, shape, complete, time.monotonic() - began)]
            limit = _START_SECONDS * shape.limit_factor
            if not _loaded(running, (WARM_DAG, *shape.dag_ids), limit):
                raise BenchmarkError(f"The shape's DAGs were not loaded in {limit:.0f} s.")
            _warm_up(running)
            if shape.kind == "idle":
                return [_idling(running)]
            return list(_repeated(running, shape))


def _warm_up(running: Running) -> None:
    """One try may fail: tasks of Airflow may start before the server that they report to is up."""
    try:
        _run(running, [WARM_DAG], 1, 2)
    except BenchmarkError:
        _run(running, [WARM_DAG], 1, 2)


def _loaded(running: Running, dag_ids: Sequence[str], seconds: float) -> bool:
    return wait_until(lambda: running.dags_seen(dag_ids) == len(dag_ids), seconds)


def _repeated(running: Running, shape: Shape) -> Iterator[Measured]:
    conditions = running.conditions
    began = time.monotonic()
    for _ in range(conditions.repeat):
        measured = _run(running, shape.dag_ids, shape.runs_per_dag, shape.tasks)
        yield measured
        if measured.stopped or time.monotonic() - began > conditions.patience_seconds:
            return


def _run(running: Running, dag_ids: Sequence[str], runs_per_dag: int, tasks: int) -> Measured:
    """Trigger the runs while their DAGs are paused, let them go, and wait for their end."""
    mark = now().isoformat()
    running.set_paused(dag_ids, True)
    run_ids: list[str] = []
    for dag_id in dag_ids:
        mine = [f"{mark}_{dag_id}_{number}" for number in range(runs_per_dag)]
        running.trigger(dag_id, mine)
        run_ids += mine
    cpu, database_cpu = running.tree.cpu_seconds(), running.database_cpu()
    statements = running.statements()
    running.set_paused(dag_ids, False)
    limit = running.conditions.limit_seconds
    in_time = wait_until(lambda: running.runs_ended(run_ids) == len(run_ids), limit)
    progress = running.progress(run_ids)
    if progress.runs_failed:
        failed = f"{progress.runs_failed} of {len(run_ids)} runs have failed."
        raise BenchmarkError(f"{failed} {running.failure(run_ids)}")
    if progress.first is None:
        raise BenchmarkError(f"No run has begun in {limit:.0f} s.")
    ended = progress.last if in_time and progress.last else now()
    measured = Measured(
        seconds=(ended - progress.first).total_seconds(),
        tasks=progress.tasks_done,
        expected=tasks,
        stopped=not in_time,
        cpu_seconds=running.tree.cpu_seconds() - cpu,
        memory_mb=running.tree.pss_mb(),
    )
    if statements is not None:
        measured.statements = (running.statements() or 0) - statements
        measured.database_cpu_seconds = running.database_cpu() - database_cpu
    if in_time and list(dag_ids) == ["chain"]:
        measured.phases = latency.phases(running.hops(run_ids[0]))
    return measured


def _parsing(running: Running, shape: Shape, complete: bool, seconds: float) -> Measured:
    seen = running.dags_seen(shape.dag_ids)
    if not seen:
        raise BenchmarkError(f"No DAG file was loaded in {seconds:.0f} s.")
    first, last = running.parsed(shape.dag_ids)
    return Measured(
        seconds=(last - first).total_seconds(),
        tasks=seen,
        expected=len(shape.dag_ids),
        stopped=not complete,
        cpu_seconds=running.tree.cpu_seconds(),
        database_cpu_seconds=running.database_cpu() or None,
        memory_mb=running.tree.pss_mb(),
        figures={"seconds since the start": seconds},
    )


def _idling(running: Running) -> Measured:
    time.sleep(_SETTLE_SECONDS)  # for runs that are due, and everything that settles
    cpu, database_cpu = running.tree.cpu_seconds(), running.database_cpu()
    statements = running.statements()
    seconds = running.conditions.idle_seconds
    time.sleep(seconds)
    return Measured(
        seconds=seconds,
        cpu_seconds=running.tree.cpu_seconds() - cpu,
        database_cpu_seconds=(running.database_cpu() - database_cpu) or None,
        memory_mb=running.tree.pss_mb(),
        statements=None if statements is None else (running.statements() or 0) - statements,
    )
