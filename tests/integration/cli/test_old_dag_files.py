"""DAG files as they were written in each era, run by the real engine, do what they did then."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from tradewind.cli.main import cli

AIRFLOW_1 = """
from datetime import datetime, timedelta

from airflow import DAG
from airflow.contrib.sensors.file_sensor import FileSensor
from airflow.models import Variable
from airflow.operators.bash_operator import BashOperator
from airflow.operators.dagrun_operator import TriggerDagRunOperator
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python_operator import BranchPythonOperator, PythonOperator
from airflow.operators.subdag_operator import SubDagOperator
from airflow.settings import TIMEZONE as TZ
from airflow.utils.dates import days_ago
from airflow.utils.decorators import apply_defaults
from airflow.utils.trigger_rule import TriggerRule

args = {
    "owner": "airflow", "depends_on_past": False, "retries": 0,
    "start_date": min(days_ago(2), datetime(2018, 1, 1, tzinfo=TZ)),
    "retry_delay": timedelta(minutes=5), "email_on_failure": False, "provide_context": True,
}
dag = DAG("one", default_args=args, schedule_interval="@daily", concurrency=4, max_active_runs=1,
          user_defined_macros={"shout": str.upper}, default_view="graph", orientation="LR")


class Old(BashOperator):
    @apply_defaults
    def __init__(self, word="default", *args, **kwargs):
        super(Old, self).__init__(bash_command="echo " + word, *args, **kwargs)


def look(ds, execution_date, templates_dict, ti, **kwargs):
    seen = {
        "ds": ds, "date": execution_date.isoformat(), "template": templates_dict["t"],
        "pushed": ti.xcom_pull(task_ids="push"), "own": ti.xcom_pull(key="own", task_ids="branch"),
        "next_ds": kwargs["next_ds"], "yesterday": kwargs["yesterday_ds_nodash"],
        "variable": Variable.get("absent", default_var="fallback"), "param": kwargs["params"]["p"],
    }
    import json
    open(OUT, "w").write(json.dumps(seen))


def choose(**context):
    context["task_instance"].xcom_push(key="own", value=1)
    return "section"


def section(parent, child):
    inner = DAG("%s.%s" % (parent, child), default_args=args, schedule_interval="@daily")
    PythonOperator(task_id="work", python_callable=lambda **context: None, dag=inner)
    return inner


push = BashOperator(task_id="push", bash_command="echo {{ shout('pushed') }} {{ next_ds }}",
                    xcom_push=True, dag=dag)
wait = FileSensor(task_id="wait", filepath=__file__, poke_interval=1, timeout=30, dag=dag)
branch = BranchPythonOperator(task_id="branch", python_callable=choose, provide_context=True,
                              dag=dag)
chosen = SubDagOperator(task_id="section", subdag=section("one", "section"), dag=dag)
other = Old(task_id="other", word="x", dag=dag)
join = DummyOperator(task_id="join", trigger_rule="none_failed_or_skipped", dag=dag)
never = TriggerDagRunOperator(task_id="never", trigger_dag_id="nowhere", dag=dag,
                              python_callable=lambda context, order: None)
end = PythonOperator(task_id="look", python_callable=look, templates_dict={"t": "{{ ds_nodash }}"},
                     trigger_rule=TriggerRule.ALL_DONE, params={"p": 3}, dag=dag)
push.set_downstream(wait)
branch.set_upstream(wait)
branch >> [chosen, other]
chosen >> join
other >> join
join >> never >> end
"""

AIRFLOW_2 = """
import json
import pendulum
from airflow.decorators import dag, task
from airflow.models.baseoperator import chain
from airflow.models.param import Param
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import get_current_context
from airflow.utils.edgemodifier import Label
from airflow.utils.task_group import TaskGroup


@dag("two", schedule_interval="0 6 * * *", start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
     catchup=False, params={"p": Param(2, type="integer")}, tags=["old"])
def two():
    @task(multiple_outputs=True)
    def numbers():
        return {"a": 1, "b": 2}

    @task
    def add(x, y):
        return x + y

    @task(task_concurrency=1)
    def look(total, squares, data_interval_start=None, data_interval_end=None):
        context = get_current_context()
        seen = {
            "total": total, "squares": list(squares), "param": context["params"]["p"],
            "interval": [data_interval_start.isoformat(), data_interval_end.isoformat()],
        }
        open(OUT, "w").write(json.dumps(seen))

    @task
    def square(n):
        return n * n

    found = numbers()
    with TaskGroup("group", tooltip="tip") as group:
        start = EmptyOperator(task_id="start")
    end = look(add(found["a"], found["b"]), square.expand(n=[1, 2, 3]))
    chain(start, Label("then"), end)


two()
"""


Outcome = Callable[[str], tuple[dict[str, str], dict[str, object]]]


@pytest.fixture
def outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """`outcome(source)`: the states of the tasks of a run for 2026-01-15T06:00, and what `look`
    saw."""
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))

    def run(source: str) -> tuple[dict[str, str], dict[str, object]]:
        out = tmp_path / "out.json"
        (tmp_path / "old.py").write_text(source.replace("OUT", repr(str(out))))
        arguments = [str(tmp_path / "old.py"), "-l", "2026-01-15T06:00", "-o", "json"]
        result = CliRunner().invoke(cli, ["dags", "test", *arguments])
        assert result.exit_code == 0, result.output
        rows = json.loads(result.stdout)["task_instances"]
        states = {task["task_id"]: task["state"] for task in rows}
        return states, json.loads(out.read_text())

    return run


def test_airflow_1(outcome: Outcome) -> None:
    states, seen = outcome(AIRFLOW_1)
    assert states == {
        **dict.fromkeys(("push", "wait", "branch", "section.work", "join", "never"), "success"),
        **{"other": "skipped", "look": "success"},
    }
    assert seen == {
        "ds": "2026-01-15",
        "date": "2026-01-15T06:00:00+00:00",
        "template": "20260115",
        "pushed": "PUSHED 2026-01-15",
        "own": 1,
        "next_ds": "2026-01-15",
        "yesterday": "20260114",
        "variable": "fallback",
        "param": 3,
    }


def test_airflow_2(outcome: Outcome) -> None:
    states, seen = outcome(AIRFLOW_2)
    assert set(states.values()) == {"success"}
    assert seen == {
        "total": 3,
        "squares": [1, 4, 9],
        "param": 2,
        "interval": ["2026-01-14T06:00:00+00:00", "2026-01-15T06:00:00+00:00"],
    }
