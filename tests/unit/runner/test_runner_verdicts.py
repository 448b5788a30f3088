"""Wait statuses to verdicts, environments, outcomes to states, values to what is shown."""

import signal
from datetime import UTC, datetime
from typing import Any

import pytest

from tradewind.core.errors import UserError
from tradewind.core.protocol import (
    Deferred,
    Failed,
    Outcome,
    Rescheduled,
    Resume,
    Skipped,
    Succeeded,
)
from tradewind.runner.attempt import mappable_length, resume_arguments
from tradewind.runner.callbacks import outcome_state
from tradewind.runner.environment import without_credentials
from tradewind.runner.jobs import judge
from tradewind.runner.load import module_name
from tradewind.runner.rendered import rendered_fields, says_something
from tradewind.sdk.exceptions import UnmappableXComTypePushed


@pytest.mark.parametrize(
    ("status", "oom_killed", "category", "code"),
    [
        (0 << 8, False, "exit", 0),
        (3 << 8, False, "exit", 3),
        (signal.SIGSEGV, False, "exit", -signal.SIGSEGV),
        (signal.SIGABRT | 0x80, False, "exit", -signal.SIGABRT),  # with a core dump
        (signal.SIGKILL, False, "infra_lost", -signal.SIGKILL),
        (signal.SIGKILL, True, "oom", -signal.SIGKILL),
        (signal.SIGTERM, True, "infra_lost", -signal.SIGTERM),
        (signal.SIGINT, False, "infra_lost", -signal.SIGINT),
        (None, False, "infra_lost", None),
    ],
)
def test_judge(status: int | None, oom_killed: bool, category: str, code: int | None) -> None:
    verdict = judge(status, oom_killed=oom_killed)
    assert (verdict.category, verdict.exit_code) == (category, code)
    assert verdict.reason.endswith(".")


def test_credentials_do_not_reach_user_code() -> None:
    kept = {
        "PATH": "/bin",
        "HOME": "/root",
        "AIRFLOW_VAR_X": "1",
        "AIRFLOW_CONN_DB": "postgres://",
        "AIRFLOW__CORE__DAGS_FOLDER": "/dags",
        "TRADEWIND_CORE__DAGS_FOLDER": "/dags",
    }
    dropped = {
        "TRADEWIND_DATABASE__URL": "x",
        "TRADEWIND_STORAGE__URL": "x",
        "PGPASSWORD": "x",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "x",
        "AIRFLOW__CORE__SQL_ALCHEMY_CONN": "x",
        "AIRFLOW__CORE__FERNET_KEY": "x",
        "AIRFLOW__CELERY__BROKER_URL": "x",
    }
    assert without_credentials({**kept, **dropped}) == kept


DEFERRED = Deferred(trigger_classpath="a.B", trigger_kwargs={}, method="m")


@pytest.mark.parametrize(
    ("outcome", "try_number", "max_tries", "state"),
    [
        (Succeeded(), 1, 0, "success"),
        (Skipped(), 1, 0, "skipped"),
        (DEFERRED, 1, 0, "deferred"),
        (Rescheduled(at=datetime(2026, 1, 1, tzinfo=UTC)), 1, 0, "up_for_reschedule"),
        (Failed(error_type="E", message=""), 1, 0, "failed"),
        (Failed(error_type="E", message=""), 1, 1, "up_for_retry"),
        (Failed(error_type="E", message=""), 2, 1, "failed"),
        (Failed(error_type="E", message="", retryable=False), 1, 1, "failed"),
    ],
)
def test_outcome_state(outcome: Outcome, try_number: int, max_tries: int, state: str) -> None:
    assert outcome_state(outcome, try_number, max_tries) == state


def test_resume_arguments() -> None:
    resumed = resume_arguments(Resume(method="m", kwargs={"a": 1}, event="e"))
    assert resumed == ("m", {"a": 1, "event": "e"})
    assert resume_arguments(Resume(method="m", timed_out=True))[1] == {"error": "Trigger timeout"}
    failed = resume_arguments(Resume(method="m", trigger_error="a\nb"))[1]
    assert failed == {"error": "Trigger failure", "traceback": ["a", "b"]}


@pytest.mark.parametrize("value", [[1, 2], (1, 2), {"a": 1, "b": 2}, range(2)])
def test_mappable(value: Any) -> None:
    assert mappable_length(value) == 2


@pytest.mark.parametrize("value", ["ab", b"ab", {1, 2}, 5, iter([1])])
def test_unmappable(value: Any) -> None:
    with pytest.raises(UnmappableXComTypePushed):
        mappable_length(value)


def test_too_long_to_map() -> None:
    assert mappable_length(list(range(1024))) == 1024
    with pytest.raises(UserError, match="1025 items"):
        mappable_length(list(range(1025)))


class Odd:
    def __str__(self) -> str:
        return "odd one"


class Plain:
    pass


class Task:
    template_fields = ("given",)
    template_fields_renderers = {"given.inner": "sql", "other.inner": "sql"}  # noqa: RUF012

    def __init__(self, given: Any) -> None:
        self.given = given


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, None),
        ((1, 2.5, True), [1, 2.5, True]),
        ({"b": {3, 1}, "a": None, 5: "x"}, {"5": "x", "a": None, "b": [1, 3]}),
        (Odd(), "odd one"),
        (Plain(), "<test_runner_verdicts.Plain object>"),
        (len, "<callable builtins.len>"),
        ("x" * 4096, "x" * 4096),
        ({"my_token": "visible?"}, {"my_token": "***"}),
    ],
)
def test_rendered_fields(given: Any, shown: Any) -> None:
    fields = rendered_fields(Task(given))
    if isinstance(shown, str) and shown.startswith("<test_runner"):
        assert fields["given"].endswith("Plain object>")
    else:
        assert fields["given"] == shown


def test_rendered_parts_and_long_values() -> None:
    fields = rendered_fields(Task({"inner": "select 1"}))
    assert fields == {"given": {"inner": "select 1"}, "given.inner": "select 1"}
    assert rendered_fields(Task("x" * 5000))["given"].startswith("Truncated.")


def test_what_is_worth_showing() -> None:
    assert not says_something({"a": None, "b": [], "c": {}, "d": ""})
    assert says_something({"a": None, "b": 0})


def test_module_names_tell_files_apart() -> None:
    assert module_name("a/x.py") != module_name("b/x.py")
    assert module_name("a/x.py").startswith("unusual_prefix_")
    assert module_name("a/x.py").endswith("_x")
