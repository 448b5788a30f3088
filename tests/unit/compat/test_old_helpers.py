"""The few things that exist for older DAG files only."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.task_bench import AT, Bench, connected
from tradewind.compat import database, dates, helpers, kerberos
from tradewind.compat.context import SetupTeardownContext, context_merge
from tradewind.compat.database import (
    DagRun,
    NoMetadataDatabase,
    Session,
    TaskInstance,
    create_session,
    provide_session,
)
from tradewind.compat.plugins import AirflowPlugin
from tradewind.compat.states import State, TaskInstanceState
from tradewind.compat.subdag import SubDagOperator, subdag
from tradewind.compat.timeout import timeout
from tradewind.compat.trigger import trigger_dag
from tradewind.core.errors import UserError
from tradewind.core.protocol import DagRunReply, RunInfo, TriggerDagRun
from tradewind.core.states import DagRunType
from tradewind.sdk.authoring import recording
from tradewind.sdk.dag import DAG
from tradewind.sdk.edges import Label
from tradewind.sdk.exceptions import AirflowTaskTimeout
from tradewind.sdk.old_names import OldNameWarning
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.taskgroup import TaskGroup


def test_dates() -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert dates.days_ago(0) in {today, today + timedelta(days=1)}  # midnight may pass
    assert dates.days_ago(3, hour=5) - dates.days_ago(4, hour=5) == timedelta(days=1)
    start = datetime(2026, 1, 1)
    assert dates.date_range(start, num=2) == [start, datetime(2026, 1, 2)]
    assert dates.date_range(start, num=-2) == [datetime(2025, 12, 31), start]
    assert dates.date_range(start, datetime(2026, 1, 3), delta=timedelta(2)) == [
        *(start, datetime(2026, 1, 3))
    ]
    with pytest.raises(ValueError, match="either"):
        dates.date_range(start)
    rounded = dates.round_time(datetime(2026, 1, 1, 6, 40), timedelta(hours=1))
    assert rounded == datetime(2026, 1, 1, 7)
    assert dates.infer_time_unit([130, 5]) == "minutes"
    assert dates.infer_time_unit([]) == "seconds"
    assert dates.scale_time_units([120], "minutes") == [2.0]
    assert dates.parse_execution_date("2026-01-15T06:00:00") == AT


def test_helpers() -> None:
    assert list(helpers.chunks([1, 2, 3], 2)) == [[1, 2], [3]]
    with pytest.raises(ValueError, match="positive"):
        list(helpers.chunks([1], 0))
    assert helpers.merge_dicts({"a": {"x": 1}, "b": 1}, {"a": {"y": 2}}) == {
        **{"a": {"x": 1, "y": 2}, "b": 1}
    }
    nested = {"a": None, "b": "", "c": [None, "", 1], "d": {"e": None}}
    assert helpers.prune_dict(nested) == {"b": "", "c": ["", 1], "d": {}}
    assert helpers.prune_dict(nested, mode="truthy") == {"c": [1]}
    assert helpers.exactly_one(None, 1)
    assert not helpers.exactly_one(1, 2)
    assert helpers.convert_camel_to_snake("LocalTaskJob") == "local_task_job"
    assert helpers.is_container([])
    assert helpers.as_flattened_list([1, [2, ["three"]], ()]) == [1, 2, "three"]
    assert not helpers.is_container("text")
    assert helpers.to_boolean("Yes")
    assert not helpers.to_boolean(None)
    assert helpers.import_string("datetime.datetime") is datetime
    for path in ("datetime", "datetime.nothing"):
        with pytest.raises(ImportError):
            helpers.import_string(path)
    assert helpers.qualname(datetime) == "datetime.datetime"
    assert helpers.apply_defaults(print) is print


def test_states() -> None:
    assert State.NONE is None
    assert None in State.unfinished
    assert State.SKIPPED in State.finished
    assert set(State.task_states) - {None} == set(TaskInstanceState) - {TaskInstanceState.NONE}


def test_the_metadata_database_is_refused_when_it_is_used() -> None:
    @provide_session
    def annotated(run: DagRun, ti: TaskInstance, session: Any = None) -> str:
        return "works"

    assert annotated(None, None) == "works"  # type: ignore[arg-type]
    with pytest.raises(NoMetadataDatabase, match=r"DagRun\.find needs Airflow's metadata"):
        DagRun.find(dag_id="d")
    with pytest.raises(NoMetadataDatabase, match=r"TaskInstance\(\.\.\.\)"):
        TaskInstance(None, None)
    with pytest.raises(NoMetadataDatabase), create_session():
        pass


def test_context_merge() -> None:
    context: dict[str, Any] = {"a": 1, "b": 1}
    context_merge(context, {"b": 2}, c=3)
    assert context == {"a": 1, "b": 2, "c": 3}


def test_a_plugin_can_be_defined_and_says_that_it_is_not_loaded() -> None:
    with pytest.warns(OldNameWarning, match="does not load plugins, Mine neither"):

        class Mine(AirflowPlugin):
            name = "mine"


def test_timeout_ends_the_block_and_keeps_the_limit_around_it() -> None:
    with pytest.raises(AirflowTaskTimeout, match="too long"), timeout(0.05, "too long"):
        time.sleep(30)
    with pytest.raises(AirflowTaskTimeout, match="outer"):
        _work_under_two_limits()


def _work_under_two_limits() -> None:
    with timeout(0.2, "outer"):
        with timeout(20, "inner"):
            pass
        time.sleep(30)


def test_trigger_dag() -> None:
    bench = Bench()
    made = RunInfo(dag_id="o", run_id="r", run_type=DagRunType.OPERATOR_TRIGGERED, run_after=AT)
    bench.plane.answers[TriggerDagRun] = DagRunReply(run=made)
    with connected(bench.plane):
        assert trigger_dag("o", run_id="r", conf='{"a": 1}', execution_date=AT) == made
    (order,) = bench.plane.of_type(TriggerDagRun)
    assert (order.run_id, order.conf, order.logical_date) == ("r", {"a": 1}, AT)


def test_setup_teardown_context() -> None:
    with DAG("d", schedule=None):
        setup = EmptyOperator(task_id="s").as_setup()
        with SetupTeardownContext.add_task(setup):
            EmptyOperator(task_id="work")
    assert setup.downstream_task_ids == {"work"}


def test_a_subdag_becomes_a_task_group() -> None:
    with (
        recording() as registered,
        DAG("parent", schedule=None, default_args={"owner": "me"}) as dag,
    ):
        start, end = EmptyOperator(task_id="start"), EmptyOperator(task_id="end")
        with DAG("parent.section", schedule=None, start_date=AT) as inner:
            one = EmptyOperator(task_id="one")
            with TaskGroup("deep"):
                two = EmptyOperator(task_id="two")
            one >> Label("then") >> two
        group = SubDagOperator(task_id="section", subdag=inner, executor="ignored")
        start >> group >> end
    assert sorted(dag.task_ids) == ["end", "section.deep.two", "section.one", "start"]
    assert start.downstream_task_ids == {"section.one"}
    assert end.upstream_task_ids == {"section.deep.two"}
    assert dag.get_task("section.one").downstream_task_ids == {"section.deep.two"}
    assert dag.get_edge_info("section.one", "section.deep.two") == {"label": "then"}
    assert [g.group_id for g in dag.task_group.iter_groups()] == ["section", "section.deep"]
    assert dag.task_group.get_task_group_dict()["section.deep"].dag is dag
    assert inner.task_ids == []
    assert registered == [dag]


def test_the_subdag_of_airflows_examples() -> None:
    with DAG("example", schedule=None) as dag:
        SubDagOperator(task_id="section-1", subdag=subdag("example", "section-1", {"owner": "x"}))
    assert len(dag.task_ids) == 5
    assert dag.get_task("section-1.section-1-task-5").owner == "x"


def test_columns_and_sessions_can_be_named_and_not_used() -> None:
    wanted = {"model": DagRun, "column": DagRun.execution_date, "session": Session()}
    assert wanted["column"] is not None
    with pytest.raises(NoMetadataDatabase, match=r"DagRun\.execution_date needs"):
        _ = DagRun.execution_date < datetime(2026, 1, 1)
    with pytest.raises(NoMetadataDatabase, match=r"Session\.query needs"):
        _ = Session().query
    with pytest.raises(NoMetadataDatabase, match=r"engine\.url\.x needs"):
        database.engine.url.x()


def test_kerberos_names() -> None:
    components = kerberos.get_components("hive/_HOST@REALM")
    assert components == ["hive", "_HOST", "REALM"]
    assert kerberos.replace_hostname_pattern(components, "Node.Net") == "hive/node.net@REALM"
    assert kerberos.replace_hostname_pattern(components).startswith("hive/")
    assert kerberos.get_components("") is None
    assert kerberos.principal_from_username("me", "REALM") == "me@REALM"
    assert kerberos.principal_from_username("me@OTHER", "REALM") == "me@OTHER"
    assert kerberos.get_kerberos_principal("mine") == "mine"
    with pytest.raises(UserError, match="renews no Kerberos tickets") as raised:
        kerberos.renew_from_kt("me", "/etc/keytab")
    assert "kinit" in (raised.value.hint or "")
