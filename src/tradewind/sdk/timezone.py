"""`airflow.sdk.timezone`: aware times. A naive time is read in the default zone, UTC unless set."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from pendulum import DateTime, FixedTimezone, Timezone

__all__ = [
    "coerce_datetime",
    "convert_to_utc",
    "datetime",
    "from_timestamp",
    "is_localized",
    "is_naive",
    "make_aware",
    "make_naive",
    "parse",
    "parse_timezone",
    "utc",
    "utcnow",
]

utc = dt.UTC


def utcnow() -> DateTime:
    import pendulum

    return pendulum.now("UTC")


def is_localized(value: dt.datetime) -> bool:
    return value.utcoffset() is not None


def is_naive(value: dt.datetime) -> bool:
    return not is_localized(value)


def parse_timezone(name: str | int) -> FixedTimezone | Timezone:
    """A zone by its IANA name, or by its offset in seconds."""
    import pendulum

    return pendulum.timezone(name)


def _default_zone() -> dt.tzinfo:
    from tradewind.sdk.configuration import conf

    name = conf.get("core", "default_timezone")
    if name.lower() == "utc":
        return utc
    import pendulum

    return pendulum.now().tzinfo or utc if name == "system" else parse_timezone(name)


def make_aware(value: dt.datetime, timezone: dt.tzinfo | None = None) -> DateTime:
    """The naive time in `timezone` (or the default zone); ValueError for an aware one."""
    if is_localized(value):
        raise ValueError(f"make_aware expects a naive datetime, got {value}")
    import pendulum

    return pendulum.instance(value, tz=timezone or _default_zone())


def make_naive(value: dt.datetime, timezone: dt.tzinfo | None = None) -> dt.datetime:
    """The wall clock of `timezone` (or the default zone); ValueError for a naive time."""
    if is_naive(value):
        raise ValueError(f"make_naive() cannot be applied to a naive datetime, got {value}")
    return dt.datetime.fromtimestamp(value.timestamp(), timezone or _default_zone()).replace(
        tzinfo=None
    )


@overload
def coerce_datetime(v: None, tz: dt.tzinfo | None = None) -> None: ...
@overload
def coerce_datetime(v: dt.datetime, tz: dt.tzinfo | None = None) -> DateTime: ...
def coerce_datetime(v: dt.datetime | None, tz: dt.tzinfo | None = None) -> DateTime | None:
    """An aware pendulum time; a naive one is read in `tz` (or the default zone)."""
    if v is None:
        return None
    import pendulum

    return pendulum.instance(v) if is_localized(v) else make_aware(v, tz)


@overload
def convert_to_utc(value: None) -> None: ...
@overload
def convert_to_utc(value: dt.datetime) -> DateTime: ...
def convert_to_utc(value: dt.datetime | None) -> DateTime | None:
    if value is None:
        return None
    return coerce_datetime(value).in_timezone("UTC")


def datetime(*args: Any, **kwargs: Any) -> dt.datetime:
    """`datetime.datetime(...)` that is always aware."""
    if "tzinfo" not in kwargs:
        kwargs["tzinfo"] = _default_zone()
    return dt.datetime(*args, **kwargs)


def parse(string: str, timezone: dt.tzinfo | None = None, *, strict: bool = False) -> DateTime:
    """The time that the text says; without a zone it is in `timezone` (or the default zone)."""
    import pendulum

    zone: Any = timezone or _default_zone()
    parsed = pendulum.parse(string, tz=zone, strict=strict)
    if not isinstance(parsed, pendulum.DateTime):
        raise ValueError(f"{string!r} does not say a date and time")
    return parsed


def from_timestamp(timestamp: float, tz: Any = None) -> DateTime:
    import pendulum

    return pendulum.from_timestamp(timestamp, tz or "UTC")
