import inspect
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.authoring import Work, arrows
from tradewind.core import dag as core
from tradewind.core.errors import InvalidDag
from tradewind.sdk import DAG, Asset, BaseOperatorLink, Param, TaskGroup, dag, task
from tradewind.sdk.authoring import recording
from tradewind.sdk.exceptions import (
    AirflowDagCycleException,
    DuplicateTaskIdFound,
    FailFastDagInvalidTriggerRule,
)
from tradewind.sdk.old_names import OldNameWarning, note_old_name
from tradewind.sdk.serialize import serialize_dag

START = datetime(2026, 1, 1, tzinfo=UTC)
NAME = Param("x", type="string")


def test_schedule_interval_brings_the_old_semantics() -> None:
    old = DAG("d", schedule_interval="@daily", start_date=START)
    new = DAG("d", schedule="@daily", start_date=START)

    assert old.catchup
    assert serialize_dag(old, "f.py").timetable == core.CronInterval(cron="0 0 * * *")
    assert not new.catchup
    assert serialize_dag(new, "f.py").timetable == core.CronTrigger(
        crons=["0 0 * * *"], run_immediately=False
    )


@pytest.mark.parametrize(
    ("arguments", "attribute", "value"),
    [
        ({"concurrency": 3}, "max_active_tasks", 3),
        ({"fail_stop": True}, "fail_fast", True),
        ({"default_view": "tree"}, "dag_id", "d"),
        ({"orientation": "TB"}, "dag_id", "d"),
        ({"sla_miss_callback": print}, "dag_id", "d"),
        ({"schedule_interval": timedelta(hours=1), "catchup": False}, "catchup", False),
        ({"schedule_interval": None}, "catchup", False),
    ],
)
def test_older_arguments_are_taken_with_a_note(
    arguments: dict[str, Any], attribute: str, value: object
) -> None:
    with pytest.warns(OldNameWarning, match=rf"DAG argument {next(iter(arguments))} is "):
        made = DAG("d", **arguments)

    assert getattr(made, attribute) == value


def test_catchup_needs_a_start_date_only_when_it_was_asked_for() -> None:
    assert not DAG("d", schedule_interval="@daily").catchup
    with pytest.raises(ValueError, match="start_date is required"):
        DAG("d", schedule="@daily", catchup=True)


def test_schedule_as_third_positional_argument() -> None:
    assert DAG("d", "text", "@weekly").schedule == "@weekly"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"dag_id": "a b"}, ValueError),
        ({"dag_id": "d", "nonsense": 1}, TypeError),
        ({"dag_id": "d", "start_date": "2026-01-01"}, AttributeError),
        ({"dag_id": "d", "tags": ["t" * 101]}, ValueError),
        ({"dag_id": "d", "schedule": 5}, ValueError),
        ({"dag_id": "d", "schedule": ["not an asset"]}, ValueError),
        ({"dag_id": "d", "schedule": "@daily", "schedule_interval": "@daily"}, TypeError),
        ({"dag_id": "d", "schedule": "@continuous", "max_active_runs": 2}, ValueError),
        ({"dag_id": "d", "dagrun_timeout": 5}, TypeError),
        ({"dag_id": "d", "default_args": ["x"]}, TypeError),
        ({"dag_id": "d", "schedule": "@daily", "params": {"p": Param(type="string")}}, ValueError),
        ({"dag_id": "d", "schedule": "@daily", "allowed_run_types": "manual"}, ValueError),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        DAG(**arguments)


def test_dates_in_default_args_may_be_text() -> None:
    made = DAG("d", default_args={"start_date": "2026-01-01"})

    assert made.start_date == START


def test_the_zone_is_the_start_dates() -> None:
    import pendulum

    made = DAG("d", schedule="0 2 * * *", start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Tokyo"))

    document = serialize_dag(made, "f.py")
    assert document.timezone == "Asia/Tokyo"
    assert document.start_date == datetime(2025, 12, 31, 15, tzinfo=UTC)
    assert type(document.start_date) is datetime


def test_default_args_of_dag_groups_and_task() -> None:
    with DAG("d", default_args={"retries": 1, "owner": "dag", "text": "t"}) as made:
        first = Work(task_id="first")
        with TaskGroup("g", default_args={"retries": 2}):
            second = Work(task_id="second", owner="own")
            third = Work(task_id="third", default_args={"retries": 3}, retry_delay=30)

    assert (first.retries, first.owner, first.text) == (1, "dag", "t")
    assert (second.retries, second.owner, second.task_id) == (2, "own", "g.second")
    assert (third.retries, third.retry_delay) == (3, timedelta(seconds=30))
    assert made.owner == "dag, own"


def test_task_arguments_of_older_files() -> None:
    with recording(), DAG("d", schedule=None) as made:
        task_a = Work("a", provide_context=True, task_concurrency=2, trigger_rule="dummy")
        mapped = Work.partial(task_id="b", task_concurrency=3).expand(text=["x"])

    assert (task_a.task_id, task_a.max_active_tis_per_dag, task_a.trigger_rule) == (
        "a",
        2,
        "always",
    )
    assert mapped.max_active_tis_per_dag == 3
    line = inspect.getsourcelines(test_task_arguments_of_older_files)[1] + 2
    assert sorted(made.warnings) == [
        f"test_dag.py:{line}: A positional task id: write task_id=...",
        f"test_dag.py:{line}: The argument provide_context is ignored: the context is always"
        " passed.",
        f"test_dag.py:{line}: The argument task_concurrency is now called max_active_tis_per_dag.",
        f"test_dag.py:{line}: trigger_rule 'dummy' is now called 'always'.",
        f"test_dag.py:{line + 1}: The argument task_concurrency is now called"
        " max_active_tis_per_dag.",
    ]


def test_old_arguments_that_a_subclass_gives_itself() -> None:
    class Old(Work):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(provide_context=True, task_concurrency=2, **kwargs)

    with DAG("d"), pytest.warns(OldNameWarning) as noted:
        made = Old(task_id="a")
    assert made.max_active_tis_per_dag == 2
    assert {note.filename for note in noted} == {__file__}


def test_a_dag_of_an_old_file_that_would_have_run_daily_is_warned() -> None:
    with recording():
        old, new = DAG("old"), DAG("new", schedule=None)
        note_old_name("a is an old name; write b.")
    with recording():
        modern = DAG("modern")
    assert any("ran such a DAG daily" in note for note in old.warnings)
    assert len(new.warnings) == 1
    assert modern.warnings == []


def test_old_default_args_are_noted() -> None:
    with pytest.warns(OldNameWarning) as noted:
        dag = DAG("d", default_args={"provide_context": True, "task_concurrency": 2})
    assert [str(note.message) for note in noted] == [
        "task_concurrency in default_args is now called max_active_tis_per_dag.",
        "provide_context in default_args is ignored: the context is always passed.",
    ]
    with dag:
        assert Work(task_id="a").max_active_tis_per_dag == 2


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, TypeError),
        ({"task_id": "has space"}, ValueError),
        ({"task_id": "a", "nonsense": 1}, TypeError),
        ({"task_id": "a", "pool_slots": 0}, ValueError),
        ({"task_id": "a", "priority_weight": "high"}, TypeError),
        ({"task_id": "a", "execution_timeout": 30}, ValueError),
        ({"task_id": "a", "trigger_rule": "never"}, ValueError),
        ({"task_id": "a", "retries": "many"}, TypeError),
    ],
)
def test_bad_task_arguments(arguments: dict[str, Any], error: type[Exception]) -> None:
    with DAG("d"), pytest.raises(error):
        Work(**arguments)


def test_ids_are_unique() -> None:
    with DAG("d"):
        Work(task_id="a")
        with pytest.raises(DuplicateTaskIdFound, match="'a'"):
            Work(task_id="a")
        TaskGroup("g")
        with pytest.raises(DuplicateTaskIdFound, match="'g'"):
            Work(task_id="g")
        with pytest.raises(DuplicateTaskIdFound, match="'g'"):
            TaskGroup("g")


def test_a_circle_is_named() -> None:
    with DAG("d") as made:
        a, b, c = (Work(task_id=name) for name in "abc")
        Work(task_id="before") >> a >> b >> c >> a

    with pytest.raises(AirflowDagCycleException, match="a >> b >> c >> a") as caught:
        serialize_dag(made, "f.py")
    assert isinstance(caught.value, InvalidDag)


@pytest.mark.parametrize(
    ("arguments", "task_arguments", "words"),
    [
        ({"schedule": "61 * * * *"}, {}, ["'d'", "61"]),
        ({"schedule": "every day"}, {}, ["'d'", "every day"]),
        ({}, {"weight_rule": "nope"}, ["'d'", "'a'", "nope"]),
        ({}, {"executor_config": {"x": object()}}, ["'d'", "'a'", "executor_config.x"]),
        ({}, {"run_as_user": "nobody-we-know"}, ["'d'", "'a'", "run_as_user='nobody-we-know'"]),
        ({}, {"retry_exponential_backoff": 2.0, "pool": "p", "queue": 5}, ["queue"]),
    ],
)
def test_what_is_found_when_serializing_names_dag_task_and_argument(
    arguments: dict[str, Any], task_arguments: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises((InvalidDag, TypeError)) as caught:  # noqa: PT012  # either may find it
        with DAG("d", **arguments) as made:
            Work(task_id="a", **task_arguments)
        serialize_dag(made, "f.py")

    for word in words:
        assert word in str(caught.value)


def test_setups_need_all_success_below() -> None:
    with DAG("d") as made:
        Work(task_id="s").as_setup() >> Work(task_id="w", trigger_rule="all_done")

    with pytest.raises(InvalidDag, match="'w' after setup 's'"):
        serialize_dag(made, "f.py")


def test_fail_fast_wants_all_success() -> None:
    with DAG("d", fail_fast=True):
        Work(task_id="teardown").as_teardown()
        with pytest.raises(FailFastDagInvalidTriggerRule):
            Work(task_id="a", trigger_rule="all_done")


def test_dag_decorator() -> None:
    with recording() as registered:

        @dag(schedule=None, tags=["b", "a"])
        def made(count: int = 3, name: Any = NAME) -> None:
            """What it does."""

            @task
            def use(value: Any) -> Any:
                return value

            use(count) >> use(name)

        result = made()

    assert registered == [result]
    assert result.dag_id == "made"
    assert result.doc_md == "What it does."
    assert dict(result.params) == {"count": 3, "name": "x"}
    assert arrows(result) == {"use": ["use__1"], "use__1": []}
    assert result.fileloc == __file__


def test_dags_without_a_name_in_the_file_are_found() -> None:
    with recording() as registered:
        with DAG("seen"):
            pass
        with DAG("hidden", auto_register=False):
            pass
        DAG("loose")

    assert [made.dag_id for made in registered] == ["seen"]


def test_a_task_takes_the_dag_of_its_neighbour() -> None:
    made = DAG("d")
    inside, outside = Work(task_id="in", dag=made), Work(task_id="out")

    inside >> outside

    assert outside.dag is made
    with pytest.raises(RuntimeError, match="more than one Dag"):
        inside >> Work(task_id="other", dag=DAG("e"))
    with pytest.raises(ValueError, match="don't have Dags yet"):
        Work(task_id="x") >> Work(task_id="y")


def test_the_document_is_in_topological_order_with_ties_by_id() -> None:
    with DAG("d") as made:
        z, b, a, last = (Work(task_id=name) for name in ("z", "b", "a", "last"))
        [z, b, a] >> last
        Work(task_id="c") >> z

    order = [spec.task_id for spec in serialize_dag(made, "f.py").tasks]

    assert order == ["a", "b", "c", "z", "last"]


def test_document_of_a_dag_with_most_arguments(tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("# Notes")
    with DAG(
        "d",
        description="text",
        schedule=timedelta(hours=6),
        start_date=START,
        end_date=datetime(2027, 1, 1, tzinfo=UTC),
        dagrun_timeout=timedelta(minutes=5),
        max_active_runs=2,
        tags={"z", "a"},
        doc_md=str(notes),
        access_control={"role": {"DAGs": {"can_read", "can_edit"}}},
        on_failure_callback=print,
        params={"p": Param(1, type="integer", description="how many")},
    ) as made:
        Work(
            task_id="a",
            retry_exponential_backoff=True,
            max_retry_delay=60,
            execution_timeout=timedelta(seconds=5),
            wait_for_downstream=True,
            on_success_callback=[print],
            params={"own": 2},
            start_date=datetime(2026, 6, 1),
            executor_config={"times": (timedelta(seconds=1), START)},
        )

    document = serialize_dag(made, "dir/f.py")

    assert core.decode(core.encode(document)) == document
    assert document.tags == ["a", "z"]
    assert document.doc_md == "# Notes"
    assert document.access_control == {"role": {"DAGs": ["can_edit", "can_read"]}}
    assert document.callbacks == ["on_failure"]
    assert document.params["p"] == core.ParamSpec(
        default=1, description="how many", schema={"type": "integer"}
    )
    (spec,) = document.tasks
    assert spec.retry_exponential_backoff == 2.0
    assert spec.max_retry_delay_seconds == 60.0
    assert spec.execution_timeout_seconds == 5.0
    assert spec.depends_on_past
    assert spec.callbacks == ["on_success"]
    assert list(spec.params) == ["own"]
    assert spec.start_date == datetime(2026, 6, 1, tzinfo=UTC)
    assert spec.end_date is None
    assert spec.executor_config == {"times": [1.0, "2026-01-01T00:00:00+00:00"]}


def test_what_people_are_shown_is_in_the_document() -> None:
    class Console(BaseOperatorLink):
        name = "The console"

    class Linked(Work):
        operator_extra_links = (Console(),)

    with (
        DAG(
            "d",
            dag_display_name="The DAG",
            owner_links={"ann": "mailto:ann@example.org"},
            default_args={"owner": "ann"},
        ) as made,
        TaskGroup("g", tooltip="hover", doc_md="**g**", group_display_name="The group"),
    ):
        Linked(task_id="a", task_display_name="The task", doc_md="*a*", inlets=[Asset("x")])
        Linked.partial(task_id="m", map_index_template="{{ 1 }}").expand(doc=["b"])

    document = core.decode(core.encode(serialize_dag(made, "f.py")))

    assert document.display_name == "The DAG"
    assert document.owner_links == {"ann": "mailto:ann@example.org"}
    assert document.owners == ["ann"]
    (group,) = document.groups
    assert (group.tooltip, group.doc_md, group.display_name) == ("hover", "**g**", "The group")
    plain, mapped = document.tasks
    assert (plain.display_name, plain.doc_md, plain.owner) == ("The task", "*a*", "ann")
    assert plain.inlets == [core.AssetRef(name="x", uri="x")]
    assert mapped.has_map_index_template
    assert plain.extra_links == mapped.extra_links == {"The console": "_link_Console"}


def test_old_names_of_the_file_become_notes_of_its_dags() -> None:
    with recording():
        made = DAG("d", schedule=None)
        note_old_name("a is an old name; write b.")
        with pytest.warns(UserWarning, match="another warning"):
            warnings.warn("another warning", stacklevel=1)
    after = DAG("e")

    (note,) = made.warnings
    assert note.startswith("test_dag.py:")
    assert note.endswith(": a is an old name; write b.")
    assert after.warnings == []
