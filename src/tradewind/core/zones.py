"""Time zones by name, and the wall clock's way to an instant."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from tradewind.core.errors import InvalidDag

_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """The zone of that IANA name, or a fixed offset such as `+05:30`. Raises `InvalidDag`."""
    if name == "UTC":
        return UTC
    if offset := _OFFSET.fullmatch(name):
        sign, hours, minutes = offset.groups()
        distance = timedelta(hours=int(hours), minutes=int(minutes))
        if distance < timedelta(days=1):
            return timezone(-distance if sign == "-" else distance)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a folder of zones
        raise InvalidDag(
            f"Unknown time zone {name!r}.",
            hint="Use an IANA name such as 'Europe/Berlin', 'UTC', or an offset such as '+05:30'.",
        ) from None


def to_wall_clock(at: datetime, where: tzinfo) -> datetime:
    """What a clock on the wall shows there, naive."""
    return at.astimezone(where).replace(tzinfo=None, fold=0)


def from_wall_clock(shown: datetime, where: tzinfo) -> datetime:
    """The instant (UTC) at which the clock shows that.

    A time that a change of clocks skips means as much later: 02:30 becomes 03:30. One that comes
    twice means the second. Both are the later of the two readings.
    """
    readings = (shown.replace(tzinfo=where, fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(readings)
