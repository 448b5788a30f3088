"""What the harness asks of a contestant, and what it gives to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.measure import Measured
from benchmarks.services import Postgres
from benchmarks.shapes import Shape


@dataclass(frozen=True)
class Terms:
    """What a contestant gives for its time, in words for the report."""

    title: str
    isolation: str
    durability: str
    records: str


@dataclass(frozen=True)
class Conditions:
    """Of one visit. `home`: an empty folder of its own. `postgres`: None when nobody needs it.

    A shape is run up to `repeat` times, with no new run after `patience_seconds`.
    """

    home: Path
    postgres: Postgres | None
    slots: int
    repeat: int
    limit_seconds: float
    patience_seconds: float
    idle_seconds: float

    @property
    def server(self) -> Postgres:
        assert self.postgres is not None  # the harness starts it for who `needs_postgres`
        return self.postgres


class Contestant(Protocol):
    name: str
    needs_postgres: bool
    terms: Terms

    def can(self, shape: Shape) -> bool: ...

    def prepare(self) -> None:
        """Install what is missing. Raises `BenchmarkError`."""

    def versions(self) -> dict[str, str]: ...

    def visit(self, shape: Shape, conditions: Conditions) -> list[Measured]:
        """Start, run, stop. Raises `BenchmarkError`, or anything else when something is wrong."""
