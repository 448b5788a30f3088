"""Callbacks at the end of an attempt, and those that the scheduler orders."""

import os
import signal

import pytest

from integration.runner.harness import Bench
from support.mail import MailServer
from tradewind.core.protocol import ConnectionValue, Failed, SetVariable, Succeeded
from tradewind.executors.base import AttemptEnded, AttemptReported

DAG_FILE = """
import time
from datetime import timedelta

from tradewind.core.protocol import SetVariable
from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.callbacks import AsyncCallback, SyncCallback
from tradewind.sdk.comms import get_channel
from tradewind.sdk.dag import DAG
from tradewind.sdk.deadline import DeadlineAlert, DeadlineReference
from tradewind.sdk.exceptions import *
from tradewind.sdk.notifier import BaseNotifier


def say(text):
    get_channel().request(SetVariable(key="said", value=text))


def note(name):
    def callback(context):
        error = context.get("exception")
        say(f"{name} {context['ti'].try_number} {context['ti'].state} {error}")
    return callback


class Do(BaseOperator):
    def __init__(self, *, do, **kwargs):
        super().__init__(**kwargs)
        self.do = do

    def execute(self, context):
        return self.do()


class Notifier(BaseNotifier):
    template_fields = ("text",)

    def __init__(self, text):
        super().__init__()
        self.text = text

    def notify(self, context):
        say(self.text)


def fail():
    raise ValueError("no")


def fail_now():
    raise AirflowFailException("now")


def skip():
    raise AirflowSkipException("not today")


def hang(context):
    print("callback hangs", flush=True)
    time.sleep(100)


def missed(context, who):
    say(f"missed {context['dag_run'].run_id} {who}")


async def missed_too(context, who):
    say(f"async {who}")


QUEUED = DeadlineReference.DAGRUN_QUEUED_AT
ALL = {
    f"on_{kind}_callback": [note(kind), note(f"{kind} too")]
    for kind in ("success", "failure", "retry", "skipped")
}
ALL["on_execute_callback"] = note("execute")

with DAG("d", default_args=ALL):
    Do(task_id="succeeds", do=lambda: 1)
    Do(task_id="fails", do=fail)
    Do(task_id="fails_now", do=fail_now)
    Do(task_id="skips", do=skip)

with DAG("mails", default_args={"email": ["ann@example.org", "bob@example.org"]}):
    Do(task_id="fails", do=fail)
    Do(task_id="only_at_the_end", do=fail, email_on_retry=False, on_retry_callback=note("retry"))

empty = DAG("empty", on_success_callback=lambda c: say(c["run_id"]))

with DAG(
    "quiet",
    on_failure_callback=[
        lambda c: say(f"dag failed: {c['reason']} {c['run_id']}"),
        Notifier("d {{ run_id }}"),
    ],
    on_success_callback=lambda c: 1 / 0,
    deadline=[
        DeadlineAlert(QUEUED, timedelta(1), SyncCallback(missed, {"who": "me"})),
        DeadlineAlert(QUEUED, timedelta(1), AsyncCallback(missed_too, {"who": "you"})),
    ],
):
    Do(task_id="broken", do=lambda: 1, on_success_callback=[lambda c: 1 / 0, note("after")],
       on_execute_callback=lambda c: 1 / 0)
    Do(task_id="hangs", do=lambda: 1, on_success_callback=hang)
    Do(task_id="notifies", do=lambda: 1,
       on_success_callback=Notifier("{{ ds }} of {{ task.task_id }}"))
    Do(task_id="quiet", do=lambda: 1)
"""


@pytest.fixture(autouse=True)
def dag_file(stand: Bench) -> None:
    stand.write("d.py", DAG_FILE)
    stand.api.requests.clear()


def said(stand: Bench) -> list[str]:
    return [message.value for message in stand.api.of_type(SetVariable)]


@pytest.mark.parametrize(
    ("task_id", "tries", "expected"),
    [
        ("succeeds", (1, 0), ["success 1 success None", "success too 1 success None"]),
        ("fails", (1, 0), ["failure 1 failed no", "failure too 1 failed no"]),
        ("fails", (1, 1), ["retry 1 up_for_retry no", "retry too 1 up_for_retry no"]),
        ("fails", (2, 1), ["failure 2 failed no", "failure too 2 failed no"]),
        ("fails_now", (1, 3), ["failure 1 failed now", "failure too 1 failed now"]),
        ("skips", (1, 0), ["skipped 1 skipped None", "skipped too 1 skipped None"]),
    ],
)
def test_which_callbacks_run(
    stand: Bench, task_id: str, tries: tuple[int, int], expected: list[str]
) -> None:
    stand.run("d.py", task_id, try_number=tries[0], max_tries=tries[1])
    assert said(stand) == [f"execute {tries[0]} running None", *expected]


def test_the_report_waits_for_the_callbacks(stand: Bench) -> None:
    attempt = stand.start("d.py", "hangs", dag_id="quiet")
    stand.wait_for_log(attempt, "callback hangs")
    assert not [
        e
        for e in stand.events
        if isinstance(e, AttemptReported | AttemptEnded) and e.attempt_id == attempt
    ]
    pid = stand.started(attempt).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    outcome, ended = stand.result(attempt)
    assert isinstance(outcome, Succeeded)  # what was reported stands
    assert ended.category is None


def test_errors_in_callbacks_change_nothing(stand: Bench) -> None:
    attempt = stand.start("d.py", "broken", dag_id="quiet")
    outcome, _ = stand.result(attempt)
    assert isinstance(outcome, Succeeded)
    assert said(stand) == ["after 1 success None"]
    assert stand.text(attempt).count("failed") == 2


def test_a_notifier_renders_its_templates(stand: Bench) -> None:
    stand.run("d.py", "notifies", dag_id="quiet")
    assert said(stand) == ["2026-01-15 of notifies"]


def test_a_failure_is_mailed(stand: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    server = MailServer()
    connection = ConnectionValue(
        conn_id="smtp_default",
        conn_type="smtp",
        host="127.0.0.1",
        port=server.port,
        extra='{"disable_ssl": true, "disable_tls": true}',
    )
    monkeypatch.setitem(stand.api.connections, "smtp_default", connection)
    attempt = stand.start("d.py", "fails", dag_id="mails", try_number=2, max_tries=1)
    stand.ended(attempt)
    server.close()
    assert server.recipients == ["ann@example.org", "bob@example.org"]
    assert "Airflow alert: <TaskInstance: mails.fails run_1 [failed]>" in server.text
    assert "Try 2 out of 2" in server.text
    assert "Mail sent to ann@example.org" in stand.text(attempt)


def test_without_a_mail_server_the_log_says_so(stand: Bench) -> None:
    attempt = stand.start("d.py", "fails", dag_id="mails", max_tries=1)
    stand.ended(attempt)
    assert "No mail was sent to ann@example.org, bob@example.org" in stand.text(attempt)
    attempt = stand.start("d.py", "only_at_the_end", dag_id="mails", max_tries=1)
    stand.ended(attempt)
    assert "No mail was sent" not in stand.text(attempt)
    assert said(stand) == ["retry 1 up_for_retry no"]


def test_a_lost_task_is_mailed_about(stand: Bench) -> None:
    stand.call_back("d.py", ["on_failure"], dag_id="mails", task_id="fails", reason="node gone")
    (log,) = stand.logs.glob("mails/callback.log")
    assert "No mail was sent" in log.read_text()


# --- ordered by the scheduler ------------------------------------------------------------------


def test_callbacks_of_a_lost_task(stand: Bench) -> None:
    ended = stand.call_back(
        "d.py", ["on_failure"], task_id="fails", try_number=2, max_tries=1, reason="node gone"
    )
    assert ended.error is None
    assert said(stand) == ["failure 2 failed node gone", "failure too 2 failed node gone"]


def test_callbacks_of_a_dag(stand: Bench) -> None:
    ended = stand.call_back("d.py", ["on_failure"], dag_id="quiet", reason="task_failure")
    assert ended.error is None
    assert said(stand) == ["dag failed: task_failure run_1", "d run_1"]


def test_callbacks_of_a_dag_without_tasks(stand: Bench) -> None:
    assert stand.call_back("d.py", ["on_success"], dag_id="empty").error is None
    assert said(stand) == ["run_1"]


def test_a_missed_deadline(stand: Bench) -> None:
    ended = stand.call_back("d.py", ["deadline:0", "deadline:1"], dag_id="quiet")
    assert ended.error is None
    assert said(stand) == ["missed run_1 me", "async you"]


@pytest.mark.parametrize(
    ("dag_id", "more", "error"),
    [
        ("quiet", {"kinds": ["on_success"]}, "ZeroDivisionError"),
        ("quiet", {"kinds": ["deadline:9"]}, "no deadline number 9"),
        ("d", {"kinds": ["on_failure"], "task_id": "absent"}, "no task 'absent'"),
        ("absent", {"kinds": ["on_failure"]}, "defines no DAG 'absent'"),
    ],
)
def test_orders_that_cannot_be_carried_out(
    stand: Bench, dag_id: str, more: dict[str, object], error: str
) -> None:
    kinds = more.pop("kinds")
    assert isinstance(kinds, list)
    ended = stand.call_back("d.py", kinds, dag_id=dag_id, **more)
    assert error in str(ended.error)


def test_callbacks_of_a_file_that_does_not_load(stand: Bench) -> None:
    stand.write("bad.py", "1 / 0")
    assert "ZeroDivisionError" in str(stand.call_back("bad.py", ["on_failure"]).error)


def test_a_failing_task_without_callbacks_reports_at_once(stand: Bench) -> None:
    assert isinstance(stand.run("d.py", "quiet", dag_id="quiet"), Succeeded)
    assert isinstance(stand.run("d.py", "fails"), Failed)
