"""What becomes of user code, run by the real host in real processes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integration.runner.harness import AT, Bench, bench, run_info
from tradewind.core.protocol import (
    Deferred,
    Failed,
    Failure,
    OutletEvent,
    Rescheduled,
    Resume,
    SetRenderedFields,
    SetXCom,
    Skipped,
    Succeeded,
)
from tradewind.executors.base import AttemptReported

DAG_FILE = r'''
import os, sys, time
from datetime import datetime, timedelta, timezone

from tradewind.sdk.assets import Asset, AssetAlias
from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.comms import get_channel
from tradewind.sdk.dag import DAG
from tradewind.sdk.exceptions import *
from tradewind.core.protocol import GetVariable
from tradewind.sdk.triggers.base import BaseTrigger


class Do(BaseOperator):
    """Calls a function, or evaluates a text, with the operator and the context."""

    template_fields = ("text",)

    def __init__(self, *, do=None, text="", **kwargs):
        super().__init__(**kwargs)
        self.do = do
        self.text = text

    def execute(self, context):
        return self.do(self, context) if self.do else self.text

    def goes_on(self, context, event, **kwargs):
        return [event, kwargs]


class FromFile(Do):
    template_ext = (".txt",)

    def prepare_template(self):
        self.text = "prepared " + self.text


class Never(BaseTrigger):
    def serialize(self):
        return "some.where.Never", {"at": datetime(2026, 1, 1, tzinfo=timezone.utc)}

    async def run(self):
        yield None


def throw(error):
    def do(task, context):
        raise error
    return do


def swallow(task, context):
    try:
        time.sleep(60)
    except Exception:
        return "swallowed"


def forks(task, context):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return os.getpid()


def fork_asks(task, context):
    reader, writer = os.pipe()
    if not os.fork():
        try:
            get_channel().request(GetVariable(key="colour"))
        except Exception as error:
            os.write(writer, str(error).encode())
        os._exit(0)
    os.wait()
    return os.read(reader, 1000).decode()


class Policy:
    def __init__(self, action, delay=None):
        self.action, self.delay = action, delay

    def evaluate(self, *, exception, try_number, max_tries, context):
        class Decision:
            class action:
                value = self.action
            retry_delay = self.delay
            reason = f"{type(exception).__name__} at {try_number} of {max_tries}"
        return Decision


class Hooked(Do):
    def pre_execute(self, context):
        context["seen"] = ["pre"]

    def post_execute(self, context, result=None):
        context["ti"].xcom_push(key="post", value=[context["seen"], result])


ASSET = Asset("sales")
FEBRUARY = datetime(2026, 2, 1, tzinfo=timezone.utc)

with DAG("d"):
    Do(task_id="value", do=lambda t, c: {"a": [1, 2]})
    Do(task_id="nothing", do=lambda t, c: None)
    Do(task_id="not_pushed", do=lambda t, c: 1, do_xcom_push=False)
    Do(task_id="parts", do=lambda t, c: {"a": 1, "b": 2}, multiple_outputs=True)
    Do(task_id="no_parts", do=lambda t, c: [1], multiple_outputs=True)
    Do(task_id="bad_part", do=lambda t, c: {1: 1}, multiple_outputs=True)
    Do(task_id="raises", do=throw(ValueError("broken")))
    Do(task_id="fails_now", do=throw(AirflowFailException("now")))
    Do(task_id="sensor_timeout", do=throw(AirflowSensorTimeout("late")))
    Do(task_id="skips", do=throw(AirflowSkipException("not today")))
    Do(task_id="reschedules", do=throw(AirflowRescheduleException(FEBRUARY)))
    Do(task_id="skips_others", do=throw(DownstreamTasksSkipped(tasks=["x", ("y", 3)])))
    Do(task_id="exits_0", do=lambda t, c: sys.exit(0))
    Do(task_id="exits_hard", do=lambda t, c: os._exit(0))
    Do(task_id="slow", do=lambda t, c: time.sleep(60), execution_timeout=timedelta(seconds=0.2))
    Do(task_id="slow_swallow", do=swallow, execution_timeout=timedelta(seconds=0.2))
    Do(task_id="no_time", do=lambda t, c: 1, execution_timeout=timedelta(0))
    Do(task_id="defers", do=lambda t, c: t.defer(
        trigger=Never(), method_name="goes_on", kwargs={"n": 1}, timeout=timedelta(minutes=2)))
    Do(task_id="templated", params={"size": 3},
       text="{{ ds }} {{ var.value.colour }} {{ params.size }}")
    FromFile(task_id="from_file", text="greeting.txt")
    Do(task_id="undefined", text="{{ nobody }}")
    Do(task_id="bad_param", params={"size": "x"}, do=lambda t, c: 1)
    Do(task_id="policy_fails", do=throw(KeyError("k")), retry_policy=Policy("fail"))
    Do(task_id="policy_waits", do=throw(KeyError("k")),
       retry_policy=Policy("retry", timedelta(seconds=7)))
    Do(task_id="policy_default", do=throw(KeyError("k")), retry_policy=Policy("default"))
    Do(task_id="policy_breaks", do=throw(KeyError("k")), retry_policy=object())
    Hooked(task_id="hooked", do=lambda t, c: "result")
    Do(task_id="hook_arguments", do=lambda t, c: c["seen"],
       pre_execute=lambda c: c.__setitem__("seen", "before"),
       post_execute=lambda c, r: c["ti"].xcom_push("after", r))
    Do(task_id="pre_fails", do=lambda t, c: 1, pre_execute=lambda c: 1 / 0)
    Do(task_id="outlets", outlets=[ASSET, AssetAlias("any")], do=lambda t, c: (
        c["outlet_events"][ASSET].extra.update(rows=3),
        c["outlet_events"][AssetAlias("any")].add(Asset("late"), extra={"x": 1}), None)[-1])
    Do(task_id="partitions", outlets=[ASSET],
       do=lambda t, c: c["outlet_events"][ASSET].add_partitions(["b", "a"]))
    Do(task_id="plain_outlet", outlets=[ASSET], do=lambda t, c: None)
    Do(task_id="environment", do=lambda t, c: dict(os.environ))
    Do(task_id="asks", do=lambda t, c: get_channel().request(GetVariable(key="colour")).value)
    Do(task_id="unstorable", do=lambda t, c: object())
    Do(task_id="forks", do=forks)
    Do(task_id="fork_asks", do=fork_asks)
    Do(task_id="surrogate", do=lambda t, c: {"a": "\udc80"})
    Do(task_id="surrogate_deferral", do=lambda t, c: t.defer(
        trigger=Never(), method_name="goes_on", kwargs={"n": "\udc80"}))
    Do(task_id="surrogate_error", text="\udc80", do=throw(ValueError("odd \udc80")))
    produce = Do(task_id="produces", do=lambda t, c: (1, 2, 3))
    too_many = Do(task_id="too_many", do=lambda t, c: list(range(1025)))
    no_list = Do(task_id="no_list", do=lambda t, c: 5)
    no_value = Do(task_id="no_value", do=lambda t, c: None)
    Do.partial(task_id="mapped", map_index_template="{{ task.text }}!").expand(text=produce.output)
    for n, over in enumerate([too_many, no_list, no_value]):
        Do.partial(task_id=f"over_{n}").expand(text=over.output)
    Do(task_id="labelled", map_index_template="{{ mine }}",
       do=lambda t, c: c.__setitem__("mine", "L"))
'''


@pytest.fixture(scope="module", autouse=True)
def dag_file(stand: Bench) -> None:
    stand.write("d.py", DAG_FILE)
    stand.api.variables["colour"] = "blue"


def value(outcome: Succeeded, key: str = "return_value") -> object:
    return {xcom.key: xcom.value for xcom in outcome.xcoms}[key]


def test_what_execute_returns_is_pushed(stand: Bench) -> None:
    outcome = stand.run("d.py", "value")
    assert [xcom.key for xcom in outcome.xcoms] == ["return_value"]
    assert value(outcome) == {"a": [1, 2]}
    assert outcome.xcoms[0].length is None


@pytest.mark.parametrize("task_id", ["nothing", "not_pushed"])
def test_no_value_no_xcom(stand: Bench, task_id: str) -> None:
    assert stand.run("d.py", task_id) == Succeeded()


def test_multiple_outputs(stand: Bench) -> None:
    outcome = stand.run("d.py", "parts")
    pushed = {xcom.key: xcom.value for xcom in outcome.xcoms}
    assert pushed == {"a": 1, "b": 2, "return_value": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("task_id", "error_type", "message", "retryable"),
    [
        ("raises", "ValueError", "broken", True),
        ("fails_now", "AirflowFailException", "now", False),
        ("sensor_timeout", "AirflowSensorTimeout", "late", False),
        ("exits_0", "SystemExit", "0", True),
        ("no_parts", "TypeError", "expected dictionary", True),
        ("bad_part", "TypeError", "must be strings", True),
        ("slow", "AirflowTaskTimeout", "0.2 seconds", True),
        ("slow_swallow", "AirflowTaskTimeout", "0.2 seconds", True),
        ("no_time", "AirflowTaskTimeout", "0.0 seconds", True),
        ("undefined", "UndefinedError", "nobody", True),
        ("policy_fails", "KeyError", "k", False),
        ("policy_default", "KeyError", "k", True),
        ("policy_breaks", "KeyError", "k", True),
        ("pre_fails", "ZeroDivisionError", "division", True),
        ("unstorable", "TypeError", "", True),
        ("surrogate", "UnicodeEncodeError", "surrogates", True),
        ("surrogate_deferral", "UnicodeEncodeError", "surrogates", True),
        ("surrogate_error", "ValueError", r"odd \udc80", True),
        ("too_many", "UserError", "1025 items", True),
        ("no_list", "UnmappableXComTypePushed", "unmappable return type 'int'", True),
        ("no_value", "XComForMappingNotPushed", "did not push", True),
        ("absent", "NotFound", "has no task 'absent'", True),
    ],
)
def test_failures(
    stand: Bench, task_id: str, error_type: str, message: str, retryable: bool
) -> None:
    attempt = stand.start("d.py", task_id)
    outcome, ended = stand.result(attempt)
    assert isinstance(outcome, Failed)
    assert outcome.error_type == error_type
    assert message in outcome.message
    assert outcome.retryable is retryable
    assert ended.category is None


def test_the_traceback_is_the_users(stand: Bench) -> None:
    attempt = stand.start("d.py", "raises")
    stand.ended(attempt)
    (record,) = [record for record in stand.log(attempt) if "exception" in record]
    assert record["level"] == "error"
    assert record["exception"].endswith("ValueError: broken")
    first_frame = record["exception"].splitlines()[1]
    assert "/d.py" in first_frame
    assert "in execute" in first_frame


def test_skip_reschedule_and_skipping_others(stand: Bench) -> None:
    assert stand.run("d.py", "skips") == Skipped(message="not today")
    assert stand.run("d.py", "reschedules") == Rescheduled(at=datetime(2026, 2, 1, tzinfo=UTC))
    assert stand.run("d.py", "skips_others") == Succeeded(skip=["x", "y"])


def test_retry_policy_sets_the_delay(stand: Bench) -> None:
    assert stand.run("d.py", "policy_waits").retry_delay_seconds == 7.0


def test_deferral_and_resuming(stand: Bench) -> None:
    outcome = stand.run("d.py", "defers")
    assert isinstance(outcome, Deferred)
    assert outcome.trigger_classpath == "some.where.Never"
    assert (outcome.method, outcome.kwargs) == ("goes_on", {"n": 1})
    assert outcome.timeout_seconds == timedelta(minutes=2).total_seconds()
    resume = Resume(method=outcome.method, kwargs=outcome.kwargs, event={"ok": True})
    assert value(stand.run("d.py", "defers", resume=resume)) == [{"ok": True}, {"n": 1}]


@pytest.mark.parametrize(
    ("resume", "error_type"),
    [
        (Resume(method="goes_on", timed_out=True), "TaskDeferralTimeout"),
        (Resume(method="goes_on", trigger_error="Trace\nboom"), "TaskDeferralError"),
    ],
)
def test_a_trigger_that_failed(stand: Bench, resume: Resume, error_type: str) -> None:
    assert stand.run("d.py", "defers", resume=resume).error_type == error_type


def test_templates_see_the_context_and_are_shown(stand: Bench) -> None:
    attempt = stand.start("d.py", "templated")
    outcome, _ = stand.result(attempt)
    assert value(outcome) == "2026-01-15 blue 3"
    shown = [m for m in stand.api.of_type(SetRenderedFields) if m.attempt_id == attempt]
    assert shown == [SetRenderedFields(attempt_id=attempt, fields={"text": "2026-01-15 blue 3"})]


def test_a_template_file_passes_the_hook_before_it_is_rendered(stand: Bench) -> None:
    stand.write("greeting.txt", "for {{ run_id }}")
    outcome = stand.run("d.py", "from_file")
    assert [x.value for x in outcome.xcoms] == [f"prepared for {run_info().run_id}"]


def test_conf_overrides_params(stand: Bench) -> None:
    outcome = stand.run("d.py", "templated", run=run_info(conf={"size": 8}))
    assert value(outcome) == "2026-01-15 blue 8"


def test_a_run_without_a_logical_date_has_no_ds(stand: Bench) -> None:
    run = run_info(logical_date=None, interval_start=None, interval_end=None)
    assert stand.run("d.py", "templated", run=run).error_type == "UndefinedError"


def test_hooks_of_the_class(stand: Bench) -> None:
    attempt = stand.start("d.py", "hooked")
    assert value(stand.result(attempt)[0]) == "result"
    pushed = [m for m in stand.api.of_type(SetXCom) if m.attempt_id == attempt]
    assert pushed == [SetXCom(attempt_id=attempt, key="post", value=[["pre"], None])]


def test_hooks_given_as_arguments(stand: Bench) -> None:
    attempt = stand.start("d.py", "hook_arguments")
    assert value(stand.result(attempt)[0]) == "before"
    pushed = [m for m in stand.api.of_type(SetXCom) if m.attempt_id == attempt]
    assert pushed == [SetXCom(attempt_id=attempt, key="after", value="before")]


def test_outlet_events(stand: Bench) -> None:
    assert stand.run("d.py", "outlets").outlet_events == [
        OutletEvent(asset_name="sales", asset_uri="sales", extra={"rows": 3}),
        OutletEvent(asset_name="late", asset_uri="late", alias="any", extra={"x": 1}),
    ]
    assert [e.partition_key for e in stand.run("d.py", "partitions").outlet_events] == ["a", "b"]
    partitioned = stand.run("d.py", "plain_outlet", run=run_info(partition_key="p"))
    assert [event.partition_key for event in partitioned.outlet_events] == ["p"]


def test_an_asset_that_lost_its_name_fails_its_task(
    stand: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand.api, "inactive_assets", [("things", "s3://other")])
    outcome = stand.run("d.py", "plain_outlet")
    assert isinstance(outcome, Failed)
    assert outcome.error_type == "AirflowInactiveAssetInInletOrOutletException"
    assert not outcome.retryable
    assert "s3://other" in outcome.message
    assert isinstance(stand.run("d.py", "value"), Succeeded)  # it has no assets to ask for


def test_environment_of_programs_that_the_task_starts(stand: Bench) -> None:
    found = value(stand.run("d.py", "environment", try_number=2))
    assert isinstance(found, dict)
    assert found["AIRFLOW_CTX_DAG_ID"] == "d"
    assert found["AIRFLOW_CTX_TASK_ID"] == "environment"
    assert found["AIRFLOW_CTX_TRY_NUMBER"] == "2"
    assert found["AIRFLOW_CTX_LOGICAL_DATE"] == AT.isoformat()


def test_credentials_of_the_control_plane_stay_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND_DATABASE__URL", "postgresql://user:secret@host/db")
    monkeypatch.setenv("AIRFLOW_VAR_COLOUR", "green")
    with bench(tmp_path) as stand:
        stand.write("d.py", DAG_FILE)
        found = value(stand.run("d.py", "environment"))
    assert isinstance(found, dict)
    assert found["AIRFLOW_VAR_COLOUR"] == "green"
    assert not [name for name in found if "DATABASE" in name]


def test_user_code_asks_the_control_plane(stand: Bench) -> None:
    attempt = stand.start("d.py", "asks")
    assert value(stand.result(attempt)[0]) == "blue"
    assert attempt in [asker for asker, _ in stand.api.requests]


@pytest.mark.parametrize(
    ("kind", "error_type"),
    [("superseded", "Superseded"), ("not_found", "NotFound"), ("internal", "InfrastructureError")],
)
def test_a_refusal_is_raised_as_what_it_is(stand: Bench, kind: str, error_type: str) -> None:
    stand.api.refuse = Failure(kind=kind, message="no")
    try:
        assert stand.run("d.py", "asks").error_type == error_type
    finally:
        stand.api.refuse = None


def test_a_task_api_that_breaks_fails_the_asker_only(stand: Bench) -> None:
    stand.api.refuse = RuntimeError("no database")
    try:
        outcome = stand.run("d.py", "asks")
    finally:
        stand.api.refuse = None
    assert outcome.error_type == "InfrastructureError"
    assert "no database" in outcome.message
    assert isinstance(stand.run("d.py", "asks"), Succeeded)


def test_children_that_the_task_forks_do_not_report(stand: Bench) -> None:
    attempt = stand.start("d.py", "forks")
    outcome, _ = stand.result(attempt)
    pid = stand.started(attempt).pid
    assert value(outcome) == pid
    assert stand.text(attempt).count("Finished") == 1


def test_children_that_the_task_forks_cannot_ask(stand: Bench) -> None:
    assert "child process of the task" in str(value(stand.run("d.py", "fork_asks")))


def test_mapping(stand: Bench) -> None:
    produced = stand.run("d.py", "produces")
    assert produced.xcoms[-1].length == 3
    stand.api.xcoms["produces", "return_value", -1] = ["a", "b", "c"]
    outcome = stand.run("d.py", "mapped", map_index=1)
    assert value(outcome) == "b"
    assert outcome.rendered_map_index == "b!"


def test_the_label_may_use_names_that_the_task_sets(stand: Bench) -> None:
    assert stand.run("d.py", "labelled").rendered_map_index == "L"


def test_exit_without_a_report_is_the_users_failure(stand: Bench) -> None:
    outcome, ended = stand.result(stand.start("d.py", "exits_hard"))
    assert outcome is None
    assert (ended.category, ended.exit_code) == ("exit", 0)


def test_usage_is_reported(stand: Bench) -> None:
    _, ended = stand.result(stand.start("d.py", "value"))
    assert ended.usage is not None
    assert ended.usage.cpu_seconds > 0
    assert ended.usage.peak_memory_bytes > 10 << 20


def test_it_starts_before_it_ends(stand: Bench) -> None:
    before = datetime.now(UTC)
    attempt = stand.start("d.py", "value")
    ended = stand.ended(attempt)
    (report,) = [
        event
        for event in stand.events
        if isinstance(event, AttemptReported) and event.attempt_id == attempt
    ]
    assert before < stand.started(attempt).at < report.at < ended.at


def test_starting_twice_changes_nothing(stand: Bench) -> None:
    before = len(stand.events)
    attempt = stand.start("d.py", "value")
    stand._last_id -= 1
    assert stand.start("d.py", "value") == attempt
    stand.ended(attempt)
    stand.run("d.py", "value")
    starts = [e for e in stand.events[before:] if type(e).__name__ == "AttemptStarted"]
    assert len(starts) == 2
