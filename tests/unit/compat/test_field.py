"""What real DAG files use, name by name: `facts/field.json`.

The file's tables were counted over 2,094 DAG files of 69 public repositories (names and numbers of
files, no code). For imports and modules it says instead what becomes of them here: "works",
"notes" (works, and the DAG's warnings name the modern form), the provider package that has it, or
"refused".
"""

import json
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
import pendulum
import pytest

from support.task_bench import AT, Bench
from tradewind import compat
from tradewind.compat.table import provider_of
from tradewind.compat.table_missing import MISSING
from tradewind.core.errors import InvalidDag
from tradewind.core.protocol import ConnectionValue
from tradewind.sdk import DAG, Asset, CronDataIntervalTimetable, setup, task, task_group, teardown
from tradewind.sdk import asset as asset_decorator
from tradewind.sdk import dag as dag_decorator
from tradewind.sdk.arguments import DEFAULTS
from tradewind.sdk.arguments import DROPPED as DROPPED_ARGUMENTS
from tradewind.sdk.arguments import RENAMED as RENAMED_ARGUMENTS
from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.legacy_dag import DROPPED, RENAMED
from tradewind.sdk.old_names import OldNameWarning
from tradewind.sdk.operators.bash import BashOperator
from tradewind.sdk.operators.email import EmailOperator
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.operators.python import BranchPythonOperator, PythonOperator
from tradewind.sdk.operators.trigger_dagrun import TriggerDagRunOperator
from tradewind.sdk.sensors.external_task import ExternalTaskSensor
from tradewind.sdk.serialize import serialize_dag

compat.install()

FACTS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "facts" / "field.json").read_text()
)


def notes_of(build: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        build()
    return [str(w.message) for w in caught if issubclass(w.category, OldNameWarning)]


# --- imports --------------------------------------------------------------------------------------


def outcome(statement: str) -> str:
    code = compile(statement, "a_dag_file.py", "exec")
    try:
        return "notes" if notes_of(lambda: exec(code, {"__name__": "a_dag_file"})) else "works"
    except compat.AirflowNameError as raised:
        error = raised
    package = provider_of(error.wanted)
    assert any(advice in str(error) for advice in (package, *MISSING.values()) if advice)
    return package.removeprefix("apache-airflow-providers-") if package else "refused"


@pytest.mark.parametrize(("name", "expected"), FACTS["imports"].items())
def test_imports(name: str, expected: str) -> None:
    module, _, attribute = name.partition(":")
    statement = f"from {module} import {attribute}" if attribute else f"import {module}"
    assert outcome(statement) == expected


@pytest.mark.parametrize(("module", "expected"), FACTS["modules"].items())
def test_modules(module: str, expected: str) -> None:
    assert outcome(f"import {module}") == expected


def test_what_is_refused_is_little_and_none_of_it_is_for_authors() -> None:
    refused = {name.partition(":")[0] for name, o in FACTS["imports"].items() if o == "refused"}
    kubernetes = {module for module in refused if "kubernetes" in module}
    assert refused - kubernetes == {
        "airflow.models.expandinput",
        "airflow.secrets.environment_variables",
        "airflow.secrets.local_filesystem",
        "airflow.sensors.smart_sensor",
        "airflow.ti_deps.deps.trigger_rule_dep",
        "airflow.traces",
        "airflow.www",
    }


# --- arguments ------------------------------------------------------------------------------------


def nothing(*args: Any, **kwargs: Any) -> None: ...


DAG_VALUES: dict[str, Any] = {
    "access_control": {"role": {"can_read"}},
    "catchup": False,
    "concurrency": 3,
    "dag_display_name": "The DAG",
    "dag_id": "d",
    "dagrun_timeout": timedelta(hours=1),
    "default_args": {"owner": "me"},
    "default_view": "graph",
    "description": "text",
    "doc_md": "# text",
    "end_date": datetime(2030, 1, 1),
    "is_paused_upon_creation": True,
    "max_active_runs": 2,
    "max_active_tasks": 2,
    "max_consecutive_failed_dag_runs": 2,
    "on_failure_callback": nothing,
    "on_success_callback": nothing,
    "orientation": "TB",
    "params": {"a": 1},
    "render_template_as_native_obj": True,
    "schedule": "@daily",
    "schedule_interval": "@daily",
    "sla_miss_callback": nothing,
    "start_date": datetime(2020, 1, 1),
    "tags": ["a"],
    "template_searchpath": "/tmp",
    "template_undefined": jinja2.StrictUndefined,
    "user_defined_filters": {"f": str},
    "user_defined_macros": {"m": str},
}


@pytest.mark.parametrize("name", FACTS["dag_arguments"])
def test_dag_arguments(name: str) -> None:
    arguments = {"dag_id": "d", name: DAG_VALUES[name]}
    made: list[DAG] = []
    notes = notes_of(lambda: made.append(DAG(**arguments)))
    old = name in {*RENAMED, *DROPPED, "schedule_interval"}
    assert [f"argument {name} is" in note for note in notes] == ([True] if old else [])
    if name not in DROPPED:
        assert hasattr(made[0], RENAMED.get(name, name))
    serialize_dag(made[0], "f.py")


TASK_VALUES: dict[str, Any] = {
    "allowed_states": ["success"],
    "append_env": True,
    "bash_command": "true",
    "cc": "a@b.c",
    "check_existence": True,
    "conf": {"a": 1},
    "cwd": "/tmp",
    "dag": None,
    "deferrable": True,
    "depends_on_past": True,
    "do_xcom_push": False,
    "doc_md": "text",
    "email": ["a@b.c"],
    "email_on_failure": False,
    "email_on_retry": False,
    "end_date": datetime(2030, 1, 1),
    "env": {"A": "b"},
    "execution_date": "2026-01-15",
    "execution_date_fn": nothing,
    "execution_delta": timedelta(hours=1),
    "execution_timeout": timedelta(hours=1),
    "executor_config": {},
    "external_dag_id": "other",
    "external_task_id": "task",
    "failed_states": ["failed"],
    "html_content": "text",
    "inlets": [Asset("x")],
    "max_active_tis_per_dag": 1,
    "max_retry_delay": timedelta(hours=1),
    "mime_charset": "utf-8",
    "mode": "reschedule",
    "on_failure_callback": nothing,
    "on_success_callback": nothing,
    "op_args": ["a"],
    "op_kwargs": {"a": 1},
    "outlets": [Asset("x")],
    "owner": "me",
    "params": {"a": 1},
    "poke_interval": 30,
    "pool": "p",
    "pool_slots": 1,
    "priority_weight": 2,
    "provide_context": True,
    "python_callable": nothing,
    "queue": "q",
    "reset_dag_run": True,
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": True,
    "sla": timedelta(hours=1),
    "soft_fail": True,
    "start_date": datetime(2020, 1, 1),
    "subject": "text",
    "task_concurrency": 2,
    "task_id": "t",
    "templates_dict": {"a": "{{ ds }}"},
    "timeout": 60,
    "to": "a@b.c",
    "trigger_dag_id": "other",
    "trigger_rule": "all_done",
    "trigger_run_id": "r",
    "wait_for_completion": True,
    "xcom_push": True,
}
OPERATORS: dict[type[BaseOperator], dict[str, Any]] = {
    PythonOperator: {"python_callable": nothing},
    BashOperator: {"bash_command": "true"},
    TriggerDagRunOperator: {"trigger_dag_id": "other"},
    ExternalTaskSensor: {"external_dag_id": "other"},
    BranchPythonOperator: {"python_callable": nothing},
    EmailOperator: {"to": "a@b.c", "subject": "s", "html_content": "h"},
}
NO_ARGUMENT = {"dag_run_conf_id"}  # a mistake in one file: Airflow 2 and 3 refuse it too
OLD_ARGUMENTS = {*RENAMED_ARGUMENTS, *DROPPED_ARGUMENTS, "execution_date"}


@pytest.mark.parametrize(
    ("operator", "name"),
    [
        (operator, name)
        for operator in OPERATORS
        for name in FACTS[operator.__name__]
        if name not in NO_ARGUMENT
    ],
)
def test_operator_arguments(operator: type[BaseOperator], name: str) -> None:
    with DAG("d", schedule=None, start_date=AT) as dag:
        given = {"task_id": "t", **OPERATORS[operator], name: TASK_VALUES[name]}
        if name == "execution_date_fn" or name == "dag":
            given.pop("execution_delta", None)
        made: list[BaseOperator] = []
        notes = notes_of(lambda: made.append(operator(**given)))
    assert [name in note for note in notes] == ([True] if name in OLD_ARGUMENTS else [])
    kept = RENAMED_ARGUMENTS.get(name, name)
    if name not in {*DROPPED_ARGUMENTS, "execution_date", "dag", "params"}:
        assert hasattr(made[0], kept)
    serialize_dag(dag, "f.py")


COMMON = sorted(
    name
    for name in FACTS["operator_arguments"]
    if name in TASK_VALUES and name in {*DEFAULTS, *RENAMED_ARGUMENTS, *DROPPED_ARGUMENTS}
)


@pytest.mark.parametrize("name", COMMON)
def test_arguments_of_every_operator(name: str) -> None:
    with DAG("d", schedule=None, start_date=AT) as dag:
        made: list[BaseOperator] = []
        arguments = {"task_id": "t", name: TASK_VALUES[name]}
        notes = notes_of(lambda: made.append(EmptyOperator(**arguments)))
    assert [name in note for note in notes] == ([True] if name in OLD_ARGUMENTS else [])
    assert name in DROPPED_ARGUMENTS or hasattr(made[0], RENAMED_ARGUMENTS.get(name, name))
    serialize_dag(dag, "f.py")


@pytest.mark.parametrize("name", FACTS["default_args"])
def test_default_args(name: str) -> None:
    """Whatever is in there: the operator's own arguments are used, others do no harm."""
    value = TASK_VALUES.get(name, DAG_VALUES.get(name, "anything"))
    made: list[BaseOperator] = []

    def build() -> None:
        with DAG("d", default_args={name: value}, schedule=None) as dag:
            made.append(PythonOperator(task_id="t", python_callable=nothing))
        serialize_dag(dag, "f.py")

    notes = notes_of(build)
    old = name in {*RENAMED_ARGUMENTS, *DROPPED_ARGUMENTS}
    assert [f"{name} in default_args" in note for note in notes] == ([True] if old else [])
    if name in {"retries", "owner", "pool", "priority_weight", "email_on_failure"}:
        assert getattr(made[0], name) == value


# --- decorators, constructs, rules, schedules -----------------------------------------------------

DECORATORS: dict[str, Any] = {
    "@asset": asset_decorator,
    "@dag": dag_decorator,
    "@setup": setup,
    "@task": task,
    "@task_group": task_group,
    "@teardown": teardown,
    "@asset.multi": asset_decorator.multi,
}


@pytest.mark.parametrize("name", FACTS["decorators"])
def test_decorators(name: str) -> None:
    if name == "@task.kubernetes":
        with pytest.raises(AttributeError, match="kubernetes"):
            _ = task.kubernetes
    elif name.startswith("@task."):
        assert callable(getattr(task, name.removeprefix("@task.")))
    else:
        assert callable(DECORATORS[name])


@pytest.mark.parametrize(
    "rule", [rule for rule in FACTS["trigger_rules"] if rule != "trigger_rule"]
)
def test_trigger_rules(rule: str) -> None:
    made: list[BaseOperator] = []
    notes = notes_of(lambda: made.append(EmptyOperator(task_id="t", trigger_rule=rule)))
    if rule == "none_failed_or_skipped":
        assert made[0].trigger_rule == "none_failed_min_one_success"
        assert notes == [
            "trigger_rule 'none_failed_or_skipped' is now called 'none_failed_min_one_success'."
        ]
    else:
        assert (made[0].trigger_rule, notes) == (rule, [])


SCHEDULES: dict[str, Any] = {
    "cron string": "0 6 * * *",
    "None": None,
    "timedelta()": timedelta(hours=6),
    "list": [Asset("x")],
    "CronDataIntervalTimetable()": CronDataIntervalTimetable("@daily", timezone="UTC"),
    "duration()": pendulum.duration(hours=1),
}


@pytest.mark.parametrize("kind", FACTS["schedules"])
@pytest.mark.parametrize("argument", ["schedule", "schedule_interval"])
def test_schedules(kind: str, argument: str) -> None:
    if kind == "'@every_5_minutes'":  # no preset of Airflow's: the files have a helper for it
        with pytest.raises(InvalidDag, match="every_5_minutes"):
            serialize_dag(DAG("d", schedule="@every_5_minutes"), "f.py")
        return
    value = kind.strip("'") if kind.startswith("'") else SCHEDULES.get(kind)
    if value is None and kind != "None":
        return  # computed in the file
    made: list[DAG] = []
    arguments: dict[str, Any] = {argument: value, "start_date": datetime(2026, 1, 1)}
    if value == "@continuous":
        arguments["max_active_runs"] = 1
    notes = notes_of(lambda: made.append(DAG("d", **arguments)))
    assert len(notes) == (argument == "schedule_interval")
    assert made[0].catchup == (argument == "schedule_interval")
    serialize_dag(made[0], "f.py")


# --- what tasks and templates see -----------------------------------------------------------------


def bench() -> Bench:
    made = Bench()
    made.plane.variables.update(plain="text", parsed='{"a": [1]}')
    made.plane.connections["lake"] = ConnectionValue(conn_id="lake", conn_type="http", host="h")
    made.run.update(conf={"a": 1})
    return made


CONTEXT_KEYS = {
    name.removeprefix("context['").removesuffix("']")
    for name in FACTS["context"]
    if name.startswith("context[")
}
ARGUMENT_NAMES = {
    name.removeprefix("def arg: ")
    for name in FACTS["context"]
    if name.startswith("def arg: ") and name != "def arg: context"
}
ONLY_IN_CALLBACKS = {"exception"}
GONE = {"conf"}
"""Airflow's configuration, which its version 3 took out of the context too: the name is too common
for parameters of people's own."""


@pytest.mark.parametrize("name", sorted(CONTEXT_KEYS - ONLY_IN_CALLBACKS - GONE))
def test_context_keys(name: str) -> None:
    def look(**context: Any) -> None:
        assert name in context
        assert context[name] is not None

    with DAG("d", schedule=None, params={"a": 1}):
        made = PythonOperator(task_id="t", python_callable=look, templates_dict={"a": "{{ ds }}"})
    bench().execute(made)


@pytest.mark.parametrize("name", sorted(ARGUMENT_NAMES - GONE))
def test_arguments_that_are_given_by_name(name: str) -> None:
    seen: list[Any] = []
    scope: dict[str, Any] = {"seen": seen}
    exec(f"def look({name}): seen.append({name})", scope)
    with DAG("d", schedule=None, params={"a": 1}):
        made = PythonOperator(
            task_id="t", python_callable=scope["look"], templates_dict={"a": "{{ ds }}"}
        )
    bench().execute(made)
    assert seen != [None]


TEMPLATES = {
    "conn.<id>": ("conn.lake.host", "h"),
    "dag": ("dag.dag_id", "d"),
    "dag_run": ("dag_run.run_id", "run_1"),
    "dag_run.conf": ("dag_run.conf['a']", "1"),
    "dag_run.execution_date": ("dag_run.execution_date | ds", "2026-01-15"),
    "dag_run.data_interval_end": ("dag_run.data_interval_end | ts", "2026-01-15T06:00:00+00:00"),
    "dag_run.get_task_instance": ("''", None),  # a row of the database; Airflow 3 lacks it too
    "ds": ("ds", "2026-01-15"),
    "ds_nodash": ("ds_nodash", "20260115"),
    "execution_date": ("execution_date.strftime('%H')", "06"),
    "filter | default": ("nothing | default('x')", "x"),
    "filter | ds": ("logical_date | ds", "2026-01-15"),
    "filter | fromjson": ("'[1]' | fromjson | first", None),
    "filter | lower": ("'A' | lower", "a"),
    "filter | strhash": ("'a' | strhash", None),
    "filter | tabulate": ("'a' | tabulate", None),
    "filter | ts": ("logical_date | ts", "2026-01-15T06:00:00+00:00"),
    "macros.dateutil": ("macros.dateutil.parser.parse('2026-01-15').year", "2026"),
    "macros.datetime": ("macros.datetime(2026, 1, 15).year", "2026"),
    "macros.ds_add": ("macros.ds_add(ds, 1)", "2026-01-16"),
    "macros.ds_format": ("macros.ds_format(ds, '%Y-%m-%d', '%d')", "15"),
    "macros.timedelta": ("execution_date - macros.timedelta(days=1)", "2026-01-14 06:00:00+00:00"),
    "next_ds": ("next_ds", "2026-01-15"),
    "next_execution_date": ("next_execution_date | ds", "2026-01-15"),
    "params": ("params.a", "1"),
    "prev_ds": ("prev_ds", "2026-01-15"),
    "prev_execution_date": ("prev_execution_date | ds", "2026-01-15"),
    "prev_start_date_success": ("prev_start_date_success", "None"),
    "task": ("task.task_id", "t"),
    "task_instance.xcom_pull": ("'a' if task_instance.xcom_pull else ''", "a"),
    "task_instance.log_url": ("'a' if task_instance.log_url is defined else ''", "a"),
    "ti.state": ("ti.state", "running"),
    "ti.xcom_pull": ("'a' if ti.xcom_pull else ''", "a"),
    "ti.xcom_push": ("ti.xcom_push(key='k', value=1)", "None"),
    "tomorrow_ds": ("tomorrow_ds", "2026-01-16"),
    "ts": ("ts", "2026-01-15T06:00:00+00:00"),
    "ts_nodash": ("ts_nodash", "20260115T060000"),
    "var.json": ("var.json.parsed.a[0]", "1"),
    "var.value": ("var.value.plain", "text"),
    "yesterday_ds": ("yesterday_ds", "2026-01-14"),
}
"""Name → an expression with it, and what that gives; None: a filter of the file's own, or gone."""


@pytest.mark.parametrize("name", FACTS["templates"])
def test_templates(name: str) -> None:
    expression, expected = TEMPLATES.get(name, (name, ""))
    if expected is None:
        return
    seen: list[Any] = []
    with DAG("d", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), params={"a": 1}):
        made = PythonOperator(
            task_id="t", python_callable=seen.append, op_args=[f"{{{{ {expression} }}}}"]
        )
    bench().execute(made)
    assert seen == [expected] or (expected == "" and seen[0])
