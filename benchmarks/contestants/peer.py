"""Peers that do not read DAG files: a script each in `peers/`, run in an environment of its own.

    SCRIPT run SHAPE COUNT       do the work
    SCRIPT records SHAPE SINCE   print what the peer's durable records say of it, as JSON

The script has an empty folder of its own (BENCH_HOME) and gets the same one in both calls. What
was not done in time is found by the records all the same.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contestants.base import Conditions, Terms
from benchmarks.environments import python_of, version_in
from benchmarks.measure import Measured
from benchmarks.processes import BenchmarkError, running, tail, wait_until
from benchmarks.shapes import Shape
from benchmarks.tree import Tree

_SCRIPTS = Path(__file__).parents[1] / "peers"
_OVERHEAD_SECONDS = 45.0  # for what is not measured: start, and until all has been recorded

Service = Callable[[Conditions], AbstractContextManager[dict[str, str]]]


@contextmanager
def no_service(conditions: Conditions) -> Iterator[dict[str, str]]:
    yield {}


@dataclass(frozen=True)
class Peer:
    """`environment`: of the script. `package`: of which the version is told; None: Tradewind's own
    environment."""

    name: str
    script: str
    package: str | None
    terms: Terms
    service: Service = no_service
    environment: Mapping[str, str] = field(default_factory=dict)
    needs_postgres: bool = False

    def can(self, shape: Shape) -> bool:
        return shape.for_peers

    def prepare(self) -> None:
        if self.package:
            python_of(self.package)

    def versions(self) -> dict[str, str]:
        return {self.package: version_in(self.package, self.package)} if self.package else {}

    def visit(self, shape: Shape, conditions: Conditions) -> list[Measured]:
        with self.service(conditions) as found:
            environment = os.environ | found | dict(self.environment)
            environment["BENCH_HOME"] = str(conditions.home)
            environment["PYTHONPATH"] = ""
            return list(self._repeated(shape, conditions, environment))

    def _repeated(
        self, shape: Shape, conditions: Conditions, environment: Mapping[str, str]
    ) -> Iterator[Measured]:
        began = time.monotonic()
        for _ in range(conditions.repeat):
            measured = self._run(shape, conditions, environment)
            yield measured
            if measured.stopped or time.monotonic() - began > conditions.patience_seconds:
                return

    def _run(
        self, shape: Shape, conditions: Conditions, environment: Mapping[str, str]
    ) -> Measured:
        since, everything = time.time(), Tree(os.getpid())
        cpu = everything.cpu_seconds() - time.process_time()
        log = conditions.home / "script.log"
        command = self._command("run", shape.name, str(shape.tasks))
        with running(command, log=log, environment=environment) as process:
            limit = conditions.limit_seconds + _OVERHEAD_SECONDS
            in_time = wait_until(lambda: process.poll() is not None, limit)
            if in_time and process.returncode:
                raise BenchmarkError(f"{self.script} failed: {tail(log)}")
        cpu = everything.cpu_seconds() - time.process_time() - cpu
        records = self._records(shape, since, environment)
        if not records["tasks"]:
            raise BenchmarkError(f"Nothing was done in {limit:.0f} s: {tail(log)}")
        return Measured(
            seconds=records["ended"] - records["began"],
            tasks=records["tasks"],
            expected=shape.tasks,
            stopped=records["tasks"] < shape.tasks,
            cpu_seconds=cpu,
            figures=records.get("figures"),
        )

    def _records(self, shape: Shape, since: float, environment: Mapping[str, str]) -> Any:
        done = subprocess.run(
            self._command("records", shape.name, str(since)),
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=_OVERHEAD_SECONDS,
        )
        if done.returncode:
            raise BenchmarkError(f"The records cannot be read: {done.stderr[-1000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def _command(self, *arguments: str) -> list[str | Path]:
        python = python_of(self.package) if self.package else Path(sys.executable)
        return [python, _SCRIPTS / f"{self.script}.py", *arguments]
