"""Everything is killed, stopped and restarted at random, and nothing is lost or doubled."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from faults import harness
from faults.harness import Installation, send
from support.postgres import PostgresServer
from tradewind.store import pools
from tradewind.store.schema import dag_run

pytestmark = pytest.mark.timeout(240)

DAG_FILE = """
import time
from datetime import datetime, timedelta
from airflow.sdk import DAG, task
from record import record

with DAG(
    "storm",
    schedule="@daily",
    start_date=datetime(2024, 1, 1),
    end_date=datetime(2024, 1, 8),
    catchup=True,
    max_active_runs=3,
    max_active_tasks=8,
    default_args={"retries": 1, "retry_delay": timedelta(milliseconds=100)},
):
    def work(context, seconds=0.05):
        record("start", context)
        time.sleep(seconds)
        record("end", context)

    @task
    def first(**context):
        work(context)
        return list(range(6))

    @task(pool="narrow", pool_slots=2)
    def wide(n, **context):
        work(context)
        return n

    @task(max_active_tis_per_dag=2)
    def alone(n, **context):
        work(context)

    @task
    def fails_once(**context):
        work(context)
        if context["ti"].try_number == 1:
            raise ValueError("the first time")

    @task
    def link(**context):
        work(context)

    @task(trigger_rule="all_done")
    def last(numbers, **context):
        assert sorted(numbers) == list(range(6)), numbers
        work(context)

    start = first()
    numbers = wide.expand(n=start)
    spread = alone.expand(n=[1, 2, 3, 4])
    chain = [link.override(task_id=f"link_{n}")() for n in range(8)]
    start >> spread
    start >> chain[0]
    for before, after in zip(chain, chain[1:]):
        before >> after
    last_one = last(numbers)
    [spread, chain[-1], fails_once()] >> last_one
"""
RUNS = 8
INSTANCES = 1 + 6 + 4 + 1 + 8 + 1
SECONDS_OF_FAULTS = 25.0
STOPPED_SECONDS = 3.5  # longer than a lease


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Its crash must lose no commit; the machine itself does not crash."""
    server = PostgresServer(synchronous_commit="on", full_page_writes="on")
    yield server
    server.close()


class Storm:
    """Faults by chance, from a seed."""

    def __init__(self, installation: Installation, server: PostgresServer, seed: int) -> None:
        self.installation = installation
        self.server = server
        self.chance = random.Random(seed)
        self.schedulers = [installation.start("scheduler") for _ in range(2)]
        self.processor = installation.start("dag-processor")
        self.stopped: list[tuple[float, int]] = []
        self.restarts = [SECONDS_OF_FAULTS / 3, SECONDS_OF_FAULTS * 2 / 3]
        self.done: list[str] = []

    def blow(self) -> None:
        began = time.monotonic()
        while (passed := time.monotonic() - began) < SECONDS_OF_FAULTS:
            time.sleep(self.chance.uniform(0.2, 0.8))
            self._go_on_with_stopped()
            if self.restarts and passed > self.restarts[0]:
                self.restarts.pop(0)
                self.done.append("server")
                with self.server.away():
                    time.sleep(self.chance.uniform(0, 1))
                continue
            self.chance.choice(
                [
                    self._kill_scheduler,
                    self._stop_scheduler,
                    self._kill_one(harness.hosts),
                    self._kill_one(harness.zygotes),
                    self._kill_one(harness.attempts_of),
                    self._kill_one(harness.attempts_of),
                    self._stop_one(harness.hosts),
                    self._stop_one(harness.attempts_of),
                ]
            )()
        for _, pid in self.stopped:
            send(pid, signal.SIGCONT)
        self._replace_dead()

    def _kill_scheduler(self) -> None:
        self.done.append("kill scheduler")
        process = self.chance.choice(self.schedulers)
        process.kill()
        process.wait()
        self._replace_dead()

    def _replace_dead(self) -> None:
        for number, process in enumerate(self.schedulers):
            if process.poll() is not None:
                self.schedulers[number] = self.installation.start("scheduler")

    def _stop_scheduler(self) -> None:
        self.done.append("stop scheduler")
        self._stop(self.chance.choice(self.schedulers).pid)

    def _stop(self, pid: int) -> None:
        send(pid, signal.SIGSTOP)
        self.stopped.append((time.monotonic() + STOPPED_SECONDS, pid))

    def _go_on_with_stopped(self) -> None:
        now = time.monotonic()
        for _, pid in [item for item in self.stopped if item[0] <= now]:
            send(pid, signal.SIGCONT)
        self.stopped = [item for item in self.stopped if item[0] > now]

    def _some(self, find: Callable[[int], list[int]]) -> list[int]:
        return [pid for process in self.schedulers for pid in find(process.pid)]

    def _kill_one(self, find: Callable[[int], list[int]]) -> Callable[[], None]:
        return lambda: self._hurt(find, "kill", lambda pid: send(pid, signal.SIGKILL))

    def _stop_one(self, find: Callable[[int], list[int]]) -> Callable[[], None]:
        return lambda: self._hurt(find, "stop", self._stop)

    def _hurt(
        self, find: Callable[[int], list[int]], how: str, hurt: Callable[[int], None]
    ) -> None:
        found = self._some(find)
        if found:
            self.done.append(f"{how} {find.__name__}")
            hurt(self.chance.choice(found))


def test_a_storm(tmp_path: Path, server: PostgresServer) -> None:
    seed = int(os.environ.get("FAULTS_SEED") or random.randrange(1_000_000))
    print(f"FAULTS_SEED={seed}")
    installation = Installation(tmp_path, server.url(server.new_database()))
    try:
        with installation.store.begin() as tx:
            pools.put(tx, "narrow", 5)
        (installation.dags / "storm.py").write_text(DAG_FILE)
        storm = Storm(installation, server, seed)
        installation.until(lambda: "first" in installation.record.read_text())
        storm.blow()
        print(storm.done)
        installation.until(lambda: installation.run_states("storm")["success"] == RUNS, 90)
        assert installation.states("storm") == {"success": RUNS * INSTANCES}
        with installation.store.read() as tx:
            dates = tx.execute(select(dag_run.c.logical_date).order_by(dag_run.c.logical_date))
            assert [date.day for date in dates.scalars()] == list(range(1, RUNS + 1))
        installation.check()
    except BaseException:
        print(installation.describe())
        raise
    finally:
        installation.close()
