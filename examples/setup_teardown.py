"""Borrow a resource for some tasks and give it back whatever happens to them.

A setup runs before the work, its teardown after it, also when the work has failed. Whether the run
is a success is decided by the work: a failed teardown does not spoil it.
"""

import shutil
import tempfile
from pathlib import Path

from airflow.sdk import DAG, setup, task, teardown

with DAG("setup_teardown", schedule=None, tags=["example"]):

    @setup
    def create_workspace() -> str:
        return tempfile.mkdtemp(prefix="tradewind-example-")

    @task
    def write(folder: str) -> str:
        path = Path(folder, "numbers.txt")
        path.write_text("\n".join(str(n * n) for n in range(10)))
        return str(path)

    @task
    def read(path: str) -> int:
        return sum(int(line) for line in Path(path).read_text().splitlines())

    @teardown
    def remove_workspace(folder: str) -> None:
        shutil.rmtree(folder)

    workspace = create_workspace()
    # All tasks inside the block are the work; the teardown waits for them and knows its setup.
    with remove_workspace(workspace).as_teardown(setups=workspace):
        read(write(workspace))
