"""`dags test` and `tasks test` on files, without any server."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tradewind.cli.main import cli
from tradewind.core.errors import TradewindError

FILE = """
import time
from airflow.sdk import DAG, task

def told(context):
    time.sleep(0.3)
    print("told of", context["reason"])

with DAG("good", schedule=None):
    @task
    def add(n, params=None):
        print("adding", n, params)
        return n + 1
    add(add.override(task_id="first")(1))

with DAG("bad", schedule=None, on_failure_callback=told):
    @task
    def fails():
        raise ValueError("as it should")
    fails()
"""

Command = Callable[..., Result]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("two.py").write_text(FILE)
    return lambda *arguments: CliRunner().invoke(cli, arguments)


def test_the_outcome_is_the_exit_code(command: Command) -> None:
    good = command("dags", "test", "two.py", "good", "-l", "2026-01-15", "-o", "json")
    assert good.exit_code == 0
    outcome = json.loads(good.stdout)
    assert outcome["logical_date"] == "2026-01-15T00:00:00+00:00"
    assert {t["task_id"]: t["state"] for t in outcome["task_instances"]} == {
        "first": "success",
        "add": "success",
    }
    assert command("dags", "test", "two.py", "bad", "-o", "json").exit_code == 1


def test_a_failure_shows_its_log_and_the_callbacks(command: Command) -> None:
    output = command("dags", "test", "two.py", "bad").output
    assert "ValueError: as it should" in output
    assert "told of task_failure" in output


def test_one_task_alone(command: Command) -> None:
    done = command("tasks", "test", "-f", "two.py", "good", "first", "-t", '{"a": 1}')
    assert done.exit_code == 0
    assert "adding 1 {'a': 1}" in done.output
    assert command("tasks", "test", "-f", "two.py", "bad", "fails").exit_code == 1


MORE = """
from datetime import timedelta
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, BaseOperator, task, task_group
from airflow.triggers.base import BaseTrigger, TaskSkippedEvent, TaskSuccessEvent

class Ends(BaseTrigger):
    def __init__(self, event):
        super().__init__()
        self.event = event

    def serialize(self):
        return f"{__name__}.Ends", {"event": self.event}

    async def run(self):
        yield {"success": TaskSuccessEvent, "skip": TaskSkippedEvent}[self.event]()

class Waits(BaseOperator):
    def __init__(self, event, **kwargs):
        super().__init__(**kwargs)
        self.event = event

    def execute(self, context):
        self.defer(trigger=Ends(self.event), method_name="execute")

with DAG("all", schedule=None):
    TriggerDagRunOperator(
        task_id="trigger", trigger_dag_id="other", wait_for_completion=True, poke_interval=1
    )
    Waits(task_id="ended", event="success")
    Waits(task_id="skipped", event="skip")
    HITLOperator(
        task_id="ask", subject="?", options=["x", "y"], defaults=["y"],
        execution_timeout=timedelta(seconds=1),
    )

    @task(outlets=[Asset("made")])
    def makes(): ...

    makes()

with DAG("other", schedule=None):
    @task
    def other(): ...

    other()

with DAG("mapped", schedule=None):
    @task
    def one(x, y):
        print("one of", x, y)

    one.partial(y=7).expand(x=[1, 2])

    @task_group
    def group(v):
        @task
        def inner(v):
            print("inner of", v)

        inner(v)

    @task
    def counted(): return [1]

    group.expand(v=["a", "b"])
    group.override(group_id="over").expand(v=counted())
"""


def test_a_run_with_everything_that_needs_other_roles(command: Command) -> None:
    Path("more.py").write_text(MORE)
    outcome = json.loads(command("dags", "test", "more.py", "all", "-o", "json").stdout)
    assert {t["task_id"]: t["state"] for t in outcome["task_instances"]} == {
        "trigger": "success",
        "ended": "success",
        "skipped": "skipped",
        "ask": "success",
        "makes": "success",
    }


def test_one_mapped_task_alone(command: Command) -> None:
    Path("more.py").write_text(MORE)
    output = command("tasks", "test", "-f", "more.py", "mapped", "one").output
    assert "one of 1 7" in output
    assert "one of 2 7" in output
    output = command("tasks", "test", "-f", "more.py", "mapped", "group.inner").output
    assert "inner of a" in output
    assert "inner of b" in output
    refused = command("tasks", "test", "-f", "more.py", "mapped", "over.inner").exception
    assert "mapped over the result of another task" in str(refused)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["two.py"], "two.py holds 2 DAGs: good, bad"),
        (["two.py", "nope"], "two.py has no DAG 'nope'. It has: good, bad"),
        (["none.py"], "There is no file none.py"),
        (["good"], "No DAG 'good' is known"),
        (["good", "-f", "none.py"], "There is no file"),
        (["two.py", "good", "-c", "{"], "--conf is not valid JSON"),
    ],
)
def test_a_mistake_is_named(command: Command, arguments: list[str], message: str) -> None:
    result = command("dags", "test", *arguments)
    assert isinstance(result.exception, TradewindError), result.output
    assert message in str(result.exception)


def test_a_file_that_does_not_load(command: Command) -> None:
    Path("broken.py").write_text("from airflow.sdk import DAG\nimport nothing_of_the_kind\n")
    error = command("dags", "test", "broken.py").exception
    assert isinstance(error, TradewindError)
    assert "broken.py, line 2: ModuleNotFoundError" in str(error)
    assert error.hint is not None
    assert "nothing_of_the_kind" in error.hint
