"""Branching by the day of the week."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tradewind.sdk.old_names import note_old_name
from tradewind.sdk.operators.branch import BaseBranchOperator
from tradewind.sdk.operators.datetime import date_of
from tradewind.sdk.weekday import WeekDay


class BranchDayOfWeekOperator(BaseBranchOperator):
    """Follows one path on `week_day` (a day or several), the other on all other days.

    The day is today's in the DAG's zone, or with `use_task_logical_date` the logical date's (of
    `run_after` if there is none).
    """

    def __init__(
        self,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        week_day: str | Iterable[str] | WeekDay | Iterable[WeekDay],
        use_task_logical_date: bool = False,
        use_task_execution_day: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if use_task_execution_day:
            note_old_name(
                "The argument use_task_execution_day is now called use_task_logical_date."
            )
        self.follow_task_ids_if_true = follow_task_ids_if_true
        self.follow_task_ids_if_false = follow_task_ids_if_false
        self.week_day = week_day
        self.use_task_logical_date = use_task_logical_date or use_task_execution_day
        self._week_day_num = WeekDay.validate_week_day(week_day)

    def choose_branch(self, context: Any) -> str | Iterable[str]:
        day = (
            date_of(context)
            if self.use_task_logical_date
            else datetime.now(self.dag.timezone or UTC)
        )
        if day.isoweekday() in self._week_day_num:
            return self.follow_task_ids_if_true
        return self.follow_task_ids_if_false
