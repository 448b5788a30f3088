"""A person's way through the commands, against a `tradewind standalone` of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tradewind.cli.main import cli
from tradewind.core.errors import TradewindError

pytestmark = pytest.mark.timeout(180)

DAG_FILE = """
from datetime import timedelta
from airflow.sdk import DAG, Param, Variable, task

with DAG("letters", schedule=None, params={"word": Param("abc", type="string")}):
    @task
    def split(params=None):
        print("splitting", params["word"])
        return list(params["word"])

    @task
    def upper(letter):
        return letter.upper()

    @task(trigger_rule="none_failed")
    def join(letters):
        if Variable.get("broken", default="no") == "yes":
            raise ValueError("the variable says so")
        return "".join(letters)

    join(upper.expand(letter=split()))

with DAG("patient", schedule=None):
    @task(retries=1, retry_delay=timedelta(hours=1))
    def fails():
        raise ValueError("not today")

    @task
    def after(): ...

    fails() >> after()

with DAG("slow", schedule=None):
    @task
    def sleeps():
        import time
        time.sleep(600)

    sleeps()
"""


class Installation:
    """A home folder with a DAG folder, and the standalone process on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.dags = home / "dags"
        self.dags.mkdir()
        (self.dags / "letters.py").write_text(DAG_FILE)
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TRADEWIND", "AIRFLOW"))},
            "TRADEWIND_HOME": str(home),
            "TRADEWIND_CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
            "TRADEWIND_SCHEDULER__ATTEMPT_LEASE_SECONDS": "3",
            "TRADEWIND_SCHEDULER__RUN_LEASE_SECONDS": "3",
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with (self.home / "out.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tradewind", "standalone"],
                env=self.env,
                stdout=log,
                stderr=log,
            )

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, list(arguments), env=self.env)

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "-o", "json")
        assert result.exit_code == 0, f"{arguments}: {result.output} {result.exception!r}"
        return json.loads(result.stdout)

    def error(self, *arguments: str) -> TradewindError:
        result = self.run(*arguments)
        assert isinstance(result.exception, TradewindError), result.output
        return result.exception

    def until(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (self.home / "out.log").read_text()
            time.sleep(0.1)

    def knows(self, dag_id: str) -> bool:
        result = self.run("dags", "list", "-o", "json")
        return result.exit_code == 0 and dag_id in result.stdout

    def trigger(self, dag_id: str, *arguments: str) -> str:
        return str(self.json("dags", "trigger", dag_id, *arguments)[0]["run_id"])

    def state(self, dag_id: str, run_id: str) -> str:
        return self.run("dags", "state", dag_id, run_id).output.strip()

    def instances(self, dag_id: str, run_id: str) -> dict[str, str]:
        rows = self.json("tasks", "states-for-dag-run", dag_id, run_id)
        return {f"{row['task_id']}[{row['map_index']}]": row["state"] for row in rows}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("home"))
    installation.until(lambda: installation.knows("slow"))
    yield installation
    assert installation.process is not None
    if installation.process.poll() is None:
        assert installation.stop() == 0


def test_a_run_from_trigger_to_log(here: Installation) -> None:
    run_id = here.trigger("letters", "--conf", '{"word": "xy"}')
    here.until(lambda: here.state("letters", run_id) == "success")
    assert here.instances("letters", run_id) == {
        "split[-1]": "success",
        "upper[0]": "success",
        "upper[1]": "success",
        "join[-1]": "success",
    }
    log = here.run("tasks", "logs", "letters", "split", run_id).output
    assert "splitting xy" in log
    assert "Finished: success" in log


def test_what_an_attempt_used_is_listed(here: Installation) -> None:
    run_id = here.trigger("letters")
    here.until(lambda: here.state("letters", run_id) == "success")
    [attempt] = here.json("tasks", "attempts", "letters", "split", run_id)
    assert (attempt["try_number"], attempt["attempt"], attempt["state"]) == (1, 1, "success")
    assert attempt["cpu_seconds"] > 0
    assert attempt["peak_memory_mb"] > 1


def test_a_run_that_is_there_already_is_named(here: Installation) -> None:
    here.trigger("letters", "-r", "mine", "-l", "2025-01-01")
    assert "has a run 'mine' already" in str(here.error("dags", "trigger", "letters", "-r", "mine"))
    error = here.error("dags", "trigger", "letters", "-l", "2025-01-01")
    assert "has a run with the logical date 2025-01-01 00:00:00+00:00 already" in str(error)


def test_clear_and_mark_with_preview(here: Installation) -> None:
    here.run("variables", "set", "broken", "yes")
    run_id = here.trigger("letters")
    here.until(lambda: here.state("letters", run_id) == "failed")
    here.run("variables", "set", "broken", "no")
    options = ["letters", "--run-id", run_id, "--only-failed"]
    preview = here.json("tasks", "clear", *options, "--dry-run")
    assert [(row["task_id"], row["state"]) for row in preview] == [("join", "failed")]
    assert here.state("letters", run_id) == "failed"  # a preview changes nothing
    assert here.run("tasks", "clear", *options, "--yes").exit_code == 0
    here.until(lambda: here.state("letters", run_id) == "success")
    done = here.json(
        "tasks", "mark", "letters", "failed", "--run-id", run_id, "--task-id", "join", "-y"
    )
    assert [row["task_id"] for row in done] == ["join"]
    here.until(lambda: here.instances("letters", run_id)["join[-1]"] == "failed")


def test_why_and_cancel(here: Installation) -> None:
    run_id = here.trigger("patient")
    here.until(lambda: here.instances("patient", run_id).get("fails[-1]") == "up_for_retry")
    assert "next try is due" in here.run("tasks", "why", "patient", "fails", run_id).output
    assert "fails" in here.run("tasks", "why", "patient", "after", run_id).output
    assert here.run("runs", "cancel", "patient", run_id, "--yes").exit_code == 0
    here.until(lambda: here.state("patient", run_id) == "failed")


def test_cancelling_ends_the_process(here: Installation) -> None:
    run_id = here.trigger("slow")
    here.until(lambda: here.instances("slow", run_id).get("sleeps[-1]") == "running")
    here.run("runs", "cancel", "slow", run_id, "--yes")
    here.until(lambda: here.state("slow", run_id) == "failed")
    assert here.instances("slow", run_id)["sleeps[-1]"] in ("failed", "skipped")


def test_conf_is_checked_by_params(here: Installation) -> None:
    error = here.error("dags", "trigger", "letters", "--conf", '{"word": 3}')
    assert "word" in str(error)
    assert "3 is not of type 'string'" in str(error)


def test_an_edit_shows_and_a_broken_file_keeps_the_last_good_version(here: Installation) -> None:
    file = here.dags / "edited.py"
    text = 'from airflow.sdk import DAG\ndag = DAG("edited", schedule=None, tags=["{}"])\n'
    file.write_text(text.format("one"))
    here.until(lambda: here.knows("edited"))
    file.write_text(text.format("two") + "def broken(:\n")
    here.until(lambda: here.run("dags", "list-import-errors").exit_code == 1)
    errors = json.loads(here.run("dags", "list-import-errors", "-o", "json").stdout)
    assert [(row["path"], row["line"]) for row in errors] == [("edited.py", 3)]
    assert here.json("dags", "details", "edited")["tags"] == ["one"]
    file.write_text(text.format("two"))
    here.until(lambda: here.run("dags", "list-import-errors").exit_code == 0)
    assert here.json("dags", "details", "edited")["tags"] == ["two"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dags", "trigger", "leters"], "leters"),
        (["dags", "details", "nothing"], "nothing"),
        (["tasks", "state", "letters", "nope", "x"], "x"),
        (["dags", "trigger", "letters", "--conf", "{"], "--conf"),
        (["variables", "get", "nothing"], "nothing"),
        (["pools", "get", "nothing"], "nothing"),
        (["connections", "get", "nothing"], "nothing"),
        (["tasks", "clear", "letters", "--task-id", "nope"], "nope"),
        (["backfill", "cancel", "99"], "99"),
        (["assets", "materialize", "--name", "nothing"], "nothing"),
    ],
)
def test_a_mistake_is_named(here: Installation, arguments: list[str], words: str) -> None:
    error = here.error(*arguments)
    assert words in str(error)
    assert error.hint or "DAG" in str(error) or "variable" in str(error)


def test_kill_and_restart_lose_nothing_and_double_nothing(here: Installation) -> None:
    run_id = here.trigger("slow")
    here.until(lambda: here.instances("slow", run_id).get("sleeps[-1]") == "running")
    here.stop(signal.SIGKILL)
    here.start()
    log = lambda: here.run("tasks", "logs", "slow", "sleeps", run_id).output  # noqa: E731
    here.until(lambda: len(re.findall("Try 1 of slow.sleeps", log())) == 2, 60)
    here.until(lambda: here.instances("slow", run_id).get("sleeps[-1]") == "running")
    row = here.json("tasks", "states-for-dag-run", "slow", run_id)[0]
    assert row["try_number"] == 1  # no retry of the user's was used
    here.run("runs", "cancel", "slow", run_id, "--yes")
    here.until(lambda: here.state("slow", run_id) == "failed")


def test_a_published_dag_is_tested_wherever_the_bundle_is(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make run` serves a folder that the commands in another terminal know nothing of."""
    monkeypatch.setenv("TRADEWIND_CORE__DAGS_FOLDER", str(tmp_path))
    result = here.json("dags", "test", "letters", "--conf", '{"word": "xy"}')
    assert (result["dag_id"], result["state"]) == ("letters", "success")
    assert "No DAG 'lettres' is known" in str(here.error("dags", "test", "lettres"))
