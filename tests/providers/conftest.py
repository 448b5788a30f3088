"""Servers for the providers to talk to, and the engine in the environment in which they are.

`make test-providers` makes that environment with `tradewind providers install`; see the Makefile.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from providers.servers import MailServer, Redis, Sshd, WebServer

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parents[1] / ".make" / "providers"
CLOUDS = HERE.parents[1] / ".make" / "clouds"

_STATES = "success|failed|skipped|upstream_failed|removed"
_ENDED = re.compile(rf"^({_STATES})\s+(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the state of each task, and all that was printed."""

    states: dict[str, str]
    output: str

    def in_state(self, state: str) -> set[str]:
        return {task for task, its in self.states.items() if its == state}


@dataclass(frozen=True)
class Tradewind:
    """The `tradewind` command of one of the environments, with a home of the test's own."""

    home: Path
    environment: Path = ENVIRONMENT

    def command(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.environment / "bin" / "tradewind", *arguments],
            env={**os.environ, "TRADEWIND_HOME": str(self.home), **(environment or {})},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    def run(self, dag_id: str, **environment: str) -> Outcome:
        """Run a DAG of the folder `dags`, whose file has its name, for 2026-01-15."""
        file = HERE / "dags" / f"{dag_id}.py"
        arguments = ["dags", "test", str(file), "-v", "--logical-date", "2026-01-15"]
        done = self.command(*arguments, environment=environment)
        states = {task: state for state, task in _ENDED.findall(done.stdout)}
        return Outcome(states, done.stdout + done.stderr)


@pytest.fixture
def tradewind(tmp_path: Path) -> Tradewind:
    assert ENVIRONMENT.is_dir(), "make test-providers makes the environment for these tests"
    return Tradewind(tmp_path)


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.close()


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path / "sshd")
    yield server
    server.close()


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.close()
