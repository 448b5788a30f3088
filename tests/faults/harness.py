"""Installations of real processes that can be hurt, and what to ask them afterwards."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from tradewind.core.clock import SystemClock
from tradewind.core.errors import InfrastructureError
from tradewind.scheduler import history
from tradewind.scheduler.actions import trigger_run
from tradewind.store.engine import Store
from tradewind.store.migrate import migrate
from tradewind.store.schema import attempt, dag_run, pool, task_instance, task_limit

SETTINGS = {
    "TRADEWIND_CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
    "TRADEWIND_CORE__PARALLELISM": "12",
    "TRADEWIND_SCHEDULER__RUN_LEASE_SECONDS": "2",
    "TRADEWIND_SCHEDULER__ATTEMPT_LEASE_SECONDS": "3",
    "TRADEWIND_SCHEDULER__IDLE_POLL_SECONDS": "1",
    "TRADEWIND_SCHEDULER__INFRA_RETRIES": "1000",  # chance alone must not fail a task
}

RECORD = '''
import os, time

def record(what, context):
    """One line in a file, whole, from whatever process."""
    ti = context["ti"]
    words = [what, ti.run_id, ti.task_id, str(ti.map_index), str(ti.try_number), str(ti.attempt_id)]
    with open(os.environ["FAULTS_RECORD"], "a") as file:
        file.write(" ".join(words) + "\\n")
'''


class Installation:
    """A home, a DAG folder and a database, on which roles run as processes."""

    def __init__(
        self, home: Path, url: str | None = None, *, notes: Path | None = None, **settings: str
    ) -> None:
        """`notes`: where the processes' output and the tasks' record go, if not in the home."""
        self.home = home
        self.notes = notes or home
        self.url = url or f"sqlite:///{home}/tradewind.db"
        self.dags = home / "dags"
        self.dags.mkdir(parents=True)
        (self.dags / "record.py").write_text(RECORD)
        self.record = self.notes / "record.txt"
        self.record.touch()
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TRADEWIND", "AIRFLOW"))},
            "TRADEWIND_HOME": str(home),
            "TRADEWIND_DATABASE__URL": self.url,
            "FAULTS_RECORD": str(self.record),
            **SETTINGS,
            **settings,
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        self.store = Store(self.url)
        migrate(self.store)

    def start(self, role: str) -> "subprocess.Popen[bytes]":
        with (self.notes / "out.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tradewind", role], env=self.env, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def close(self) -> None:
        """End what still runs, stopped or not."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.store.close()

    @property
    def output(self) -> str:
        """What the processes said."""
        return (self.notes / "out.log").read_text()

    def describe(self) -> str:
        """What there is to know when something went wrong."""
        with self.store.read() as tx:
            rows = [
                *tx.execute(select(dag_run.c.run_id, dag_run.c.state, dag_run.c.lease_owner)),
                *tx.execute(select(attempt).where(attempt.c.state.in_(["queued", "running"]))),
                *tx.execute(select(pool)),
                *tx.execute(select(task_limit)),
            ]
        trees = [tree(process.pid) for process in self.processes if process.poll() is None]
        lines = [self.output[-20000:], *(str(row) for row in rows), *trees]
        return "\n".join(lines)

    def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"It did not come true.\n{self.output[-5000:]}")
            time.sleep(0.2)

    def asked(self, question: Callable[[], bool]) -> bool:
        """The answer; no, while the database is not there to ask."""
        try:
            return question()
        except InfrastructureError:
            return False

    # --- the database ---------------------------------------------------------------------------

    def trigger(self, dag_id: str) -> str:
        return trigger_run(self.store, dag_id, now=SystemClock().now()).run_id

    def states(self, dag_id: str) -> Counter[str]:
        """How many task instances of the DAG are in which state, over all its runs."""
        with self.store.read() as tx:
            rows = tx.execute(
                select(task_instance.c.state)
                .join(dag_run, dag_run.c.id == task_instance.c.run_pk)
                .where(dag_run.c.dag_id == dag_id)
            )
            return Counter(rows.scalars())

    def run_states(self, dag_id: str) -> Counter[str]:
        with self.store.read() as tx:
            rows = tx.execute(select(dag_run.c.state).where(dag_run.c.dag_id == dag_id))
            return Counter(rows.scalars())

    def failures(self, dag_id: str) -> list[str]:
        """Instances that did not succeed, and why."""
        with self.store.read() as tx:
            rows = tx.execute(
                select(task_instance.c.id, task_instance.c.task_id, task_instance.c.reason)
                .join(dag_run, dag_run.c.id == task_instance.c.run_pk)
                .where(dag_run.c.dag_id == dag_id, task_instance.c.state != "success")
            )
            return [str(row) for row in rows]

    def all_processes(self) -> list[int]:
        """Every process that was started on this home, whoever its parent is now."""
        mark = f"FAULTS_RECORD={self.record}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:  # it is gone, or somebody else's
                continue
        return found

    def check(self) -> None:
        """What the history proves, and what the tasks themselves have seen."""
        found = history.check(self.store, now=SystemClock().now(), grace_seconds=5).violations
        assert not found, "\n".join(f"{each.statement}: {each.message}" for each in found)
        with self.store.read() as tx:
            rows = tx.execute(
                select(
                    dag_run.c.run_id,
                    task_instance.c.task_id,
                    task_instance.c.map_index,
                    attempt.c.try_number,
                )
                .join(task_instance, task_instance.c.id == attempt.c.task_instance_id)
                .join(dag_run, dag_run.c.id == task_instance.c.run_pk)
            ).all()
        attempts = Counter(
            (run, task, str(index), str(number)) for run, task, index, number in rows
        )
        starts = Counter(line[1:5] for line in self.seen() if line[0] == "start")
        doubled = {key: (n, attempts[key]) for key, n in starts.items() if n > attempts[key]}
        assert not doubled, f"More starts than attempts: {doubled}"

    def seen(self) -> list[tuple[str, str, str, str, str, str]]:
        """What tasks wrote: start or end, run, task, map index, try, attempt."""
        lines = self.record.read_text().splitlines()
        return [tuple(line.split()) for line in lines]  # type: ignore[misc]


# --- processes ----------------------------------------------------------------------------------


def children(pid: int) -> list[int]:
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        found = [Path(f"/proc/{pid}/task/{t}/children").read_text().split() for t in tasks]
    except OSError:  # it is gone
        return []
    return [int(child) for some in found for child in some]


def tree(pid: int, depth: int = 0) -> str:
    """The process and all below it, with their states."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        waits = Path(f"/proc/{pid}/wchan").read_text()
    except OSError:
        state = waits = "gone"
    line = f"{'  ' * depth}{pid} {state} {waits} {command(pid)[:80]}"
    return "\n".join([line, *(tree(child, depth + 1) for child in children(pid))])


def hosts(pid: int) -> list[int]:
    """The runner hosts of a scheduler."""
    return [child for child in children(pid) if "tradewind.runner.host" in command(child)]


def zygotes(pid: int) -> list[int]:
    return [zygote for host in hosts(pid) for zygote in children(host)]


def attempts_of(pid: int) -> list[int]:
    return [child for zygote in zygotes(pid) for child in children(zygote)]


def trigger_children(pid: int) -> list[int]:
    """The processes in which a triggerer runs triggers."""
    return [child for child in children(pid) if "trigger_child" in command(child)]


def alive(pid: int) -> list[int]:
    """The process and all below it."""
    return [pid, *(each for child in children(pid) for each in alive(child))]


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def send(pid: int, number: int) -> None:
    """Unless it is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
