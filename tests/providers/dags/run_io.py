"""common.io: a file copied from one path to another."""

import os
from pathlib import Path

from airflow.providers.common.io.operators.file_transfer import FileTransferOperator
from airflow.sdk import DAG, ObjectStoragePath, task

FOLDER = Path(os.environ["FOLDER"])

with DAG("run_io", schedule=None):

    @task
    def write():
        (FOLDER / "run_io.txt").write_text("one")

    copy = FileTransferOperator(
        task_id="copy",
        src=f"file://{FOLDER}/{{{{ dag.dag_id }}}}.txt",
        dst=ObjectStoragePath(f"file://{FOLDER}/copy.txt"),
    )

    @task
    def compare():
        assert (ObjectStoragePath(f"file://{FOLDER}") / "copy.txt").read_text() == "one"

    write() >> copy >> compare()
