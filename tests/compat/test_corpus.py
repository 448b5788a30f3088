"""Every recorded DAG gives Airflow's recorded outcome, on the real system.

On each database one `tradewind standalone` runs everything; the scenarios go on at the same time,
each in a thread that does its recorded steps. Every recorded DAG is then compared by its own test.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from compat import corpus
from tradewind.core.errors import UserError
from tradewind.core.protocol import ConnectionValue
from tradewind.core.runs import clearing
from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.scheduler import actions
from tradewind.store import connections, dags, listings, pools, variables
from tradewind.store.engine import Store
from tradewind.store.listings import RunFilter
from tradewind.store.migrate import migrate

pytestmark = pytest.mark.timeout(400)

SOURCES = {name: recording for recording in corpus.RECORDINGS for name in recording.scenarios}
RECORDED = [
    (name, dag_id) for name, source in SOURCES.items() for dag_id in source.recorded_dags(name)
]
QUIET_SECONDS = 1.5  # so long nothing may move before a scenario counts as settled


class Driver:
    """Does a scenario's steps against the store, as the recording did through Airflow's API."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.snapshots: dict[str, Any] = {}
        self.variables: dict[str, str | None] = {}
        self.requests: dict[tuple[str, str], str] = {}

    def play(self, scenario: dict[str, Any]) -> None:
        for step in scenario["steps"]:
            getattr(self, f"do_{step['do']}")(step, scenario)
        self.settle(scenario, 20)

    def do_unpause(self, step: dict[str, Any], _: Any) -> None:
        self.until(lambda: self.known(step["dags"]), 60, f"loading {step['dags']}")
        actions.set_paused(self.store, step["dags"], False, now=datetime.now(UTC))

    def known(self, names: list[str]) -> bool:
        with self.store.read() as tx:
            return all(dags.get(tx, name) for name in names)

    def do_trigger(self, step: dict[str, Any], _: Any) -> None:
        moment = step["logical_date"]
        try:
            actions.trigger_run(
                self.store,
                step["dag"],
                now=datetime.now(UTC),
                run_id=step["run_id"],
                conf=step["conf"],
                logical_date=datetime.fromisoformat(moment) if moment else None,
            )
        except UserError as error:
            self.requests[step["dag"], step["run_id"]] = str(error)

    def do_wait(self, step: dict[str, Any], _: Any) -> None:
        def ended() -> bool:
            states = self.states(step["dag"])
            return len(states) >= step["runs"] and not {"queued", "running"} & set(states)

        self.until(ended, step["timeout"], f"{step['runs']} runs of {step['dag']}")

    def do_settle(self, step: dict[str, Any], scenario: dict[str, Any]) -> None:
        self.settle(scenario, step["seconds"])

    def do_record_now(self, step: dict[str, Any], _: Any) -> None:
        self.snapshots[step["as"]] = corpus.outcome(self.store, step["dag"])

    def do_set_variable(self, step: dict[str, Any], _: Any) -> None:
        with self.store.begin() as tx:
            variables.put(tx, step["key"], step["value"])

    def do_delete_variable(self, step: dict[str, Any], _: Any) -> None:
        with self.store.begin() as tx:
            variables.remove(tx, step["key"])

    def do_clear(self, step: dict[str, Any], _: Any) -> None:
        actions.clear(
            self.store,
            actions.RunChoice(step["dag"], [step["run_id"]]),
            clearing.Request(
                task_ids=frozenset(step["task_ids"]), downstream=step["include_downstream"]
            ),
            now=datetime.now(UTC),
        )

    def do_mark(self, step: dict[str, Any], _: Any) -> None:
        actions.mark(
            self.store,
            actions.RunChoice(step["dag"], [step["run_id"]]),
            clearing.Request(
                task_ids=frozenset([step["task_id"]]),
                upstream="include_upstream" in step["include"],
                downstream="include_downstream" in step["include"],
            ),
            TaskInstanceState(step["state"]),
            now=datetime.now(UTC),
        )

    def do_mark_run(self, step: dict[str, Any], _: Any) -> None:
        actions.mark_run(
            self.store,
            step["dag"],
            step["run_id"],
            DagRunState(step["state"]),
            now=datetime.now(UTC),
        )

    def do_read_variables(self, step: dict[str, Any], _: Any) -> None:
        with self.store.read() as tx:
            self.variables |= {key: variables.get(tx, key) for key in step["keys"]}

    def states(self, dag_id: str) -> list[str]:
        with self.store.read() as tx:
            return [run.state for run in listings.runs(tx, RunFilter(dag_id=dag_id))]

    def settle(self, scenario: dict[str, Any], at_most_seconds: float) -> None:
        """Wait until what is recorded has held still for a moment."""
        deadline = time.monotonic() + at_most_seconds
        last: Any = None
        still_since = time.monotonic()
        while time.monotonic() < deadline:
            now = {dag_id: sorted(self.states(dag_id)) for dag_id in scenario["record"]}
            waiting = any("queued" in states for states in now.values())
            if now != last or waiting:
                last, still_since = now, time.monotonic()
            if time.monotonic() - still_since > QUIET_SECONDS:
                return
            time.sleep(0.1)

    def until(self, condition: Any, seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds} s")
            time.sleep(0.05)


class Played:
    """The scenarios of these names, played once."""

    def __init__(self, url: str, home: Path, names: list[str]) -> None:
        self.store = Store(url)
        migrate(self.store)
        self._set_up()
        self.log = home / "standalone.log"
        self._process = self._start(url, home)
        self._pool = ThreadPoolExecutor(len(names))
        self.drivers = {name: Driver(self.store) for name in names}
        self._gate = threading.Semaphore(12)  # so many scenarios at once
        self.futures: dict[str, Future[None]] = {
            name: self._pool.submit(self._play, name) for name in names
        }

    def _play(self, name: str) -> None:
        with self._gate:
            self.drivers[name].play(SOURCES[name].scenarios[name])

    def _set_up(self) -> None:
        before = corpus.OWN.before
        with self.store.begin() as tx:
            for key, value in before["variables"].items():
                variables.put(tx, key, value)
            for given in before["connections"]:
                fields = {k: v for k, v in given.items() if k != "connection_id"}
                connections.put(tx, ConnectionValue(conn_id=given["connection_id"], **fields))
            for pool in before["pools"]:
                pools.put(tx, pool["name"], pool["slots"], include_deferred=False)

    def _start(self, url: str, home: Path) -> "subprocess.Popen[bytes]":
        for recording in corpus.RECORDINGS:
            shutil.copytree(recording.root / "dags", home / "dags", dirs_exist_ok=True)
        env = {
            **os.environ,
            "TRADEWIND_HOME": str(home),
            "TRADEWIND_DATABASE__URL": url,
            "TRADEWIND_CORE__DAGS_FOLDER": str(home / "dags"),
            "TRADEWIND_CORE__PARALLELISM": "8",
        }
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tradewind", "standalone"],
                env=env,
                stdout=log,
                stderr=log,
            )

    def close(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pool.shutdown()
        self.store.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def played(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Played]:
    asked = [getattr(item, "callspec", None) for item in request.session.items]
    names = {call.params["scenario"] for call in asked if call and "scenario" in call.params}
    home = tmp_path_factory.mktemp("corpus")
    url = f"sqlite:///{home}/tradewind.db"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        url = server.url(server.new_database())
    played = Played(url, home, [n for n in SOURCES if n in names])
    yield played
    played.close()


@pytest.mark.parametrize(("scenario", "dag_id"), RECORDED)
def test_outcome(played: Played, scenario: str, dag_id: str) -> None:
    played.futures[scenario].result()
    driver = played.drivers[scenario]
    wanted = SOURCES[scenario].expected(dag_id)
    found = corpus.differences(dag_id, corpus.outcome(played.store, dag_id), wanted["runs"])
    for name, runs in wanted.get("snapshots", {}).items():
        found += [
            f"{name}: {line}" for line in corpus.differences(dag_id, driver.snapshots[name], runs)
        ]
    for key, value in wanted.get("variables", {}).items():
        if driver.variables[key] != value:
            found.append(f"the variable {key} is {driver.variables[key]!r}, wanted {value!r}")
    for request in wanted.get("requests", []):
        if "trigger" in request:
            refused = (request["trigger"], request["run_id"]) in driver.requests
            if refused != (request["status"] >= 400):
                found.append(f"{request['run_id']}: {'refused' if refused else 'accepted'}")
    if "is_paused_at_end" in wanted:
        with played.store.read() as tx:
            row = dags.get(tx, dag_id)
        assert row is not None
        if row.is_paused != wanted["is_paused_at_end"]:
            found.append(f"is_paused is {row.is_paused}")
    assert not found, "\n".join(found)
