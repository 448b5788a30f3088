"""Wait for a day of the week."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tradewind.sdk.old_names import note_old_name
from tradewind.sdk.sensors.base import BaseSensorOperator
from tradewind.sdk.timezone import utcnow
from tradewind.sdk.weekday import WeekDay


class DayOfWeekSensor(BaseSensorOperator):
    """Done when today (UTC) is `week_day`, or one of several.

    use_task_logical_date: look at the run's logical date instead (`run_after` if it has none).
    """

    def __init__(
        self,
        *,
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
        self.week_day = week_day
        self.use_task_logical_date = use_task_logical_date or use_task_execution_day
        self._week_day_num = WeekDay.validate_week_day(week_day)

    def poke(self, context: Any) -> bool:
        today = utcnow()
        if self.use_task_logical_date:
            today = context.get("logical_date") or context["dag_run"].run_after
        self.log.info("Poking until weekday is in %s, it is %s", self.week_day, f"{today:%A}")
        return today.isoweekday() in self._week_day_num
