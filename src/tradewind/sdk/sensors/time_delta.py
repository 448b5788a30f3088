"""Wait for some time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tradewind.sdk.configuration import default_deferrable
from tradewind.sdk.sensors.base import BaseSensorOperator
from tradewind.sdk.timezone import utcnow
from tradewind.sdk.triggers.temporal import DateTimeTrigger, TimeDeltaTrigger


class TimeDeltaSensor(BaseSensorOperator):
    """Done `delta` after the end of the run's data interval; without one, after `run_after`.

    delta: a timedelta, or (from a template) minutes.
    """

    template_fields: Sequence[str] = ("delta",)

    def __init__(
        self,
        *,
        delta: timedelta | int,
        deferrable: bool | None = None,
        end_from_trigger: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.delta = delta
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.end_from_trigger = end_from_trigger

    def _target(self, context: Any) -> datetime:
        base = context.get("data_interval_end") or context["dag_run"].run_after
        target: datetime = base + _as_timedelta(self.delta)
        return target

    def poke(self, context: Any) -> bool:
        target = self._target(context)
        self.log.info("Checking if the time (%s) has come", target)
        return utcnow() > target

    def execute(self, context: Any) -> Any:
        if not self.deferrable:
            return super().execute(context)
        target = self._target(context)
        if utcnow() > target:
            return True
        self.defer(
            trigger=DateTimeTrigger(target, end_from_trigger=self.end_from_trigger),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """The time is over."""


class TimeDeltaSensorAsync(TimeDeltaSensor):
    """`TimeDeltaSensor(deferrable=True)`, its older name."""

    def __init__(self, *, delta: timedelta | int, **kwargs: Any) -> None:
        kwargs["deferrable"] = True
        super().__init__(delta=delta, **kwargs)


class WaitSensor(BaseSensorOperator):
    """Done `time_to_wait` after the task started: a timedelta, or (from a template) minutes."""

    template_fields: Sequence[str] = ("time_to_wait",)

    def __init__(
        self, *, time_to_wait: timedelta | int, deferrable: bool | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.time_to_wait = time_to_wait
        self.deferrable = default_deferrable() if deferrable is None else deferrable

    def execute(self, context: Any) -> None:
        duration = _as_timedelta(self.time_to_wait)
        if not self.deferrable:
            time.sleep(duration.total_seconds())
            return
        self.defer(
            trigger=TimeDeltaTrigger(duration, end_from_trigger=True),
            method_name="execute_complete",
        )

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """The time is over."""


def _as_timedelta(value: timedelta | int | str) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta(minutes=int(value))
