"""Wait for a moment."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tradewind.sdk.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

_LONGEST_SLEEP_SECONDS = 3600.0  # the wall clock may be set while we sleep


class DateTimeTrigger(BaseTrigger):
    """Fires at `moment` (aware), or at `target_time` (aware, or ISO 8601 text); exactly one.

    The payload is the moment. With `end_from_trigger` the task ends right there as a success.
    """

    def __init__(
        self,
        moment: datetime | None = None,
        *,
        target_time: datetime | str | None = None,
        end_from_trigger: bool = False,
    ) -> None:
        super().__init__()
        if (moment is None) == (target_time is None):
            raise TypeError("DateTimeTrigger requires exactly one of 'moment' or 'target_time'")
        if moment is not None and not isinstance(moment, datetime):
            raise TypeError(f"Expected datetime.datetime type for moment. Got {type(moment)}")
        self.moment = _as_utc(moment if moment is not None else target_time)
        self.end_from_trigger = end_from_trigger

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "tradewind.sdk.triggers.temporal.DateTimeTrigger",
            {"moment": self.moment, "end_from_trigger": self.end_from_trigger},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while True:
            seconds = (self.moment - datetime.now(UTC)).total_seconds()
            if seconds <= 0:
                break
            await asyncio.sleep(min(seconds, _LONGEST_SLEEP_SECONDS))
        yield TaskSuccessEvent() if self.end_from_trigger else TriggerEvent(self.moment)


class TimeDeltaTrigger(DateTimeTrigger):
    """Fires `delta` after it was made, however often it is restarted."""

    def __init__(self, delta: timedelta, *, end_from_trigger: bool = False) -> None:
        super().__init__(datetime.now(UTC) + delta, end_from_trigger=end_from_trigger)


def _as_utc(value: datetime | str | None) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"DateTimeTrigger needs a time with a time zone; got {value!r}")
    return moment.astimezone(UTC)
