"""Branching by the time."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.old_names import note_old_name
from tradewind.sdk.operators.branch import BaseBranchOperator
from tradewind.sdk.timezone import coerce_datetime, utcnow

Target = datetime.datetime | datetime.time | None


class BranchDateTimeOperator(BaseBranchOperator):
    """Follows one path between two points in time (both included), the other one outside.

    A target is a datetime, a time of day on the date that is looked at, or None: open on that side.
    Naive ones are in the DAG's zone. The date is now, or with `use_task_logical_date` the logical
    date (`run_after` if there is none).
    """

    def __init__(
        self,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        target_lower: Target,
        target_upper: Target,
        use_task_logical_date: bool = False,
        use_task_execution_date: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if target_lower is None and target_upper is None:
            raise AirflowException(
                "Both target_upper and target_lower are None. At least one must be defined to be "
                "compared to the current datetime"
            )
        if use_task_execution_date:
            note_old_name(
                "The argument use_task_execution_date is now called use_task_logical_date."
            )
        self.target_lower = target_lower
        self.target_upper = target_upper
        self.follow_task_ids_if_true = follow_task_ids_if_true
        self.follow_task_ids_if_false = follow_task_ids_if_false
        self.use_task_logical_date = use_task_logical_date or use_task_execution_date

    def choose_branch(self, context: Any) -> str | Iterable[str]:
        now = date_of(context) if self.use_task_logical_date else utcnow()
        lower, upper = target_times_as_dates(now, self.target_lower, self.target_upper)
        zone = self.dag.timezone
        after_lower = lower is None or coerce_datetime(lower, zone) <= now
        before_upper = upper is None or now <= coerce_datetime(upper, zone)
        if after_lower and before_upper:
            return self.follow_task_ids_if_true
        return self.follow_task_ids_if_false


def date_of(context: Any) -> datetime.datetime:
    """The run's logical date, or when it is due if it has none."""
    date: datetime.datetime = context.get("logical_date") or context["dag_run"].run_after
    return date


def target_times_as_dates(
    base_date: datetime.datetime, lower: Target, upper: Target
) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    """Times of day on the base date; an upper one before the lower one is on the next day."""
    low, high = _on_date(base_date, lower), _on_date(base_date, upper)
    given_as_dates = isinstance(lower, datetime.datetime) and isinstance(upper, datetime.datetime)
    if low is not None and high is not None and not given_as_dates and high < low:
        high += datetime.timedelta(days=1)
    return low, high


def _on_date(date: datetime.datetime, target: Target) -> datetime.datetime | None:
    if isinstance(target, datetime.time):
        return datetime.datetime.combine(date, target)
    return target
