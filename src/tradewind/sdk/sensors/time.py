"""Wait for a time of day."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from tradewind.sdk.configuration import default_deferrable
from tradewind.sdk.sensors.base import BaseSensorOperator
from tradewind.sdk.timezone import convert_to_utc, utcnow
from tradewind.sdk.triggers.temporal import DateTimeTrigger


class TimeSensor(BaseSensorOperator):
    """Done once it is later than `target_time`, in the DAG's zone, on the day it began to wait.

    `deferrable` waits in the triggerer; `start_from_trigger` asks for nothing more.
    """

    def __init__(
        self,
        *,
        target_time: time,
        deferrable: bool | None = None,
        start_from_trigger: bool = False,
        end_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target_time = target_time
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.end_from_trigger = end_from_trigger

    def _target(self, context: Any) -> datetime:
        """The moment, in UTC. It must not move on when a sensor that waits passes midnight."""
        zone = self.dag.timezone or UTC
        first_poke = context["ti"].get_first_reschedule_date(context) or context["ti"].start_date
        day = (first_poke or utcnow()).astimezone(zone)
        return convert_to_utc(datetime.combine(day, self.target_time, zone))

    def execute(self, context: Any) -> Any:
        if not self.deferrable:
            return super().execute(context)
        self.defer(
            trigger=DateTimeTrigger(self._target(context), end_from_trigger=self.end_from_trigger),
            method_name="execute_complete",
        )

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """The time has come."""

    def poke(self, context: Any) -> bool:
        target = self._target(context)
        self.log.info("Checking if the time (%s) has come", target)
        return utcnow() > target


class TimeSensorAsync(TimeSensor):
    """`TimeSensor(deferrable=True)`, its older name."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["deferrable"] = True
        super().__init__(**kwargs)
