"""Times as DAG files give them, made aware."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pendulum import DateTime


def as_utc(value: Any, name: str) -> datetime | None:
    """An aware UTC datetime; a naive one is read as UTC.

    Raises AttributeError for something else, as Airflow does: it lacks a datetime's attributes.
    """
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise AttributeError(
            f"{name} has to be a datetime, not {type(value).__name__} ({value!r}); "
            "write datetime(2026, 1, 1)"
        )
    return known_utc(value)


def known_utc(value: datetime) -> datetime:
    """The same moment as a plain datetime in UTC, also of pendulum's; naive means UTC."""
    if value.utcoffset() is None:
        value = value.replace(tzinfo=UTC)
    at = value.astimezone(UTC)
    if type(at) is datetime:
        return at
    parts = (at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond)
    return datetime(*parts, tzinfo=UTC)


def utc_now() -> datetime:
    return datetime.now(UTC)


def as_pendulum(value: datetime) -> DateTime:
    """The same moment as pendulum's DateTime, which is what code of DAG files expects."""
    import pendulum

    return pendulum.instance(value)


def zone_name(zone: tzinfo | None) -> str:
    """The IANA name of a zone ("Europe/Berlin"), or an offset such as "+02:00" for a fixed one."""
    if zone is None:
        return "UTC"
    for attribute in ("key", "name", "zone"):
        name = getattr(zone, attribute, None)
        if isinstance(name, str) and name:
            return name
    offset = zone.utcoffset(None)
    if offset is None:
        raise ValueError(
            f"Time zone {zone!r} has no name; use zoneinfo.ZoneInfo or pendulum.timezone"
        )
    if not offset:
        return "UTC"
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
