"""What user code prints, logs and writes past Python ends up in its log file, live and masked."""

import pytest

from integration.runner.harness import Bench
from tradewind.core.protocol import ConnectionValue, Succeeded

DAG_FILE = r"""
import logging, os, subprocess, sys, threading

from tradewind.core.protocol import GetConnection, GetVariable
from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.comms import get_channel
from tradewind.sdk.dag import DAG
from tradewind.sdk.masking import mask_secret

print("at import")


class Do(BaseOperator):
    template_fields = ("text", "password")

    def __init__(self, *, do, text="", password="", **kwargs):
        super().__init__(**kwargs)
        self.do, self.text, self.password = do, text, password

    def execute(self, context):
        return self.do(self)


def prints(task):
    print("one\ntwo")
    print("half", end="")
    print(" line", file=sys.stdout)
    print("oops", file=sys.stderr)
    sys.stdout.buffer.write("bytes žluť\n".encode())
    print("no newline at the end", end="")


def logs(task):
    task.log.info("from %s", "operator")
    logging.getLogger("mine").warning("careful")
    logging.getLogger("mine").debug("not shown")
    logging.getLogger("mine").info("wrong %d", "number")
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("mine").exception("with traceback")


def raw(task):
    os.write(1, b"straight to one\n")
    os.write(2, b"straight to two\r\n")
    subprocess.run(["sh", "-c", "echo from a program; printf 'unfinished'"], check=True)


def garbage(task):
    os.write(1, b"\xff\xfe\x00 broken \xc3\n")
    sys.stdout.buffer.write(b"\xff printed\n")
    print("\ud800 lone surrogate")


def flood(task):
    line = b"x" * 99 + b"\n"
    for _ in range(1000):
        os.write(1, line * 105)


def endless_line(task):
    os.write(1, b"y" * 200_000)


def secrets(task):
    channel = get_channel()
    channel.request(GetConnection(conn_id="db"))
    channel.request(GetVariable(key="api_token"))
    channel.request(GetVariable(key="harmless"))
    mask_secret("told-to-mask")
    mask_secret({"token": "inner-token", "user": "visible-user"})
    text = "pass-word-1 extra-key-1 token-value-1 harmless-value told-to-mask"
    text += " inner-token visible-user"
    print(text)
    task.log.info(text)
    os.write(1, text.encode() + b"\n")
    raise ValueError(text)


def from_thread(task):
    thread = threading.Thread(target=lambda: print("in a thread"))
    thread.start()
    thread.join()


with DAG("d"):
    Do(task_id="prints", do=prints)
    Do(task_id="logs", do=logs)
    Do(task_id="raw", do=raw)
    Do(task_id="garbage", do=garbage)
    Do(task_id="flood", do=flood)
    Do(task_id="endless_line", do=endless_line)
    Do(task_id="secrets", do=secrets)
    Do(task_id="from_thread", do=from_thread)
    Do(task_id="quick", do=lambda t: 1)
    Do(task_id="shown", do=lambda t: 1, text={"a": {2, 1}, "token": "hide me"}, password="hide me")
    Do(task_id="long", do=lambda t: 1, text="z" * 5000)
"""


@pytest.fixture(scope="module", autouse=True)
def dag_file(stand: Bench) -> None:
    stand.write("d.py", DAG_FILE)
    stand.api.connections["db"] = ConnectionValue(
        conn_id="db", conn_type="x", password="pass-word-1", extra='{"api_key": "extra-key-1"}'
    )
    stand.api.variables.update(api_token="token-value-1", harmless="harmless-value")


def run(stand: Bench, task_id: str) -> list[dict[str, object]]:
    attempt = stand.start("d.py", task_id)
    stand.ended(attempt)
    return stand.log(attempt)


def events(records: list[dict[str, object]], source: str) -> list[object]:
    return [record["event"] for record in records if record.get("source") == source]


def test_print_gives_a_record_for_each_line(stand: Bench) -> None:
    records = run(stand, "prints")
    assert events(records, "stdout")[-5:] == [
        "one",
        "two",
        "half line",
        "bytes žluť",
        "no newline at the end",
    ]
    (error,) = [record for record in records if record.get("source") == "stderr"]
    assert (error["event"], error["level"]) == ("oops", "error")


def test_standard_logging(stand: Bench) -> None:
    records = [record for record in run(stand, "logs") if record.get("logger") == "mine"]
    shown = [(record["level"], record["event"]) for record in records]
    assert shown == [
        ("warning", "careful"),
        ("info", "wrong %d ('number',)"),
        ("error", "with traceback"),
    ]
    assert "ZeroDivisionError" in str(records[-1]["exception"])


def test_what_is_written_past_python(stand: Bench) -> None:
    lines = events(run(stand, "raw"), "stdout")
    assert [line for line in lines if line != "at import"] == [
        "straight to one",
        "straight to two",
        "from a program",
        "unfinished",
    ]


def test_bytes_that_are_no_text(stand: Bench) -> None:
    lines = events(run(stand, "garbage"), "stdout")
    assert r"\xff printed" in lines
    assert r"\ud800 lone surrogate" in lines
    assert "\\xff\\xfe\x00 broken \\xc3" in lines


def test_ten_megabytes_of_output_arrive(stand: Bench) -> None:
    lines = events(run(stand, "flood"), "stdout")
    assert lines.count("x" * 99) == 105_000


def test_an_endless_line_is_cut(stand: Bench) -> None:
    lines = [str(line) for line in events(run(stand, "endless_line"), "stdout")]
    assert "".join(line for line in lines if line.startswith("y")) == "y" * 200_000


def test_secrets_are_masked_wherever_they_are_written(stand: Bench) -> None:
    attempt = stand.start("d.py", "secrets")
    outcome, _ = stand.result(attempt)
    masked = "*** *** *** harmless-value *** *** visible-user"
    records = stand.log(attempt)
    assert [record["event"] for record in records].count(masked) == 3
    assert masked in str([record.get("exception") for record in records])
    assert outcome.message == masked


def test_printing_in_threads(stand: Bench) -> None:
    assert "in a thread" in events(run(stand, "from_thread"), "stdout")


def test_phases_and_times(stand: Bench) -> None:
    records = run(stand, "quick")
    assert [r["phase"] for r in records if "phase" in r] == ["start", "finish"]
    assert all(str(record["ts"]).endswith("Z") for record in records)


def test_printing_at_import_reaches_the_first_log(stand: Bench) -> None:
    stand.write("first.py", DAG_FILE)
    attempt = stand.start("first.py", "quick")
    stand.ended(attempt)
    assert stand.log(attempt)[0]["event"] == "at import"


def test_rendered_fields_are_masked_and_cut(stand: Bench) -> None:
    shown = stand.start("d.py", "shown")
    long = stand.start("d.py", "long")
    stand.ended(shown)
    stand.ended(long)
    fields = {m.attempt_id: m.fields for _, m in stand.api.requests if hasattr(m, "fields")}
    assert fields[shown] == {"text": {"a": [1, 2], "token": "***"}, "password": "***"}
    assert fields[long]["text"].startswith("Truncated.")
    assert len(fields[long]["text"]) < 4500


def test_a_log_that_cannot_be_opened_is_no_silent_loss(stand: Bench) -> None:
    (stand.logs / "blocked").write_text("a file, not a folder")
    attempt = stand.start("d.py", "quick", dag_id="blocked")
    ended = stand.ended(attempt)
    assert ended.category == "infra_lost"
    assert "log file" in str(ended.reason)
    assert isinstance(stand.run("d.py", "quick"), Succeeded)
