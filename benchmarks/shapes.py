"""What is run: DAG files, which Tradewind and Airflow read alike, and how many runs of them.

Peers run the same work on two of the shapes, from scripts of their own (`peers/`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["run", "parse", "idle", "imports"]


@dataclass(frozen=True)
class Shape:
    """`tasks`: in all runs of all DAGs together. `limit_factor`: of the usual time limit."""

    name: str
    title: str
    kind: Kind = "run"
    files: dict[str, str] | None = None
    dag_ids: tuple[str, ...] = ()
    runs_per_dag: int = 1
    tasks: int = 0
    for_peers: bool = False
    growth: Literal["tasks", "runs"] | None = None
    limit_factor: float = 1.0

    @property
    def runs(self) -> int:
        return len(self.dag_ids) * self.runs_per_dag

    @property
    def is_quick(self) -> bool:
        return self.name in ("imports", "chain", "parallel")

    @property
    def is_huge(self) -> bool:
        return self.limit_factor > 2


# Its tasks return the moment at which they ran: the user code's own time-stamp, kept as XCom.
_CHAIN = """
import time
from airflow.sdk import DAG, task

with DAG("{name}", max_active_runs=1000):
    @task
    def hop():
        {work}
        return time.time()

    before = None
    for number in range({tasks}):
        after = hop.override(task_id=f"hop_{{number}}")()
        if before is not None:
            before >> after
        before = after
"""
_PARALLEL = """
from airflow.sdk import DAG, task

with DAG("{name}", max_active_runs={runs}):
    @task
    def tiny():
        return 1

    for number in range({tasks}):
        tiny.override(task_id=f"tiny_{{number}}")()
"""
_LONG_WORK = """
        def fibo(n):
            return n if n < 2 else fibo(n - 1) + fibo(n - 2)
        fibo(33)"""
_ORDINARY = """
from datetime import datetime
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

with DAG(
    "{name}", schedule="@yearly", start_date=datetime(2100, 1, 1), catchup=False, tags=["bench"]
):
    @task
    def extract():
        return 1

    @task
    def load(value):
        return value

    load(extract()) >> BashOperator(task_id="tell", bash_command="echo done")
"""


def chain_file(name: str, tasks: int, work: str = "pass") -> str:
    return _CHAIN.format(name=name, tasks=tasks, work=work.strip())


def parallel_file(name: str, tasks: int, runs: int = 1000) -> str:
    return _PARALLEL.format(name=name, tasks=tasks, runs=runs)


def _one_dag(name: str, title: str, text: str, tasks: int, **more: object) -> Shape:
    return Shape(name, title, files={f"{name}.py": text}, dag_ids=(name,), tasks=tasks, **more)


def _many_files(text: Callable[[str], str], count: int, prefix: str) -> dict[str, str]:
    return {f"{prefix}_{number}.py": text(f"{prefix}_{number}") for number in range(count)}


def _ordinary(name: str, title: str, kind: Kind, count: int) -> Shape:
    files = _many_files(lambda dag_id: _ORDINARY.format(name=dag_id), count, name)
    return Shape(name, title, kind, files, tuple(name.removesuffix(".py") for name in files))


def _growing_run(tasks: int) -> Shape:
    name = f"tasks-{tasks}"
    return _one_dag(
        name,
        f"one run of {tasks:,} tasks",
        parallel_file(name, tasks),
        tasks,
        growth="tasks",
        limit_factor=20.0 if tasks > 10_000 else 1.5,
    )


def _growing_runs(runs: int) -> Shape:
    name = f"runs-{runs}"
    text = chain_file(name, 3).replace("max_active_runs=1000", f"max_active_runs={runs}")
    return _one_dag(
        name,
        f"{runs:,} active runs of 3 tasks",
        text,
        3 * runs,
        runs_per_dag=runs,
        growth="runs",
        limit_factor=20.0 if runs > 1_000 else 1.0,
    )


def _hundred_dags() -> Shape:
    files = _many_files(lambda dag_id: chain_file(dag_id, 10), 100, "dags")
    ids = tuple(name.removesuffix(".py") for name in files)
    return Shape("dags", "100 DAGs of 10 tasks, a chain each", "run", files, ids, tasks=1000)


WARM_DAG = "warm"
WARM_FILE = parallel_file(WARM_DAG, 2)
"""Run once before anything is measured, so that every contestant has begun to work."""

SHAPES = {
    shape.name: shape
    for shape in (
        Shape("imports", "what a DAG file imports", "imports"),
        _one_dag(
            "chain", "chain of 40", chain_file("chain", 40), 40, for_peers=True, limit_factor=1.5
        ),
        _one_dag("long", "10 long (fibo(33)) in a chain", chain_file("long", 10, _LONG_WORK), 10),
        _one_dag("parallel", "500 parallel", parallel_file("parallel", 500), 500, for_peers=True),
        _hundred_dags(),
        _growing_run(10_000),
        _growing_runs(1_000),
        _ordinary("parse", "parse 500 files", "parse", 500),
        _ordinary("idle", "an idle minute with 100 DAG files", "idle", 100),
        _growing_run(100),
        _growing_run(1_000),
        _growing_runs(10),
        _growing_runs(100),
        _growing_run(100_000),
        _growing_runs(10_000),
    )
}
