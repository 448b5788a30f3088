"""One measurement, and the file that keeps all of them."""

import os
import platform
import statistics
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec


class Measured(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One run of a shape by a contestant. What a contestant does not tell is None.

    `seconds`: from the first run's start to the last one's end, by the contestant's own records.
    `stopped`: the time limit came first; `tasks` of `expected` were done by then.
    CPU times and memory (PSS) are those of the contestant's whole process tree, the database
    server's CPU time beside it. `statements`: as the PostgreSQL server counted them.
    `phases`: medians in milliseconds, see `latency`. `figures`: what only some shapes have.
    """

    seconds: float = 0.0
    tasks: int = 0
    expected: int = 0
    stopped: bool = False
    cpu_seconds: float | None = None
    database_cpu_seconds: float | None = None
    memory_mb: float | None = None
    statements: int | None = None
    phases: dict[str, float] | None = None
    figures: dict[str, float] | None = None

    @property
    def rate(self) -> float:
        return self.tasks / self.seconds if self.seconds else 0.0

    def per_task_ms(self, seconds: float | None) -> float | None:
        return None if seconds is None or not self.tasks else seconds / self.tasks * 1e3


class Visit(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A contestant's turn at a shape: it was started, ran some times, and was stopped."""

    shape: str
    contestant: str
    versions: dict[str, str]
    at: datetime
    load: tuple[float, float]
    runs: list[Measured] = []
    error: str | None = None


class Results(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Everything measured so far. Visits of an earlier invocation stay until measured anew."""

    machine: str = ""
    command: str = ""
    slots: int = 0
    visits: list[Visit] = []

    @classmethod
    def read(cls, path: Path) -> "Results":
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.exists() else cls()

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(self), indent=1)
        path.write_bytes(text + b"\n")

    def forget(self, shape: str, contestant: str) -> None:
        self.visits = [
            visit for visit in self.visits if (visit.shape, visit.contestant) != (shape, contestant)
        ]

    def of(self, shape: str, contestant: str) -> list[Visit]:
        return [v for v in self.visits if (v.shape, v.contestant) == (shape, contestant)]

    def runs(self, shape: str, contestant: str) -> list[Measured]:
        return [run for visit in self.of(shape, contestant) for run in visit.runs]


def best(runs: Iterable[Measured]) -> Measured:
    """The quickest that came to its end, or else the stopped one that came farthest."""
    return min(runs, key=lambda run: (run.stopped, -run.tasks, run.seconds))


def median_seconds(runs: Iterable[Measured]) -> float:
    return statistics.median(run.seconds for run in runs)


def now() -> datetime:
    return datetime.now(UTC)


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model or platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )
