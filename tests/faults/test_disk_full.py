"""The disk is full: that is said, nothing stops for good, and all goes on when there is space."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.harness import Installation
from tradewind.store import dags
from tradewind.store.engine import DatabaseError

pytestmark = pytest.mark.timeout(150)

DAG_FILE = """
import os, time
from airflow.sdk import DAG, task
from record import record

with DAG("gated", schedule=None, max_active_runs=4):
    @task
    def waits(**context):
        record("start", context)
        while not os.path.exists(os.environ["FAULTS_RECORD"] + ".go"):
            time.sleep(0.05)
        print("x" * 10_000)
        record("end", context)

    @task
    def after(**context):
        print("y" * 10_000)

    waits() >> after()
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root and the right to mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return filler


def test_a_full_disk_stops_nothing_for_good(small_disk: Path, tmp_path: Path) -> None:
    here = Installation(small_disk / "home", notes=tmp_path)
    try:
        (here.dags / "gated.py").write_text(DAG_FILE)
        here.start("standalone")
        here.until(lambda: knows(here, "gated"))
        here.trigger("gated")
        here.until(lambda: len(here.seen()) == 1)
        filler = fill(small_disk)
        with pytest.raises(DatabaseError, match="full") as caught:
            trigger_often(here)
        assert "Free some space" in (caught.value.hint or "")
        (tmp_path / "record.txt.go").touch()
        here.until(lambda: "full" in here.output)
        assert here.processes[0].poll() is None
        filler.unlink()
        (here.dags / "late.py").write_text(DAG_FILE.replace("gated", "late"))
        here.until(lambda: knows(here, "late"))
        here.until(lambda: here.run_states("gated").keys() == {"success"}, 90)
        here.check()
    finally:
        here.close()


def test_tasks_run_though_their_logs_cannot_be_written(small_disk: Path, tmp_path: Path) -> None:
    here = Installation(tmp_path / "home", notes=tmp_path)
    (here.home / "logs").symlink_to(small_disk, target_is_directory=True)
    try:
        (here.dags / "gated.py").write_text(DAG_FILE)
        here.start("standalone")
        here.until(lambda: knows(here, "gated"))
        here.trigger("gated")
        here.until(lambda: len(here.seen()) == 1)
        filler = fill(small_disk)
        (tmp_path / "record.txt.go").touch()
        here.until(lambda: here.run_states("gated")["success"] == 1)
        here.trigger("gated")  # whose logs cannot even be begun
        here.until(lambda: here.run_states("gated")["success"] == 2)
        assert here.states("gated") == {"success": 4}
        filler.unlink()
        here.trigger("gated")
        here.until(lambda: here.run_states("gated")["success"] == 3)
        newest = max(small_disk.rglob("*.log"), key=lambda path: path.stat().st_mtime)
        assert "y" * 10_000 in newest.read_text()
        here.check()
    finally:
        here.close()


def trigger_often(installation: Installation) -> None:
    for _ in range(300):
        installation.trigger("gated")


def knows(installation: Installation, dag_id: str) -> bool:
    with installation.store.read() as tx:
        return dags.get(tx, dag_id) is not None
