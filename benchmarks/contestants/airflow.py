"""Airflow 3.3: `airflow standalone` with PostgreSQL and the LocalExecutor, in an environment of its
own. Runs are triggered through its REST API; what became of them is read from its database."""

import http.client
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.contestants.base import Conditions, Terms
from benchmarks.contestants.engine import LOAD_SECONDS, Engine, Progress, Running
from benchmarks.contestants.imports import measure_imports
from benchmarks.environments import python_of, version_in
from benchmarks.latency import Hop
from benchmarks.measure import Measured
from benchmarks.processes import BenchmarkError, free_port, running, tail, wait_until
from benchmarks.shapes import Shape
from benchmarks.tree import Tree

_TEMPLATE = "airflow_template"
_START_SECONDS = 180.0


class Airflow(Engine):
    needs_postgres = True
    terms = Terms(
        title="Airflow, PostgreSQL",
        isolation="a process for each attempt, which imports the DAG file itself",
        durability="each transition is committed before the next one (PostgreSQL, fsync on)",
        records="dag_run and task_instance rows",
    )

    def __init__(self, name: str) -> None:
        self.name = name

    def can(self, shape: Shape) -> bool:
        """Its growth is not the question; the one large size of each kind is run beside."""
        return shape.growth is None or shape.name in ("tasks-10000", "runs-1000")

    def prepare(self) -> None:
        python_of("airflow")

    def versions(self) -> dict[str, str]:
        return {"Airflow": version_in("airflow", "apache-airflow")}

    def imports(self) -> Measured:
        return measure_imports(python_of("airflow"), "from airflow.sdk import DAG, task", {})

    def start(self, conditions: Conditions, dags: Path) -> Iterator[Running]:
        server, api_port = conditions.server, free_port()
        environment = _environment(conditions, dags, api_port)
        database = self._new_database(conditions, environment)
        environment |= _database(server.url(database))
        log = conditions.home / "log"
        command = [python_of("airflow").parent / "airflow", "standalone"]
        try:
            with running(
                command, log=log, environment=environment, stop_with=signal.SIGINT
            ) as process:
                api = Api(api_port)
                if not wait_until(api.answers, _START_SECONDS, process=process, log=log):
                    raise BenchmarkError(f"It does not start: {tail(log)}")
                with psycopg.connect(server.observer_url(database), autocommit=True) as records:
                    yield RunningAirflow(Tree(process.pid), conditions, database, api, records)
        finally:
            server.drop_database(database)

    def _new_database(self, conditions: Conditions, environment: dict[str, str]) -> str:
        """A migrated one; migrating takes long, so it is done once and copied."""
        server = conditions.server
        if not server.has_database(_TEMPLATE):
            fresh = server.new_database()
            url = _database(server.url(fresh))
            command = [python_of("airflow").parent / "airflow", "db", "migrate"]
            done = subprocess.run(command, env=environment | url, capture_output=True, text=True)
            if done.returncode:
                raise BenchmarkError(f"`airflow db migrate` failed: {done.stderr[-2000:]}")
            server.rename_database(fresh, _TEMPLATE)
        return server.new_database(_TEMPLATE)


def _database(url: str) -> dict[str, str]:
    driver = url.replace("postgresql://", "postgresql+psycopg2://")
    return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": driver}


def _environment(conditions: Conditions, dags: Path, api_port: int) -> dict[str, str]:
    folder = python_of("airflow").parent
    given = {
        "core__dags_folder": str(dags),
        "core__load_examples": "False",
        "core__executor": "LocalExecutor",
        "core__parallelism": str(conditions.slots),
        "core__dags_are_paused_at_creation": "False",
        "core__dagbag_import_timeout": str(LOAD_SECONDS),
        "dag_processor__dag_file_processor_timeout": str(LOAD_SECONDS),
        "core__simple_auth_manager_all_admins": "True",
        "core__execution_api_server_url": f"http://127.0.0.1:{api_port}/execution/",
        "api__host": "127.0.0.1",
        "api__port": str(api_port),
        "api__base_url": f"http://127.0.0.1:{api_port}/",
        "api_auth__jwt_secret": "of-a-benchmark-that-runs-on-loopback-alone",
        "logging__worker_log_server_port": str(free_port()),
        "logging__trigger_log_server_port": str(free_port()),
    }
    clean = {name: value for name, value in os.environ.items() if "AIRFLOW" not in name}
    return clean | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "AIRFLOW_HOME": str(conditions.home),
        **{f"AIRFLOW__{name.upper()}": value for name, value in given.items()},
    }


class Api:
    """The REST API, as far as it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._token = ""

    def answers(self) -> bool:
        try:
            self._token = self.call("GET", "/auth/token")["access_token"]
        except (OSError, http.client.HTTPException):
            return False
        return True

    def call(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise BenchmarkError(f"{method} {path}: {answer.status} {text.decode()[:500]}")
        return json.loads(text)


class RunningAirflow(Running):
    def __init__(
        self,
        tree: Tree,
        conditions: Conditions,
        database: str,
        api: Api,
        records: "psycopg.Connection[tuple[Any, ...]]",
    ) -> None:
        super().__init__(tree, conditions, database)
        self._api = api
        self._records = records

    def dags_seen(self, dag_ids: Sequence[str]) -> int:
        query = "SELECT count(DISTINCT dag_id) FROM serialized_dag WHERE dag_id = ANY(%s)"
        return int(self._ask(query, list(dag_ids))[0][0])

    def parsed(self, dag_ids: Sequence[str]) -> tuple[datetime, datetime]:
        query = "SELECT min(created_at), max(created_at) FROM serialized_dag WHERE dag_id = ANY(%s)"
        ((first, last),) = self._ask(query, list(dag_ids))
        return first, last

    def set_paused(self, dag_ids: Sequence[str], paused: bool) -> None:
        for dag_id in dag_ids:
            self._api.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": paused})

    def trigger(self, dag_id: str, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            body = {"dag_run_id": run_id, "logical_date": None}
            self._api.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)

    def runs_ended(self, run_ids: Sequence[str]) -> int:
        query = (
            "SELECT count(*) FROM dag_run WHERE state IN ('success', 'failed') AND run_id = ANY(%s)"
        )
        return int(self._ask(query, list(run_ids))[0][0])

    def progress(self, run_ids: Sequence[str]) -> Progress:
        runs = (
            "SELECT min(start_date), max(end_date),"
            " count(*) FILTER (WHERE state IN ('success', 'failed')),"
            " count(*) FILTER (WHERE state = 'failed') FROM dag_run WHERE run_id = ANY(%s)"
        )
        tasks = "SELECT count(*) FROM task_instance WHERE state = 'success' AND run_id = ANY(%s)"
        ((first, last, ended, failed),) = self._ask(runs, list(run_ids))
        return Progress(
            first=first,
            last=last,
            runs_ended=ended,
            runs_failed=failed,
            tasks_done=self._ask(tasks, list(run_ids))[0][0],
        )

    def failure(self, run_ids: Sequence[str]) -> str:
        query = (
            "SELECT dag_id || '.' || task_id FROM task_instance"
            " WHERE state = 'failed' AND run_id = ANY(%s) LIMIT 1"
        )
        return " ".join(row[0] for row in self._ask(query, list(run_ids)))

    def hops(self, run_id: str) -> list[Hop]:
        query = (
            "SELECT t.end_date, t.scheduled_dttm, t.queued_dttm, t.start_date, x.value #>> '{}'"
            " FROM task_instance t JOIN xcom x USING (dag_id, task_id, run_id, map_index)"
            " WHERE t.run_id = %s AND x.key = 'return_value' ORDER BY t.start_date"
        )
        return [
            Hop(
                ran_at=float(value),
                ended=ended,
                marks={"scheduled": scheduled, "claimed": queued, "process begins": started},
            )
            for ended, scheduled, queued, started, value in self._ask(query, run_id)
        ]

    def _ask(self, query: str, parameter: object) -> list[tuple[Any, ...]]:
        return self._records.execute(query, [parameter]).fetchall()
