from datetime import UTC, datetime, timedelta, timezone

import pytest

from tradewind.core.errors import InvalidDag
from tradewind.core.moments import EARLIEST, LATEST, in_utc, later
from tradewind.core.zones import zone

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "moment"),
    [
        (60.0, NOW + timedelta(minutes=1)),
        (-60.0, NOW - timedelta(minutes=1)),
        (timedelta.max.total_seconds(), LATEST),
        (timedelta.min.total_seconds(), EARLIEST),
        (1e300, LATEST),
        (float("nan"), LATEST),
    ],
)
def test_no_interval_leads_out_of_the_calendar(seconds: float, moment: datetime) -> None:
    assert later(NOW, seconds) == moment


@pytest.mark.parametrize("hours", [-14, 0, 14])
def test_the_ends_of_the_calendar_can_be_shown_in_every_zone(hours: int) -> None:
    there = timezone(timedelta(hours=hours))
    for end, shown in ((datetime.min, EARLIEST), (datetime.max, LATEST)):
        moment = in_utc(end.replace(tzinfo=there))
        assert moment == shown
        moment.astimezone(timezone(timedelta(hours=14)))
        moment.astimezone(timezone(timedelta(hours=-14)))
    assert in_utc(NOW.astimezone(there)) == NOW


@pytest.mark.parametrize("name", ["+24:00", "-99:00", "+00:99x"])
def test_an_offset_of_a_day_is_no_zone(name: str) -> None:
    with pytest.raises(InvalidDag, match="Unknown time zone"):
        zone(name)
