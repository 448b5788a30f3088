"""Retry policies, deadlines, deferral, resumable jobs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.authoring import Work
from tradewind.core import dag as core
from tradewind.core.errors import InvalidDag
from tradewind.sdk import (
    DAG,
    AsyncCallback,
    BaseAsyncOperator,
    BaseDeadlineReference,
    BaseOperator,
    DeadlineAlert,
    DeadlineReference,
    ExceptionRetryPolicy,
    ResumableJobMixin,
    RetryAction,
    RetryDecision,
    RetryRule,
    SyncCallback,
    VariableInterval,
    deadline_reference,
)
from tradewind.sdk.baseoperator import TRIGGER_FAILED, TRIGGER_TIMEOUT
from tradewind.sdk.exceptions import TaskDeferralError, TaskDeferralTimeout, TaskDeferred
from tradewind.sdk.serialize import serialize_dag

POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule("builtins.ConnectionRefusedError", retry_delay=timedelta(seconds=5), reason="r"),
        RetryRule([KeyError, "no.such.Error"], RetryAction.FAIL),
        RetryRule(LookupError, RetryAction.RETRY, match_subclasses=False),
    ]
)


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (ConnectionRefusedError(), RetryDecision.retry(timedelta(seconds=5), "r")),
        (KeyError(), RetryDecision.fail("Matched rule for KeyError")),
        (IndexError(), RetryDecision.default()),
        (LookupError(), RetryDecision.retry(reason="Matched rule for LookupError")),
    ],
)
def test_the_first_rule_that_matches_decides(error: Exception, decision: RetryDecision) -> None:
    assert POLICY.evaluate(error, 1, 3) == decision


def test_a_rule_wants_a_class_or_a_path() -> None:
    with pytest.raises(ValueError, match="dotted import path"):
        RetryRule("ValueError")


async def late(**kwargs: Any) -> None: ...


def later(**kwargs: Any) -> None: ...


def test_deadlines_in_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_SECONDS", "90")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    references = [
        DeadlineReference.DAGRUN_LOGICAL_DATE,
        DeadlineReference.DAGRUN_QUEUED_AT,
        DeadlineReference.FIXED_DATETIME(at),
        DeadlineReference.AVERAGE_RUNTIME(min_runs=2),
    ]
    alerts = [DeadlineAlert(ref, timedelta(hours=1), AsyncCallback(late)) for ref in references]
    alerts.append(DeadlineAlert(references[0], VariableInterval("seconds"), SyncCallback(later)))

    specs = serialize_dag(DAG("d", deadline=alerts), "f.py").deadlines

    assert [(spec.reference, spec.interval_seconds, spec.arguments) for spec in specs] == [
        ("DagRunLogicalDateDeadline", 3600.0, {}),
        ("DagRunQueuedAtDeadline", 3600.0, {}),
        ("FixedDatetimeDeadline", 3600.0, {"datetime": at.timestamp()}),
        ("AverageRuntimeDeadline", 3600.0, {"max_runs": 10, "min_runs": 2}),
        ("DagRunLogicalDateDeadline", 90.0, {}),
    ]


def test_deadlines_that_cannot_be() -> None:
    @deadline_reference
    class Mine(BaseDeadlineReference):
        pass

    alert = DeadlineAlert(DeadlineReference.Mine, timedelta(1), SyncCallback(later))  # type: ignore[attr-defined]
    with pytest.raises(InvalidDag, match="'Mine' is not known"):
        serialize_dag(DAG("d", deadline=alert), "f.py")
    alert = DeadlineAlert(
        DeadlineReference.DAGRUN_QUEUED_AT, VariableInterval("absent"), SyncCallback(later)
    )
    with pytest.raises(InvalidDag, match="'absent' must be an integer"):
        serialize_dag(DAG("d", deadline=alert), "f.py")
    with pytest.raises(ValueError, match="AsyncCallback"):
        DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(1), later)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="min_runs"):
        DeadlineReference.AVERAGE_RUNTIME(min_runs=0)


def test_callbacks_know_their_function() -> None:
    by_path = SyncCallback("os.path.join", kwargs={"a": "b"})

    import os.path

    assert by_path.resolve() is os.path.join
    assert SyncCallback(later).path == f"{__name__}.later"
    assert SyncCallback(later) == SyncCallback(f"{__name__}.later")
    with pytest.raises(AttributeError, match="not awaitable"):
        AsyncCallback(later)
    with pytest.raises(ImportError, match="dot path"):
        SyncCallback("nonsense")
    with pytest.raises(ValueError, match="reserved"):
        SyncCallback(later, kwargs={"context": 1})


def test_defer_and_resume() -> None:
    class Waits(Work):
        def go_on(self, context: Any, event: Any, more: int) -> Any:
            return context, event, more

    with DAG("d"):
        operator = Waits(task_id="a")

    with pytest.raises(TaskDeferred) as caught:
        operator.defer(trigger="t", method_name="go_on", kwargs={"more": 1}, timeout=5)
    assert (caught.value.trigger, caught.value.method_name, caught.value.timeout) == (
        "t",
        "go_on",
        5,
    )
    assert operator.resume_execution("go_on", {"event": "e", "more": 1}, {}) == ({}, "e", 1)
    with pytest.raises(TaskDeferralTimeout):
        operator.resume_execution(TRIGGER_FAILED, {"error": TRIGGER_TIMEOUT}, {})
    with pytest.raises(TaskDeferralError, match="Trigger failure"):
        operator.resume_execution(TRIGGER_FAILED, {"error": "Trigger failure"}, {})


def test_an_operator_without_work_says_so() -> None:
    with DAG("d"):
        with pytest.raises(TypeError, match="does not define execute"):
            BaseOperator(task_id="a").execute({})
        with pytest.raises(TypeError, match="aexecute"):
            BaseAsyncOperator(task_id="b").execute({})


class Store(dict[str, Any]):
    def set(self, key: str, value: Any) -> None:
        self[key] = value


class Job(ResumableJobMixin, BaseOperator):
    """A job whose status the test decides."""

    status = "failed"
    submitted = 0

    def execute(self, context: Any) -> Any:
        return self.execute_resumable(context)

    def submit_job(self, context: Any) -> str:
        self.submitted += 1
        return f"job-{self.submitted}"

    def get_job_status(self, external_id: Any, context: Any) -> str:
        return self.status

    def is_job_active(self, status: str) -> bool:
        return status == "running"

    def is_job_succeeded(self, status: str) -> bool:
        return status == "succeeded"

    def poll_until_complete(self, external_id: Any, context: Any) -> Any:
        return f"waited for {external_id}"

    def get_job_result(self, external_id: Any, context: Any) -> Any:
        return f"result of {external_id}"


@pytest.mark.parametrize(
    ("status", "result", "submitted"),
    [
        ("running", "waited for job-0", 0),
        ("succeeded", "result of job-0", 0),
        ("failed", "result of job-1", 1),
    ],
)
def test_a_later_try_finds_its_job(status: str, result: str, submitted: int) -> None:
    with DAG("d"):
        job = Job(task_id="j", durable=True, retries=2)
    job.status = status
    store = Store(remote_job_id="job-0")

    assert job.execute({"task_state_store": store}) == result
    assert job.submitted == submitted
    assert store["remote_job_id"] == ("job-1" if submitted else "job-0")


def test_without_durability_every_try_submits() -> None:
    with DAG("d") as dag:
        job = Job(task_id="j", durable=False)
        Job.partial(task_id="m", durable=False).expand(pool=["a"])

    assert job.execute({"task_state_store": Store(remote_job_id="job-0")}) == "result of job-1"
    assert isinstance(serialize_dag(dag, "f.py").tasks[1].expansion, core.Expansion)
