"""Wait for a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tradewind.sdk.sensors.base import BaseSensorOperator
from tradewind.sdk.timezone import coerce_datetime, parse, utcnow
from tradewind.sdk.triggers.temporal import DateTimeTrigger


class DateTimeSensor(BaseSensorOperator):
    """Done once `target_time` is over: a datetime, or ISO 8601 text (templated)."""

    template_fields: Sequence[str] = ("target_time",)

    def __init__(self, *, target_time: str | datetime, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_time = target_time

    @property
    def _moment(self) -> datetime:
        if isinstance(self.target_time, datetime):
            return coerce_datetime(self.target_time)
        if isinstance(self.target_time, str):
            return parse(self.target_time)
        raise TypeError(
            f"Expected str or datetime.datetime type for target_time. Got {type(self.target_time)}"
        )

    def poke(self, context: Any) -> bool:
        self.log.info("Checking if the time (%s) has come", self.target_time)
        return utcnow() > self._moment


class DateTimeSensorAsync(DateTimeSensor):
    """The same, waiting in the triggerer; `start_from_trigger` asks for nothing more."""

    def __init__(
        self,
        *,
        start_from_trigger: bool = False,
        end_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.end_from_trigger = end_from_trigger

    def execute(self, context: Any) -> None:
        self.defer(
            trigger=DateTimeTrigger(self._moment, end_from_trigger=self.end_from_trigger),
            method_name="execute_complete",
        )

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """The moment has come."""
