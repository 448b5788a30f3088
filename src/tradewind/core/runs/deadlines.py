"""When a run's deadline is: a moment that `DeadlineSpec.reference` names, and an interval after."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import fmean

from tradewind.core.dag import DeadlineSpec
from tradewind.core.errors import InvalidDag
from tradewind.core.moments import later

_DEFAULT_MAX_RUNS = 10

REFERENCES = frozenset(
    {
        "DagRunLogicalDateDeadline",
        "DagRunQueuedAtDeadline",
        "FixedDatetimeDeadline",
        "AverageRuntimeDeadline",
    }
)


def due_at(
    spec: DeadlineSpec,
    *,
    logical_date: datetime | None,
    queued_at: datetime,
    durations: Sequence[float],
    now: datetime,
) -> datetime | None:
    """The deadline of a run that is being created; None: it has none.

    `durations`: seconds that the DAG's newest successful runs took, newest first by logical date,
    as many as `runs_needed` says.
    """
    reference = _reference(spec, logical_date, queued_at, durations, now)
    return None if reference is None else later(reference, spec.interval_seconds)


def _reference(
    spec: DeadlineSpec,
    logical_date: datetime | None,
    queued_at: datetime,
    durations: Sequence[float],
    now: datetime,
) -> datetime | None:
    match spec.reference:
        case "DagRunLogicalDateDeadline":
            return logical_date
        case "DagRunQueuedAtDeadline":
            return queued_at
        case "FixedDatetimeDeadline":
            return datetime.fromtimestamp(spec.arguments["datetime"], UTC)
        case _:
            counted = durations[: runs_needed(spec)]
            enough = len(counted) >= spec.arguments.get("min_runs", runs_needed(spec))
            return now + timedelta(seconds=fmean(counted)) if enough else None


def runs_needed(spec: DeadlineSpec) -> int:
    """How many earlier runs' durations matter to the deadline."""
    if spec.reference != "AverageRuntimeDeadline":
        return 0
    return int(spec.arguments.get("max_runs", _DEFAULT_MAX_RUNS))


def validate(spec: DeadlineSpec) -> None:
    """Raise `InvalidDag` for a deadline that cannot be computed."""
    if spec.reference not in REFERENCES:
        raise InvalidDag(
            f"The deadline reference {spec.reference!r} is not known.",
            hint="A reference of your own would have to run in the scheduler, which runs no code "
            "of DAG files. Use DeadlineReference.DAGRUN_LOGICAL_DATE, DAGRUN_QUEUED_AT, "
            "FIXED_DATETIME(...) or AVERAGE_RUNTIME(...).",
        )
    if spec.reference == "FixedDatetimeDeadline" and "datetime" not in spec.arguments:
        raise InvalidDag("A FixedDatetimeDeadline has no datetime.", hint="Give it one.")
    if spec.arguments.get("min_runs", 1) < 1 or spec.arguments.get("max_runs", 1) < 1:
        raise InvalidDag(
            f"An AverageRuntimeDeadline takes {spec.arguments} runs.",
            hint="min_runs and max_runs must be at least 1.",
        )
