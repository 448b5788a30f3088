"""Waits between tries, as Airflow 3.3.2 computes them."""

from datetime import UTC, datetime, timedelta

import pytest

from support.worlds import START, task
from tradewind.core.moments import LATEST
from tradewind.core.runs.instances import RunFacts, TaskInstance
from tradewind.core.runs.retries import MAX_DELAY_SECONDS, may_retry, retry_at, retry_delay
from tradewind.core.states import DagRunType

AT = datetime(2026, 1, 15, 6, tzinfo=UTC)


def facts(logical_date: datetime | None = AT) -> RunFacts:
    return RunFacts(dag_id="dag", run_id="r", run_type=DagRunType.MANUAL, logical_date=logical_date)


def seconds(try_number: int, logical_date: datetime | None = AT, **fields: float | None) -> float:
    return retry_delay(task("t", **fields), facts(logical_date), try_number)


@pytest.mark.parametrize("factor", [0.0, 1.0, -2.0])
def test_constant_waits_ignore_the_cap(factor: float) -> None:
    fields = {"retry_exponential_backoff": factor, "max_retry_delay_seconds": 1.0}
    assert seconds(3, retry_delay_seconds=7.5, **fields) == 7.5


# try, delay, factor, with a logical date?, seconds: what TaskInstance.next_retry_datetime answered
@pytest.mark.parametrize(
    ("try_number", "delay", "factor", "dated", "expected"),
    [
        (1, 300.0, 2.0, True, 459.0),
        (1, 300.0, 2.0, False, 503.0),
        (1, 0.0, 2.0, True, 1.0),
        (1, 0.0, 2.0, False, 1.0),
        (1, 0.4, 3.0, True, 1.0),
        (1, 0.4, 3.0, False, 1.0),
        (1, 10.0, 1.5, True, 19.0),
        (1, 10.0, 1.5, False, 13.0),
        (2, 300.0, 2.0, True, 1165.0),
        (2, 300.0, 2.0, False, 687.0),
        (2, 0.0, 2.0, True, 1.0),
        (2, 0.0, 2.0, False, 1.0),
        (2, 0.4, 3.0, True, 3.0),
        (2, 0.4, 3.0, False, 3.0),
        (2, 10.0, 1.5, True, 25.0),
        (2, 10.0, 1.5, False, 27.0),
        (3, 300.0, 2.0, True, 1711.0),
        (3, 300.0, 2.0, False, 1856.0),
        (3, 0.0, 2.0, True, 1.0),
        (3, 0.0, 2.0, False, 1.0),
        (3, 0.4, 3.0, True, 7.0),
        (3, 0.4, 3.0, False, 4.0),
        (3, 10.0, 1.5, True, 33.0),
        (3, 10.0, 1.5, False, 37.0),
        (4, 300.0, 2.0, True, 4236.0),
        (4, 300.0, 2.0, False, 4374.0),
        (4, 0.0, 2.0, True, 1.0),
        (4, 0.0, 2.0, False, 1.0),
        (4, 0.4, 3.0, True, 20.0),
        (4, 0.4, 3.0, False, 20.0),
        (4, 10.0, 1.5, True, 44.0),
        (4, 10.0, 1.5, False, 48.0),
    ],
)
def test_exponential_waits(
    try_number: int, delay: float, factor: float, dated: bool, expected: float
) -> None:
    fields = {"retry_delay_seconds": delay, "retry_exponential_backoff": factor}
    assert seconds(try_number, AT if dated else None, **fields) == expected


def test_exponential_waits_are_capped() -> None:
    fields = {"retry_delay_seconds": 300.0, "retry_exponential_backoff": 2.0}
    assert seconds(3, max_retry_delay_seconds=400.0, **fields) == 400
    assert seconds(50, **fields) == MAX_DELAY_SECONDS
    assert seconds(5000, **fields) == MAX_DELAY_SECONDS  # beyond what a float can hold


def test_a_policys_wait_stands() -> None:
    ti = TaskInstance(task_id="t", try_number=1)
    assert retry_at(task("t"), facts(), ti, START, 0) == START
    assert retry_at(task("t"), facts(), ti, START, None) == START + timedelta(seconds=300)


@pytest.mark.parametrize(
    ("tries", "max_tries", "expected"), [(1, 0, False), (1, 1, True), (3, 2, False)]
)
def test_tries_are_counted_against_the_last_clear(
    tries: int, max_tries: int, expected: bool
) -> None:
    assert may_retry(TaskInstance(task_id="t", try_number=tries, max_tries=max_tries)) is expected


def test_a_wait_without_end_or_sense_stays_in_the_calendar() -> None:
    ti = TaskInstance(task_id="t", try_number=1)
    assert retry_at(task("t"), facts(), ti, START, timedelta.max.total_seconds()) == LATEST
    assert seconds(3, retry_exponential_backoff=float("nan")) <= MAX_DELAY_SECONDS
