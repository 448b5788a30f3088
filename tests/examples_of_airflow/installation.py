"""Airflow's examples as DAG files of a `tradewind standalone`, and commands on it."""

import json
import os
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tradewind.cli.main import cli

READY = Path(__file__).parents[2] / ".make" / "airflow-examples"

# The plugins are modules that examples import. Of those that none imports, two need what is the
# control plane's in Airflow: classes that map partition keys, which would run in the scheduler.
NOT_DAG_FILES = ("business_day_window.py", "custom_partition_mapper.py")
# Its asset and another example's exclude each other (promises.APART): it is loaded for itself.
ON_ITS_OWN = "example_inlet_event_extra.py"


def unpack(folder: Path) -> Path:
    """The wheels' example DAGs, core's where they import each other from; returns the root."""
    root = folder / "dags"
    for wheel, inside, target in (
        ("apache_airflow_core", "airflow/example_dags/", "airflow/example_dags"),
        (
            "apache_airflow_providers_standard",
            "airflow/providers/standard/example_dags/",
            "standard",
        ),
    ):
        found = list((READY / "wheels").glob(f"{wheel}-*.whl"))
        assert len(found) == 1, "`make test-airflow-examples` downloads the wheels"
        with zipfile.ZipFile(found[0]) as archive:
            for name in archive.namelist():
                if name.startswith(inside):
                    path = root / target / name.removeprefix(inside)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(archive.read(name))
    for name in NOT_DAG_FILES:
        (root / "airflow" / "example_dags" / "plugins" / name).unlink()
    return root


class Installation:
    """A home folder, and the standalone process on it, in the environment of the examples."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.dags = unpack(home)
        own = home / "own"
        own.mkdir()
        shutil.move(self.dags / "airflow" / "example_dags" / ON_ITS_OWN, own / ON_ITS_OWN)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TRADEWIND", "AIRFLOW"))},
            "TRADEWIND_HOME": str(home),
            "TRADEWIND_CORE__DAGS_FOLDER": str(self.dags),
            "TRADEWIND_CORE__DAGS_ARE_PAUSED_AT_CREATION": "true",
            # Defaults of a provider that the Kubernetes examples read.
            "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_REPOSITORY": "",
            "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_TAG": "",
        }
        with (home / "out.log").open("ab") as log:
            self._process = subprocess.Popen(
                [READY / "bin" / "tradewind", "standalone"],
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def close(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    def run(self, *arguments: str) -> str:
        result = CliRunner().invoke(cli, list(arguments), env=self.environment)
        assert result.exit_code == 0, f"{arguments}: {result.output} {result.exception!r}"
        return result.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "-o", "json"))

    def until(self, condition: Callable[[], Any], deadline: float) -> Any:
        """What `condition` answers once it is true, or at last, by the monotonic clock."""
        while not (answer := condition()) and time.monotonic() < deadline:
            time.sleep(0.5)
        return answer

    def files(self) -> list[dict[str, Any]]:
        """What loading each file came to; empty as long as there is nothing."""
        result = CliRunner().invoke(cli, ["dags", "report", "-o", "json"], env=self.environment)
        found: list[dict[str, Any]] = json.loads(result.stdout) if result.exit_code == 0 else []
        return found

    def states(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Task → its state; several where the instances of a mapped task differ."""
        states: dict[str, set[str]] = {}
        for row in self.json("tasks", "states-for-dag-run", dag_id, run_id):
            states.setdefault(row["task_id"], set()).add(str(row["state"]))
        return {task_id: ", ".join(sorted(found)) for task_id, found in states.items()}
