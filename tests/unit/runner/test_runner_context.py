"""The context: what it holds, what it computes only when asked, and what old names mean."""

import asyncio
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tradewind.core import protocol
from tradewind.core.protocol import DagSource, Reply, Request, RunInfo, WorkOrder
from tradewind.core.states import DagRunType
from tradewind.runner.context import LazyValue, TaskContext
from tradewind.runner.task_instance import TaskInstance
from tradewind.sdk.assets import Asset, AssetAlias
from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.comms import set_channel
from tradewind.sdk.dag import DAG
from tradewind.sdk.partitions import StartOfDayMapper
from tradewind.sdk.timetables import CronPartitionTimetable, PartitionedAssetTimetable

AT = datetime(2026, 1, 15, 6, tzinfo=UTC)


class Channel:
    """Answers from a table by the request's class; keeps what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[Request] = []

    def request(self, message: Request) -> Reply:
        self.asked.append(message)
        answer = self.answers[type(message).__name__]
        reply: Reply = answer(message) if callable(answer) else answer
        return reply


def instance(channel: Channel | None = None, **more: Any) -> TaskInstance:
    with DAG("d", schedule=more.pop("schedule", None), params={"size": 1}) as dag:
        task = BaseOperator(task_id="t", **more.pop("task", {}))
        mapped = BaseOperator.partial(task_id="m").expand(doc=["a", "b"])
    assert mapped.dag is dag
    run = {
        "run_type": DagRunType.MANUAL,
        "logical_date": AT,
        "interval_start": AT,
        "interval_end": AT,
        **more.pop("run", {}),
    }
    order = WorkOrder(
        attempt_id=7,
        task_instance_id=8,
        source=DagSource(bundle="b", digest="x", file="f.py", root="/r"),
        run=RunInfo(dag_id="d", run_id="r", run_after=AT, **run),
        task_id="t",
        **more,
    )
    return TaskInstance(order, task, channel or Channel())


# --- the mapping -------------------------------------------------------------------------------


def test_lazy_entries_are_computed_once_and_when_asked() -> None:
    calls: list[str] = []

    def compute() -> str:
        calls.append("x")
        return "value"

    context = TaskContext({"ready": 1}, {"lazy": compute})
    assert ("lazy" in context, len(context), list(context)) == (True, 2, ["ready", "lazy"])
    assert calls == []
    assert [context["lazy"], context["lazy"], context.get("lazy")] == ["value"] * 3
    assert calls == ["x"]


def test_it_is_a_dict_for_everything_that_copies_it() -> None:
    def fresh() -> TaskContext:
        return TaskContext({"a": 1}, {"b": lambda: 2})

    whole = {"a": 1, "b": 2}
    assert isinstance(fresh(), dict)
    assert dict(fresh()) == whole
    assert {**fresh()} == whole
    assert (lambda **kwargs: kwargs)(**fresh()) == whole
    assert fresh().copy() == whole
    assert dict(fresh().items()) == whole
    assert list(fresh().values()) == [1, 2]
    assert fresh() == whole
    assert repr(fresh()) == repr(whole)
    assert "{a}{b}".format(**fresh()) == "12"


def test_writing_replaces_lazy_entries() -> None:
    context = TaskContext({}, {"a": lambda: 1, "b": lambda: 2, "c": lambda: 3})
    context["a"] = 10
    context.update(b=20, d=40)
    del context["c"]
    assert context.pop("d") == 40
    assert context.setdefault("b", 0) == 20
    assert dict(context) == {"a": 10, "b": 20}
    with pytest.raises(KeyError):
        context["c"]


def test_a_lazy_entry_that_fails_can_be_asked_again() -> None:
    answers = iter([1 // 1])

    def compute() -> int:
        return next(answers)

    context = TaskContext({}, {"a": compute, "b": lambda: 1 / 0})
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            context["b"]
    assert context["a"] == 1


def test_a_lazy_value_acts_as_the_value() -> None:
    calls: list[int] = []

    def compute() -> datetime:
        calls.append(1)
        return AT

    value = LazyValue(compute)
    assert calls == []
    assert value == AT
    assert (str(value), f"{value:%Y}", value.year) == (str(AT), "2026", 2026)
    assert value < AT + timedelta(1)
    assert value - AT == timedelta(0)
    assert AT - value == timedelta(0)
    assert calls == [1]
    assert not LazyValue(lambda: None)
    assert pickle.loads(pickle.dumps(value)) == AT
    assert type(pickle.loads(pickle.dumps(value))) is datetime


# --- the entries -------------------------------------------------------------------------------


def test_dates_of_a_run() -> None:
    context = instance().context
    assert context["ds"] == "2026-01-15"
    assert context["ds_nodash"] == "20260115"
    assert context["ts"] == "2026-01-15T06:00:00+00:00"
    assert context["ts_nodash"] == "20260115T060000"
    assert context["ts_nodash_with_tz"] == "20260115T060000+0000"
    assert context["logical_date"].add(days=1).day == 16
    assert context["task_instance_key_str"] == "d__t__20260115"
    assert str(context["data_interval_end"]) == "2026-01-15 06:00:00+00:00"


def test_a_run_without_a_logical_date() -> None:
    context = instance(run={"logical_date": None}).context
    for name in ("ds", "ts", "logical_date", "data_interval_start", "execution_date", "next_ds"):
        assert name not in context
    assert context["task_instance_key_str"] == "d__t__r"
    assert str(context["prev_start_date_success"]) == "None"


def test_old_names_of_a_manual_run_point_at_itself() -> None:
    context = instance().context
    assert context["execution_date"] == context["logical_date"]
    assert context["next_execution_date"] == context["prev_execution_date"] == AT
    assert (context["next_ds"], context["prev_ds_nodash"]) == ("2026-01-15", "20260115")
    assert (context["tomorrow_ds"], context["yesterday_ds"]) == ("2026-01-16", "2026-01-14")
    assert context["tomorrow_ds_nodash"] == "20260116"


def test_old_names_of_a_scheduled_run_follow_the_schedule() -> None:
    first, second = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    run = {
        "run_type": DagRunType.SCHEDULED,
        "logical_date": first,
        "interval_start": first,
        "interval_end": second,
    }
    with DAG("d", schedule_interval="@monthly", start_date=datetime(2025, 1, 1, tzinfo=UTC)) as dag:
        BaseOperator(task_id="t")
    ti = instance(run=run)
    ti.task = dag.task_dict["t"]
    assert ti.context["next_ds"] == "2026-04-01"
    assert ti.context["prev_ds"] == "2026-02-01"


@pytest.mark.parametrize(
    "step", [timedelta(microseconds=1), timedelta(days=2), timedelta(days=900)]
)
def test_the_date_before_is_one_step_away_however_long_it_is(step: timedelta) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    run = {
        "run_type": DagRunType.SCHEDULED,
        "logical_date": moment,
        "interval_start": moment,
        "interval_end": moment,
    }
    with DAG("d", schedule=step, start_date=datetime(2025, 1, 1, tzinfo=UTC)) as dag:
        BaseOperator(task_id="t")
    ti = instance(run=run)
    ti.task = dag.task_dict["t"]
    assert ti.context["prev_execution_date"] == moment - step


def test_run_type_is_shown_as_airflow_shows_it() -> None:
    dag_run = instance().context["dag_run"]
    assert str(dag_run.run_type) == "DagRunType.MANUAL"
    assert dag_run.run_type == "manual"
    assert dag_run.external_trigger
    assert dag_run.logical_date == dag_run.execution_date == AT


def test_params_are_validated_and_overridden_by_conf() -> None:
    assert instance().context["params"] == {"size": 1}
    assert instance(run={"conf": {"size": 2, "more": 3}}).context["params"] == {
        "size": 2,
        "more": 3,
    }


def test_variables_connections_and_macros() -> None:
    channel = Channel(
        GetVariable=lambda m: protocol.VariableReply(found=m.key == "v", value='{"a": 1}'),
        GetConnection=lambda m: protocol.ConnectionReply(
            connection=protocol.ConnectionValue(conn_id="c", conn_type="http", host="h")
            if m.conn_id == "c"
            else None
        ),
    )
    set_channel(channel)
    try:
        context = instance(channel).context
        assert context["var"]["value"].v == '{"a": 1}'
        assert context["var"]["json"].v == {"a": 1}
        assert context["var"]["value"].get("absent", "dflt") == "dflt"
        assert context["var"]["json"].get("absent", default_var=[]) == []
        assert context["conn"].c.host == "h"
        assert context["conn"].get("absent", "none") == "none"
    finally:
        set_channel(None)
    assert context["macros"].ds_add("2026-01-01", 1) == "2026-01-02"


def test_previous_success_is_asked_for_when_used_and_once() -> None:
    before = RunInfo(
        dag_id="d", run_id="p", run_type=DagRunType.MANUAL, run_after=AT, interval_start=AT
    )
    channel = Channel(GetPreviousDagRun=protocol.DagRunReply(run=before))
    context = instance(channel).context
    start = context["prev_data_interval_start_success"]
    end = context["prev_data_interval_end_success"]
    assert channel.asked == []
    assert (start == AT, str(end)) == (True, "None")
    assert len(channel.asked) == 1


def test_building_a_context_asks_for_nothing_and_imports_no_pendulum() -> None:
    import subprocess
    import sys

    code = (
        "import sys\n"
        "sys.path.insert(0, 'tests')\n"
        "from unit.runner.test_runner_context import instance, Channel\n"
        "ti = instance()\n"
        "before = set(sys.modules)\n"
        "ti.context['ds'], ti.context['run_id'], 'execution_date' in ti.context\n"
        "assert not {m for m in set(sys.modules) - before if 'tradewind' not in m}, 'imports'\n"
        "assert 'jinja2' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- XComs -------------------------------------------------------------------------------------


def xcoms(message: protocol.GetXCom) -> protocol.XComReply:
    values: dict[tuple[str, int | None], Any] = {
        ("a", None): 1,
        ("a", -1): 1,
        ("m", None): ["x", "y"],
        ("m", 0): "x",
        ("m", 1): "y",
    }
    key = (message.task_id, message.map_index)
    assert not isinstance(message.map_index, list)
    return protocol.XComReply(found=key in values, value=values.get(key))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"task_ids": "a"}, 1),
        ({"task_ids": "absent"}, None),
        ({"task_ids": "absent", "default": 5}, None),  # as in Airflow
        ({"task_ids": ["a", "absent"]}, [1, None]),
        ({"task_ids": ["a"]}, [1]),
        ({"task_ids": "m"}, ["x", "y"]),
        ({"task_ids": ["a", "m"]}, [1, "x", "y"]),
        ({"task_ids": "m", "map_indexes": 1}, "y"),
        ({"task_ids": "m", "map_indexes": [1, 0]}, ["y", "x"]),
        ({"task_ids": "m", "map_indexes": range(2)}, ["x", "y"]),
        ({"task_ids": "m", "map_indexes": 9, "default": "d"}, "d"),
        ({"task_ids": "a", "map_indexes": None}, 1),
        ({}, None),
    ],
)
def test_xcom_pull(arguments: dict[str, Any], expected: Any) -> None:
    assert instance(Channel(GetXCom=xcoms)).xcom_pull(**arguments) == expected


def test_xcom_pull_says_where_to_look() -> None:
    channel = Channel(GetXCom=protocol.XComReply(found=False))
    ti = instance(channel)
    ti.xcom_pull("a", dag_id="e", key="k", include_prior_dates=True, run_id="other")
    ti.xcom_pull(key="k")
    assert channel.asked == [
        protocol.GetXCom(
            dag_id="e", run_id="other", task_id="a", key="k", include_prior_dates=True
        ),
        protocol.GetXCom(dag_id="d", run_id="r", task_id="t", key="k"),
    ]


def test_xcoms_in_coroutines() -> None:
    channel = Channel(GetXCom=xcoms, SetXCom=protocol.Ok())
    ti = instance(channel)
    assert asyncio.run(ti.axcom_pull(task_ids="m", map_indexes=0)) == "x"
    asyncio.run(ti.axcom_push("k", 1))
    assert channel.asked[-1] == protocol.SetXCom(attempt_id=7, key="k", value=1)


def test_xcom_push_encodes() -> None:
    channel = Channel(SetXCom=protocol.Ok())
    instance(channel).xcom_push("k", AT)
    (message,) = channel.asked
    assert isinstance(message, protocol.SetXCom)
    assert (message.attempt_id, message.key) == (7, "k")
    assert message.value["__classname__"].endswith("datetime")


# --- assets ------------------------------------------------------------------------------------


def event(number: int, name: str, **more: Any) -> protocol.AssetEvent:
    return protocol.AssetEvent(
        id=number, timestamp=AT, asset_name=name, asset_uri=f"s3://{name}", **more
    )


def test_triggering_asset_events() -> None:
    consumed = [event(1, "a", extra={"n": 1}), event(2, "a"), event(3, "b", alias_names=["any"])]
    events = instance(run={"consumed_asset_events": consumed}).context["triggering_asset_events"]
    assert [e.id for e in events[Asset("a")]] == [1, 2]
    assert events[Asset("a")][0].extra == {"n": 1}
    assert [e.id for e in events[AssetAlias("any")]] == [3]
    assert [e.id for e in events.for_asset(uri="s3://b")] == [3]
    assert [e.id for e in events["s3://b"]] == [3]  # Airflow 2's keys
    assert len(events) == 3
    with pytest.raises(KeyError):
        events[Asset("c")]


def test_inlet_events() -> None:
    channel = Channel(GetAssetEvents=protocol.AssetEventsReply(events=[event(1, "a")]))
    ti = instance(channel, task={"inlets": [Asset("a")]})
    found = ti.context["inlet_events"][Asset("a")].after("2026-01-01").ascending(False).limit(1)
    assert channel.asked == []
    assert (len(found), found[-1].id) == (1, 1)
    (query,) = channel.asked
    assert isinstance(query, protocol.GetAssetEvents)
    assert (query.asset_name, query.limit, query.ascending) == ("a", 1, False)
    assert query.after == datetime(2026, 1, 1, tzinfo=UTC)
    assert ti.context["inlet_events"][0] is not None
    with pytest.raises(KeyError):
        ti.context["inlet_events"][Asset("b")]


def test_outlet_event_accessors_refuse_nonsense() -> None:
    events = instance().context["outlet_events"]
    with pytest.raises(TypeError, match="alias"):
        events[AssetAlias("x")].add_partitions("p")
    with pytest.raises(ValueError, match="empty"):
        events[Asset("a")].add_partitions(" ")
    with pytest.raises(ValueError, match="at most 250"):
        events[Asset("a")].add_partitions("p" * 251)
    with pytest.raises(TypeError, match="asset"):
        events["a"]


@pytest.mark.parametrize(
    ("schedule", "key", "date"),
    [
        (CronPartitionTimetable("0 0 * * *", timezone="UTC"), "2026-01-15T00:00:00", "2026-01-15"),
        (
            PartitionedAssetTimetable(
                assets=Asset("a"), default_partition_mapper=StartOfDayMapper()
            ),
            "2026-01-15",
            "2026-01-15",
        ),
        (CronPartitionTimetable("0 0 * * *", timezone="UTC"), "somebody's own", None),
        (PartitionedAssetTimetable(assets=Asset("a")), "eu", None),
        (None, "eu", None),
        (None, None, None),
    ],
)
def test_the_partition_has_the_date_that_its_key_stands_for(
    schedule: Any, key: str | None, date: str | None
) -> None:
    ti = instance(schedule=schedule, run={"partition_key": key})
    found = ti.context["partition_date"]

    assert found == ti.dag_run.partition_date
    assert (found and found.to_date_string()) == date
