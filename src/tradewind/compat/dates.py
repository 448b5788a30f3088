"""`airflow.utils.dates` of Airflow 1 and 2."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from tradewind.sdk.timezone import parse, utcnow

__all__ = [
    "cron_presets",
    "date_range",
    "datetime",
    "days_ago",
    "infer_time_unit",
    "parse_execution_date",
    "round_time",
    "scale_time_units",
    "timedelta",
]

cron_presets: dict[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}

_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


def days_ago(
    n: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0
) -> datetime:
    """That time of day (UTC) `n` days before today."""
    today = utcnow().replace(hour=hour, minute=minute, second=second, microsecond=microsecond)
    return today - timedelta(days=n)


def parse_execution_date(text: str) -> datetime:
    return parse(text)


def date_range(
    start_date: datetime,
    end_date: datetime | None = None,
    num: int | None = None,
    delta: timedelta = timedelta(days=1),
) -> list[datetime]:
    """From `start_date` on in steps of `delta`: up to `end_date` (included), or `num` of them.

    A negative `num` counts back. One of the two has to be given.
    """
    if (end_date is None) == (num is None):
        raise ValueError("date_range needs either end_date or num")
    if num is not None:
        step = delta if num >= 0 else -delta
        return sorted(start_date + step * i for i in range(abs(num)))
    dates = []
    date = start_date
    while end_date is not None and date <= end_date:
        dates.append(date)
        date += delta
    return dates


def round_time(dt: datetime, delta: timedelta, start_date: datetime = datetime.min) -> datetime:
    """The one of `start_date` + n × `delta` that is nearest to `dt`."""
    start = start_date.replace(tzinfo=dt.tzinfo) if start_date.tzinfo is None else start_date
    steps = (dt - start) / delta
    return start + delta * round(steps)


def infer_time_unit(time_seconds_arr: Iterable[float]) -> str:
    """The unit in which durations of this size read well."""
    longest = max(time_seconds_arr, default=0.0)
    return next((unit for unit, seconds in _UNITS if longest > 2 * seconds), "seconds")


def scale_time_units(time_seconds_arr: Iterable[float], unit: str) -> list[Any]:
    seconds = dict(_UNITS).get(unit, 1)
    return [duration / seconds for duration in time_seconds_arr]
