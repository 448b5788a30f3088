"""Tradewind: `tradewind standalone` on an empty database, read through its own store."""

import os
import platform
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from benchmarks.contestants.base import Conditions, Terms
from benchmarks.contestants.engine import LOAD_SECONDS, Engine, Progress, Running
from benchmarks.contestants.imports import measure_imports
from benchmarks.latency import Hop
from benchmarks.measure import Measured, now
from benchmarks.processes import BenchmarkError, running, tail, wait_until
from benchmarks.shapes import Shape
from benchmarks.tree import Tree
from tradewind import __version__
from tradewind.scheduler import actions
from tradewind.sdk import serde
from tradewind.store.engine import Store
from tradewind.store.schema import attempt, dag, dag_run, dag_version, task_instance, xcom

_ENDED = ("success", "failed")
_AT_ONCE = 500  # run ids in one query


class Tradewind(Engine):
    """`name` ends with the kind of database."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.needs_postgres = name.endswith("postgresql")
        database = "PostgreSQL, fsync on" if self.needs_postgres else "SQLite, synchronous = FULL"
        self.terms = Terms(
            title=f"Tradewind, {database.split(',')[0]}",
            isolation="a process for each attempt, forked from one that has imported the DAG file",
            durability=f"each transition is committed before the next one ({database})",
            records="run, task instance and attempt rows; times by the task's own process",
        )

    def can(self, shape: Shape) -> bool:
        return shape.kind != "imports" or not self.needs_postgres

    def prepare(self) -> None:
        """It is what runs this."""

    def versions(self) -> dict[str, str]:
        versions = {"Tradewind": __version__, "Python": platform.python_version()}
        if not self.needs_postgres:
            versions["SQLite"] = sqlite3.sqlite_version
        return versions

    def imports(self) -> Measured:
        return measure_imports(Path(sys.executable), "from tradewind.sdk import DAG, task", {})

    def start(self, conditions: Conditions, dags: Path) -> Iterator[Running]:
        database = conditions.server.new_database() if self.needs_postgres else None
        url = f"sqlite:///{conditions.home}/tradewind.db"
        if database is not None:
            url = conditions.server.url(database)
        environment = os.environ | {
            "TRADEWIND_HOME": str(conditions.home),
            "TRADEWIND_CORE__DAGS_FOLDER": str(dags),
            "TRADEWIND_DATABASE__URL": url,
            "TRADEWIND_CORE__PARALLELISM": str(conditions.slots),
            "TRADEWIND_CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
            "TRADEWIND_DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": str(LOAD_SECONDS),
        }
        log = conditions.home / "log"
        command = [sys.executable, "-m", "tradewind", "standalone"]
        store = Store(url if database is None else conditions.server.observer_url(database))
        try:
            with running(command, log=log, environment=environment) as process:
                if not wait_until(lambda: _has_tables(store), 60, process=process, log=log):
                    raise BenchmarkError(f"It does not start: {tail(log)}")
                yield RunningTradewind(Tree(process.pid), conditions, database, store)
        finally:
            store.close()
            if database is not None:
                conditions.server.drop_database(database)


def _has_tables(store: Store) -> bool:
    with store.engine.connect() as connection:
        return sa.inspect(connection).has_table("xcom")


class RunningTradewind(Running):
    def __init__(
        self, tree: Tree, conditions: Conditions, database: str | None, store: Store
    ) -> None:
        super().__init__(tree, conditions, database)
        self._store = store

    def dags_seen(self, dag_ids: Sequence[str]) -> int:
        with self._store.read() as tx:
            found = set(tx.execute(sa.select(dag.c.dag_id)).scalars())
        return len(found & set(dag_ids))

    def parsed(self, dag_ids: Sequence[str]) -> tuple[datetime, datetime]:
        at = dag_version.c.created_at
        ours = dag_version.c.dag_id.in_(dag_ids)
        with self._store.read() as tx:
            first, last = tx.execute(sa.select(sa.func.min(at), sa.func.max(at)).where(ours)).one()
        return first, last

    def set_paused(self, dag_ids: Sequence[str], paused: bool) -> None:
        actions.set_paused(self._store, dag_ids, paused, now=now())

    def trigger(self, dag_id: str, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            actions.trigger_run(self._store, dag_id, now=now(), run_id=run_id)

    def runs_ended(self, run_ids: Sequence[str]) -> int:
        count = sa.select(sa.func.count(dag_run.c.id)).where(dag_run.c.state.in_(_ENDED))
        with self._store.read() as tx:
            return sum(
                tx.scalar(count.where(dag_run.c.run_id.in_(part))) or 0 for part in _parts(run_ids)
            )

    def progress(self, run_ids: Sequence[str]) -> Progress:
        runs, done = [], 0
        columns = (dag_run.c.start_date, dag_run.c.end_date, dag_run.c.state)
        tasks = (
            sa.select(sa.func.count())
            .select_from(task_instance.join(dag_run))
            .where(task_instance.c.state == "success")
        )
        with self._store.read() as tx:
            for part in _parts(run_ids):
                ours = dag_run.c.run_id.in_(part)
                runs += tx.execute(sa.select(*columns).where(ours)).all()
                done += tx.scalar(tasks.where(ours)) or 0
        return Progress(
            first=min((row.start_date for row in runs if row.start_date), default=None),
            last=max((row.end_date for row in runs if row.end_date), default=None),
            runs_ended=sum(row.state in _ENDED for row in runs),
            runs_failed=sum(row.state == "failed" for row in runs),
            tasks_done=done,
        )

    def failure(self, run_ids: Sequence[str]) -> str:
        query = (
            sa.select(dag_run.c.dag_id, task_instance.c.task_id, task_instance.c.reason)
            .select_from(task_instance.join(dag_run))
            .where(task_instance.c.state == "failed", dag_run.c.run_id.in_(run_ids[:_AT_ONCE]))
        )
        with self._store.read() as tx:
            found = tx.execute(query.limit(1)).all()
        return " ".join(f"{dag_id}.{task_id}: {reason}" for dag_id, task_id, reason in found)

    def hops(self, run_id: str) -> list[Hop]:
        columns = (
            task_instance.c.end_date,
            attempt.c.queued_at,
            attempt.c.launched_at,
            attempt.c.started_at,
            xcom.c.value,
        )
        joined = (
            task_instance.join(dag_run)
            .join(attempt, attempt.c.task_instance_id == task_instance.c.id)
            .join(
                xcom,
                (xcom.c.run_pk == dag_run.c.id) & (xcom.c.task_id == task_instance.c.task_id),
            )
        )
        query = sa.select(*columns).select_from(joined).where(dag_run.c.run_id == run_id)
        with self._store.read() as tx:
            rows = tx.execute(query.order_by(attempt.c.id)).all()
        return [
            Hop(
                ran_at=serde.decode(row.value),
                ended=row.end_date,
                marks={
                    "claimed": row.queued_at,
                    "launched": row.launched_at,
                    "process begins": row.started_at,
                },
            )
            for row in rows
        ]


def _parts(run_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(run_ids), _AT_ONCE):
        yield run_ids[begin : begin + _AT_ONCE]
