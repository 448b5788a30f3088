"""A DAG file that is started as a program runs itself: `if __name__ == "__main__": dag.test()`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILE = """
from tradewind.sdk import DAG, task

with DAG("itself", schedule=None, params={{"fails": False}}) as dag:

    @task
    def work(params=None):
        assert not params["fails"]

    work()

if __name__ == "__main__":
    dag.test(run_conf={conf})
"""


@pytest.mark.parametrize(("conf", "succeeds"), [(None, True), ({"fails": True}, False)])
def test_the_exit_code_is_the_runs(tmp_path: Path, conf: object, succeeds: bool) -> None:
    file = tmp_path / "itself.py"
    file.write_text(FILE.format(conf=conf))

    run = subprocess.run(
        [sys.executable, str(file)],
        env={**os.environ, "TRADEWIND_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert (run.returncode == 0) is succeeds, run.stdout + run.stderr
    assert "work" in run.stdout
