"""How fast the whole system runs tasks, and what it costs when it does nothing.

    python benchmarks/engine.py [--url postgresql://…] [--only chain,parallel,…] [--write]

Each part starts a `tradewind standalone` of its own on an empty database (SQLite, or `--url`, whose
tables are emptied), triggers runs and reads the times that were recorded. The bare loop forks,
works and waits like an attempt's parent does, from a process of the same size, and nothing else.
CPU and memory are those of the whole process tree. `--write` keeps the table in RESULTS.md.
"""

import argparse
import os
import platform
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from tree import Tree

from tradewind import __version__
from tradewind.scheduler import actions
from tradewind.store import schema
from tradewind.store.engine import Store

RESULTS = Path(__file__).with_name("RESULTS.md")
PATIENCE_SECONDS = 900.0
HEAD = """# Results

Made by `engine.py`. The load averages say how much else the machine had to do: other work stretches
seconds and rates, CPU times much less.
"""

CHAIN = """
from tradewind.sdk import DAG, task

with DAG("chain"):
    @task
    def hop():
        return 1

    before = None
    for number in range({tasks}):
        after = hop.override(task_id=f"hop_{{number}}")()
        if before is not None:
            before >> after
        before = after
"""
PARALLEL = """
from tradewind.sdk import DAG, task

with DAG("parallel", max_active_runs=1000):
    @task
    def tiny():
        return 1

    for number in range({tasks}):
        tiny.override(task_id=f"tiny_{{number}}")()
"""
IDLE = """
from datetime import datetime
from tradewind.sdk import DAG, task

with DAG("idle_{number}", schedule="@yearly", start_date=datetime(2026, 1, 1), catchup=False):
    @task
    def tiny():
        return 1

    tiny()
"""


@dataclass(frozen=True)
class Row:
    what: str
    measured: str
    budget: str = ""


@dataclass
class Options:
    url: str | None
    slots: int
    repeat: int
    rows: list[Row] = field(default_factory=list)

    def say(self, what: str, measured: str, budget: str = "") -> None:
        self.rows.append(Row(what, measured, budget))
        print(f"{what:<58} {measured:<34} {budget}", flush=True)


class Standalone:
    """A running `tradewind standalone` and its database."""

    def __init__(self, home: Path, store: Store, tree: Tree) -> None:
        self.home = home
        self.store = store
        self.tree = tree

    def wait_for_dags(self, count: int) -> None:
        self._wait(lambda tx: tx.scalar(sa.select(sa.func.count(schema.dag.c.dag_id))) >= count)

    def document(self, dag_id: str) -> object:
        """The DAG as it was read last."""
        table = schema.dag_version
        newest = sa.select(table.c.document).where(table.c.dag_id == dag_id)
        with self.store.read() as tx:
            return tx.scalar(newest.order_by(table.c.id.desc()).limit(1))

    def run(self, dag_id: str, runs: int = 1) -> "Measured":
        """Trigger so many runs and wait until all of them have ended."""
        cpu = self.tree.cpu_seconds()
        mark = datetime.now(UTC)
        pks = [
            actions.trigger_run(
                self.store, dag_id, now=mark, run_id=f"{mark.isoformat()}_{number}"
            ).id
            for number in range(runs)
        ]
        table = schema.dag_run
        done = (
            sa.select(sa.func.count(table.c.id))
            .where(table.c.id.in_(pks))
            .where(table.c.state.in_(("success", "failed")))
        )
        self._wait(lambda tx: tx.scalar(done) == runs)
        return self._measured(pks, self.tree.cpu_seconds() - cpu)

    def _measured(self, pks: list[int], cpu_seconds: float) -> "Measured":
        run, ti = schema.dag_run, schema.task_instance
        with self.store.read() as tx:
            rows = tx.execute(sa.select(run).where(run.c.id.in_(pks))).all()
            first, last, tasks = tx.execute(
                sa.select(
                    sa.func.min(ti.c.start_date), sa.func.max(ti.c.end_date), sa.func.count()
                ).where(ti.c.run_pk.in_(pks), ti.c.state == "success")
            ).one()
        if failed := [row.run_id for row in rows if row.state != "success"]:
            raise SystemExit(f"Runs have failed: {failed}")
        began, ended = min(row.start_date for row in rows), max(row.end_date for row in rows)
        return Measured(
            seconds=(ended - began).total_seconds(),
            task_seconds=(last - first).total_seconds(),
            tasks=tasks,
            cpu_seconds=cpu_seconds,
        )

    def _wait(self, condition: Callable[[sa.Connection], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with self.store.read() as tx:
                if condition(tx):
                    return
            time.sleep(0.1)
        raise SystemExit(f"Nothing has come of it in {PATIENCE_SECONDS:.0f} seconds.")


@dataclass(frozen=True)
class Measured:
    """`seconds`: from the first run's start to the last one's end, by what was recorded.
    `task_seconds`: from the first task's user code to the last task's end."""

    seconds: float
    task_seconds: float
    tasks: int
    cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.tasks / self.seconds

    @property
    def cpu_ms(self) -> float:
        return self.cpu_seconds / self.tasks * 1e3


@contextmanager
def standalone(options: Options, files: dict[str, str]) -> Iterator[Standalone]:
    with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
        home = Path(folder)
        (home / "dags").mkdir()
        for name, text in files.items():
            (home / "dags" / name).write_text(text)
        url = options.url or f"sqlite:///{home}/tradewind.db"
        if options.url:
            _empty(options.url)
        environment = os.environ | {
            "TRADEWIND_HOME": folder,
            "TRADEWIND_DATABASE__URL": url,
            "TRADEWIND_CORE__PARALLELISM": str(options.slots),
            "TRADEWIND_CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        }
        with (home / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tradewind", "standalone"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        store = Store(url)
        try:
            _wait_for_tables(store, process, home / "log")
            running = Standalone(home, store, Tree(process.pid))
            running.wait_for_dags(len(files))
            yield running
        finally:
            store.close()
            process.send_signal(signal.SIGTERM)
            process.wait()


def _wait_for_tables(store: Store, process: "subprocess.Popen[bytes]", log: Path) -> None:
    while process.poll() is None:
        with store.engine.connect() as connection:
            if sa.inspect(connection).has_table("dag_version"):
                return
        time.sleep(0.1)
    raise SystemExit(log.read_text())


def _empty(url: str) -> None:
    store = Store(url)
    with store.engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    store.close()


# --- the parts ------------------------------------------------------------------------------------


def chain(options: Options) -> None:
    with standalone(options, {"chain.py": CHAIN.format(tasks=40)}) as running:
        first = running.run("chain")
        best = min((running.run("chain") for _ in range(options.repeat)), key=lambda m: m.seconds)
    hop = best.task_seconds / best.tasks * 1e3
    options.say("chain of 40, first run: host and import included", f"{first.seconds:.2f} s")
    options.say(f"chain of 40, best of {options.repeat}", f"{best.seconds:.2f} s", "< 0.75 s")
    options.say("  from one task's start to the next one's", f"{hop:.1f} ms", "< 18 ms")
    options.say("  CPU of a task, all processes", f"{best.cpu_ms:.1f} ms")


def parallel(options: Options) -> None:
    with standalone(options, {"parallel.py": PARALLEL.format(tasks=500)}) as running:
        running.run("parallel")
        tries = [running.run("parallel") for _ in range(options.repeat)]
        memory = running.tree.pss_mb()
    best = max(tries, key=lambda measured: measured.rate)
    options.say(
        f"500 in parallel, {options.slots} slots, best of {options.repeat}",
        f"{best.seconds:.2f} s, {best.rate:.0f}/s",
        "265/s",
    )
    options.say("  CPU of a task, all processes", f"{best.cpu_ms:.1f} ms")
    options.say(f"  memory after {500 * (options.repeat + 1)} tasks", f"{memory:.0f} MB PSS")


def growth(options: Options) -> None:
    for tasks in (100, 1000, 10_000):
        with standalone(options, {"parallel.py": PARALLEL.format(tasks=tasks)}) as running:
            if tasks < 1000:
                running.run("parallel")
            measured = running.run("parallel")
        options.say(
            f"a run of {tasks:,} tasks",
            f"{measured.seconds:.1f} s, {measured.rate:.0f}/s, {measured.cpu_ms:.1f} ms CPU a task",
            "flat",
        )


def runs(options: Options) -> None:
    with standalone(options, {"parallel.py": PARALLEL.format(tasks=10)}) as running:
        running.run("parallel")
        measured = running.run("parallel", 200)
    options.say(
        "200 active runs of 10 tasks",
        f"{measured.seconds:.1f} s, {measured.rate:.0f}/s, {measured.cpu_ms:.1f} ms CPU a task",
        "flat",
    )


def idle(options: Options) -> None:
    files = {f"idle_{number}.py": IDLE.format(number=number) for number in range(100)}
    with standalone(options, files) as running:
        time.sleep(20)  # for the runs that are due, and everything that settles
        cpu = running.tree.cpu_seconds()
        time.sleep(60)
        cpu = running.tree.cpu_seconds() - cpu
        memory = running.tree.pss_mb()
        edited = min(_edit(running) for _ in range(options.repeat))
    options.say("idle minute, 100 DAG files: CPU", f"{cpu:.2f} s", "< 1 s")
    options.say("idle, 100 DAG files: memory", f"{memory:.0f} MB PSS", "< 200 MB")
    options.say("a DAG file edited → visible", f"{edited:.2f} s", "< 1 s")


def _edit(running: Standalone) -> float:
    before = running.document("idle_7")
    renamed = f"    tiny.override(task_id='at_{time.time_ns()}')()"
    text = IDLE.format(number=7).replace("    tiny()", renamed)
    began = time.perf_counter()
    (running.home / "dags" / "idle_7.py").write_text(text)
    while running.document("idle_7") == before:
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    time.sleep(1)
    return seconds


def imports(options: Options) -> None:
    statement = "from tradewind.sdk import DAG, task"
    bare, full = (
        min(_child(code) for _ in range(7)) for code in ("pass", f"{statement}; DAG; task")
    )
    options.say(
        statement, f"{(full[0] - bare[0]) * 1e3:.0f} ms, {full[1] - bare[1]:.0f} MB", "60 ms, 25 MB"
    )


def _child(code: str) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of a Python that runs the code."""
    code += "; print(open('/proc/self/status').read())"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as output:
        peak = next(line for line in output.readlines() if line.startswith("VmHWM"))
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return used.ru_utime + used.ru_stime, int(peak.split()[1]) / 1024


def bare(options: Options) -> None:
    """In a process that has imported what a warm parent has; as many at once as there are cores."""
    script = (
        "import importlib, sys; sys.path[:0] = sys.argv[1:2]\n"
        "from tradewind.runner.host import PRELOADED\n"
        "for name in PRELOADED: importlib.import_module(name)\n"
        "import engine; engine.fork_loop(500)"
    )
    folder = str(Path(__file__).parent)
    rates = []
    for _ in range(options.repeat):
        done = subprocess.run(
            [sys.executable, "-c", script, folder], check=True, capture_output=True, text=True
        )
        rates.append(float(done.stdout))
    options.say("bare loop: fork, work, wait; no recording, no order", f"{max(rates):.0f}/s")


def fork_loop(count: int) -> None:
    cores = os.cpu_count() or 1
    began = time.perf_counter()
    alive = 0
    for _ in range(count):
        if alive == cores:
            os.wait()
            alive -= 1
        if os.fork() == 0:
            os._exit(0)
        alive += 1
    for _ in range(alive):
        os.wait()
    print(count / (time.perf_counter() - began))


PARTS = {
    "import": imports,
    "bare": bare,
    "chain": chain,
    "parallel": parallel,
    "growth": growth,
    "runs": runs,
    "idle": idle,
}


# --- the report -----------------------------------------------------------------------------------


def machine() -> list[str]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{model or platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"{platform.system()} {platform.release()}",
        f"Load average at the start and end: {{}}, {os.getloadavg()[0]:.1f}",
        f"Tradewind {__version__}, Python {platform.python_version()}, "
        f"SQLAlchemy {sa.__version__}, SQLite {sqlite3.sqlite_version}",
    ]


def write(options: Options, database: str, load: float) -> None:
    title = f"## {database}"
    text = [title, ""]
    text += [f"- {line.format(f'{load:.1f}')}" for line in machine()]
    text += [
        f"- {datetime.now(UTC):%Y-%m-%d}: `python {' '.join(sys.argv)}`".replace(
            options.url or "\0", "URL"
        ),
        "",
    ]
    text += ["| what | measured | budget |", "|---|---|---|"]
    text += [f"| {row.what.strip()} | {row.measured} | {row.budget} |" for row in options.rows]
    old = RESULTS.read_text() if RESULTS.exists() else HEAD
    kept = [part for part in old.split("\n\n## ")[1:] if not part.startswith(database + "\n")]
    sections = ["\n".join(text).removeprefix("## ").rstrip(), *(part.rstrip() for part in kept)]
    head = old.split("\n\n## ")[0].rstrip()
    RESULTS.write_text("\n\n## ".join([head, *sorted(sections)]) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a PostgreSQL database that may be emptied")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    options = Options(given.url, given.slots, given.repeat)
    load = os.getloadavg()[0]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in given.only.split(","):
        PARTS[name](options)
        if given.write:
            write(options, "PostgreSQL" if options.url else "SQLite", load)


if __name__ == "__main__":
    main()
