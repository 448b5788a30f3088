"""2,000 tasks while everything is killed, stopped and restarted: nothing is lost or doubled.

FAULTS_SEED=7 FAULTS_TASKS=300 python -m pytest tests/faults/test_storm.py
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from faults.harness import Installation, alive, tree
from faults.storm import ROLES, Storm
from faults.workload import Workload
from support.postgres import PostgresServer
from tradewind.store import dags, pools
from tradewind.store.schema import attempt, dag_run, pool, task_limit

pytestmark = pytest.mark.timeout(1200)

TASKS = int(os.environ.get("FAULTS_TASKS") or 2000)
LEAST_SECONDS, MOST_SECONDS = 30.0, 150.0  # of faults
CALM_SECONDS = 600.0  # within which all must come to its end
CONNECTIONS = 8  # of one role, at most

NEW_FILE = """
from airflow.sdk import DAG, task
from record import record

with DAG("afterwards", schedule=None):
    @task
    def one(**context):
        record("start", context)
        record("end", context)

    one()
"""


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Its crash must lose no commit; the machine itself does not crash."""
    server = PostgresServer(synchronous_commit="on", full_page_writes="on")
    yield server
    server.close()


def test_a_storm(tmp_path: Path, server: PostgresServer) -> None:
    seed = int(os.environ.get("FAULTS_SEED") or random.randrange(1_000_000))
    print(f"FAULTS_SEED={seed} FAULTS_TASKS={TASKS}")
    workload = Workload.of(TASKS)
    here = Installation(tmp_path, server.url(server.new_database()))
    storm = Storm(here, server, seed)
    try:
        begin(here, workload)
        storm.blow(lambda: is_done(here, workload), least=LEAST_SECONDS, most=MOST_SECONDS)
        storm.end()
        print("\n".join(storm.done))
        here.until(lambda: is_done(here, workload), CALM_SECONDS)
        check_outcomes(here, workload)
        check_evidence(here)
        here.check()
        check_health(here, storm)
    except BaseException:
        print("\n".join([f"FAULTS_SEED={seed}", *storm.done, here.describe()]))
        print(f"All output and what the tasks saw: {here.notes}")
        raise
    finally:
        here.close()


def begin(here: Installation, workload: Workload) -> None:
    with here.store.begin() as tx:
        pools.put(tx, "narrow", 5)
    for name, content in workload.files().items():
        (here.dags / name).write_text(content)
    here.until(lambda: all(knows(here, dag_id) for dag_id in workload.runs()))
    for dag_id in ("fan", "waiting"):
        for _ in range(workload.runs()[dag_id]):
            here.trigger(dag_id)


def knows(here: Installation, dag_id: str) -> bool:
    with here.store.read() as tx:
        return dags.get(tx, dag_id) is not None


def is_done(here: Installation, workload: Workload) -> bool:
    """Whether all runs are there and over, as far as the database can be asked."""
    return here.asked(
        lambda: all(
            sum(here.run_states(dag_id)[state] for state in ("success", "failed")) == runs
            for dag_id, runs in workload.runs().items()
        )
    )


# --- afterwards -----------------------------------------------------------------------------------


def check_outcomes(here: Installation, workload: Workload) -> None:
    """Nothing is lost: every run, every instance, every day of the schedule."""
    for dag_id, instances in workload.instances().items():
        assert here.states(dag_id) == {"success": instances}, here.failures(dag_id)
    with here.store.read() as tx:
        found = tx.execute(
            select(dag_run.c.logical_date)
            .where(dag_run.c.dag_id == "scheduled")
            .order_by(dag_run.c.logical_date)
        ).scalars()
        assert [date.replace(tzinfo=None) for date in found] == workload.days()


def check_evidence(here: Installation) -> None:
    """What the tasks themselves saw: no attempt ran twice, and what counts as done was done."""
    seen = Counter((what, int(number)) for what, *_, number in here.seen())
    doubled = [line for line in here.seen() if seen[line[0], int(line[-1])] > 1]
    assert not doubled, f"These attempts wrote this more than once: {doubled}"
    with here.store.read() as tx:
        rows = tx.execute(select(attempt.c.id, attempt.c.outcome)).all()
    known = {row.id for row in rows}
    assert {number for _, number in seen} <= known, "Attempts ran that nobody knows of"
    done = {row.id for row in rows if row.outcome == "success"}
    lacking = {number for number in done if not seen["end", number]}
    assert not lacking, f"These attempts count as done and were not: {lacking}"


def check_health(here: Installation, storm: Storm) -> None:
    """The system is well again by itself."""
    (here.dags / "afterwards.py").write_text(NEW_FILE)
    here.until(lambda: knows(here, "afterwards"))
    here.trigger("afterwards")
    here.until(lambda: here.run_states("afterwards")["success"] == 1)
    here.until(lambda: held(here) == 0)
    here.until(lambda: not orphans(here, storm), 30)
    with here.store.read() as tx:
        count = tx.execute(
            text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        ).scalar_one()
    assert count <= CONNECTIONS * len(ROLES) + CONNECTIONS


def held(here: Installation) -> int:
    """What all counters together say is in use."""
    with here.store.read() as tx:
        return sum(
            sum(tx.execute(select(column)).scalars())
            for column in (pool.c.occupied, task_limit.c.occupied)
        )


def orphans(here: Installation, storm: Storm) -> list[str]:
    """Processes of this installation that hang on none of its roles."""
    ours = {pid for root in storm.pids() for pid in alive(root)}
    return [tree(pid) for pid in here.all_processes() if pid not in ours]
