"""Being told to stop, once and twice; dying with others at work; one home for one standalone."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from faults.harness import Installation, attempts_of
from tradewind.store import dags
from tradewind.store.schema import process as process_table
from tradewind.store.schema import trigger

pytestmark = pytest.mark.timeout(150)

DAG_FILE = """
import os, time
from datetime import timedelta
from airflow.sdk import DAG, BaseOperator, task
from airflow.providers.standard.triggers.file import FileDeleteTrigger
from record import record

with DAG("gated", schedule=None):
    @task
    def waits(**context):
        record("start", context)
        while not os.path.exists(os.environ["FAULTS_RECORD"] + ".go"):
            time.sleep(0.05)
        record("end", context)

    @task
    def after(**context):
        record("start", context)

    waits() >> after()


class Defers(BaseOperator):
    def execute(self, context):
        record("start", context)
        path = os.environ["FAULTS_RECORD"] + ".file"
        self.defer(trigger=FileDeleteTrigger(path, poke_interval=0.1), method_name="resume")

    def resume(self, context, event=None):
        record("end", context)


with DAG("deferring", schedule=None):
    Defers(task_id="defers")
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    (installation.dags / "gated.py").write_text(DAG_FILE)
    yield installation
    installation.close()


@pytest.fixture
def on_postgresql(tmp_path: Path, postgresql_url: str) -> Iterator[Installation]:
    installation = Installation(tmp_path / "home", postgresql_url)
    (installation.dags / "gated.py").write_text(DAG_FILE)
    yield installation
    installation.close()


def begin(installation: Installation) -> None:
    """A run of `gated`, whose first task waits for `let_go`."""
    installation.until(lambda: knows(installation, "gated"))
    installation.trigger("gated")
    installation.until(lambda: seen(installation) == ["start waits"])


def knows(installation: Installation, dag_id: str) -> bool:
    with installation.store.read() as tx:
        return dags.get(tx, dag_id) is not None


def let_go(installation: Installation) -> None:
    (installation.notes / "record.txt.go").touch()


def seen(installation: Installation) -> list[str]:
    return [f"{line[0]} {line[2]}" for line in installation.seen()]


def tell(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)


def test_what_runs_may_end_and_nothing_new_begins(here: Installation) -> None:
    standalone = here.start("standalone")
    begin(here)
    tell(standalone)
    here.until(lambda: "Stopping" in here.output)
    let_go(here)
    assert standalone.wait(30) == 0
    assert here.states("gated") == {"success": 1, "scheduled": 1}
    assert seen(here) == ["start waits", "end waits"]
    with here.store.read() as tx:
        assert tx.execute(select(process_table)).all() == []
    here.start("standalone")
    here.until(lambda: here.run_states("gated")["success"] == 1)
    assert seen(here) == ["start waits", "end waits", "start after"]
    here.check()


def test_a_second_signal_ends_at_once_and_the_task_runs_again(here: Installation) -> None:
    standalone = here.start("standalone")
    begin(here)
    running = attempts_of(standalone.pid)
    tell(standalone)
    here.until(lambda: "Stopping" in here.output)
    tell(standalone)
    assert standalone.wait(10) == 128 + signal.SIGTERM
    here.until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in running))
    let_go(here)
    here.start("standalone")
    here.until(lambda: here.run_states("gated")["success"] == 1)
    assert seen(here) == ["start waits", "start waits", "end waits", "start after"]
    here.check()


def test_a_second_standalone_on_a_home_is_refused(here: Installation) -> None:
    here.start("standalone")
    here.until(lambda: "Stop with Ctrl-C" in here.output)
    second = here.start("standalone")
    assert second.wait(30) != 0
    assert "A standalone runs on" in here.output
    begin(here)
    let_go(here)
    here.until(lambda: here.run_states("gated")["success"] == 1)


def test_each_role_drains_and_another_scheduler_goes_on(on_postgresql: Installation) -> None:
    here = on_postgresql
    first = here.start("scheduler")
    processor, triggerer = here.start("dag-processor"), here.start("triggerer")
    begin(here)
    here.start("scheduler")
    tell(first)
    here.until(lambda: "Stopping" in here.output)
    let_go(here)
    assert first.wait(30) == 0
    here.until(lambda: here.run_states("gated")["success"] == 1)
    assert seen(here) == ["start waits", "end waits", "start after"]
    for role in (processor, triggerer):
        tell(role)
        assert role.wait(30) == 0
    here.check()


def test_a_deferred_task_outlives_its_triggerer(on_postgresql: Installation) -> None:
    here = on_postgresql
    here.start("scheduler")
    processor, triggerer = here.start("dag-processor"), here.start("triggerer")
    here.until(lambda: knows(here, "deferring"))
    processor.kill()
    here.trigger("deferring")
    here.until(lambda: claimed(here) == 1)
    triggerer.kill()
    triggerer.wait()
    with here.store.begin() as tx:  # as if its lease had ended
        tx.execute(trigger.update().values(lease_until=None))
    (here.notes / "record.txt.file").touch()
    here.start("triggerer")
    here.until(lambda: here.run_states("deferring")["success"] == 1)
    assert seen(here) == ["start defers", "end defers"]
    here.check()


def claimed(installation: Installation) -> int:
    with installation.store.read() as tx:
        return sum(row.lease_owner is not None for row in tx.execute(select(trigger)))
