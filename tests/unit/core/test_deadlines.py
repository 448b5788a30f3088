"""When a deadline is due."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tradewind.core.dag import DeadlineSpec
from tradewind.core.errors import InvalidDag
from tradewind.core.runs.deadlines import due_at, runs_needed, validate

LOGICAL = datetime(2026, 1, 1, tzinfo=UTC)
QUEUED = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
NOW = datetime(2026, 1, 1, 0, 6, tzinfo=UTC)


def spec(reference: str, **arguments: Any) -> DeadlineSpec:
    return DeadlineSpec(reference=reference, interval_seconds=3600.0, arguments=arguments)


def due(deadline: DeadlineSpec, durations: list[float] | None = None) -> datetime | None:
    return due_at(
        deadline, logical_date=LOGICAL, queued_at=QUEUED, durations=durations or [], now=NOW
    )


@pytest.mark.parametrize(
    ("deadline", "reference"),
    [
        (spec("DagRunLogicalDateDeadline"), LOGICAL),
        (spec("DagRunQueuedAtDeadline"), QUEUED),
        (
            spec("FixedDatetimeDeadline", datetime=1_767_312_000.0),
            datetime(2026, 1, 2, tzinfo=UTC),
        ),
    ],
)
def test_an_hour_after(deadline: DeadlineSpec, reference: datetime) -> None:
    validate(deadline)
    assert due(deadline) == reference + timedelta(hours=1)


def test_without_a_logical_date_there_is_no_deadline_after_it() -> None:
    deadline = spec("DagRunLogicalDateDeadline")
    assert due_at(deadline, logical_date=None, queued_at=QUEUED, durations=[], now=NOW) is None


def test_average_runtime() -> None:
    deadline = spec("AverageRuntimeDeadline", max_runs=3, min_runs=2)
    validate(deadline)
    assert runs_needed(deadline) == 3
    assert due(deadline, [60.0]) is None
    assert due(deadline, [60.0, 120.0]) == NOW + timedelta(hours=1, seconds=90)
    assert due(deadline, [60.0, 120.0, 180.0, 10**6]) == NOW + timedelta(hours=1, seconds=120)


def test_average_runtime_takes_ten_runs_unless_told() -> None:
    deadline = spec("AverageRuntimeDeadline")
    assert due(deadline, [60.0] * 9) is None
    assert due(deadline, [60.0] * 10) == NOW + timedelta(hours=1, minutes=1)
    assert runs_needed(spec("DagRunQueuedAtDeadline")) == 0


@pytest.mark.parametrize(
    ("deadline", "why"),
    [
        (spec("PayDay"), "'PayDay' is not known"),
        (spec("FixedDatetimeDeadline"), "no datetime"),
        (spec("AverageRuntimeDeadline", min_runs=0), "takes"),
        (spec("AverageRuntimeDeadline", max_runs=-1), "takes"),
    ],
)
def test_deadlines_that_cannot_be(deadline: DeadlineSpec, why: str) -> None:
    with pytest.raises(InvalidDag, match=why) as caught:
        validate(deadline)
    assert caught.value.hint
