"""Cron expressions that are refused say what is wrong and what to write instead."""

import pytest

from tradewind.core.dag import CronInterval, CronPartition, CronTrigger
from tradewind.core.errors import InvalidDag
from tradewind.core.timetables import validate
from tradewind.core.timetables.cron_syntax import parse, resolve_preset


@pytest.mark.parametrize(
    ("expression", "problem", "hint"),
    [
        ("* * * *", "it has 4 fields", "minute hour day-of-month"),
        ("", "it has 0 fields", "minute hour"),
        ("* * * * * * 2030", "year", "start_date and end_date"),
        ("@reboot", "preset is not known", "@hourly"),
        ("@once", "preset is not known", "@once and @continuous only"),
        ("61 * * * *", "'61' is not a valid minute", "Values go from 0 to 59"),
        ("* 24 * * *", "'24' is not a valid hour", "0 to 23"),
        ("* * 0 * *", "'0' is not a valid day-of-month", "1 to 31"),
        ("* * * 13 *", "'13' is not a valid month", "1 to 12"),
        ("* * * FOO *", "'foo' is not a valid month", "JAN FEB"),
        ("* * * * 8", "'8' is not a valid day-of-week", "0 to 6"),
        ("* * * * FUN-FRI", "'fun' is not a valid day-of-week", "SUN MON"),
        ("* * * * * 60", "'60' is not a valid second", "0 to 59"),
        ("٣ * * * *", "'٣' is not a valid minute", "A number from 0 to 59"),
        ("*/0 * * * *", "'*/0' is not a valid minute", "step of 0"),
        ("5/0 * * * *", "'5/0' is not a valid minute", "step of 0"),
        ("H * * * *", "'h' in the minute field", "Write the value"),
        ("R(0-5)/2 * * * *", "hashed or random", "Write the value"),
        ("0 9 15W * *", "'15w' .nearest weekday.", "EventsTimetable"),
        ("0 9 LW * *", "'lw' .nearest weekday.", "EventsTimetable"),
        ("? * * * *", "'\\?' in the minute field", "use '\\*'"),
        ("* * 1,? * *", "'\\?' in the day-of-month field", "use '\\*'"),
        ("* * * * MON#6", "'mon#6' is not a valid day-of-week", "first to a fifth"),
        ("* * * * MON,FRI#2", "mixes plain weekdays", "MultipleCronTriggerTimetable"),
    ],
)
def test_refused(expression: str, problem: str, hint: str) -> None:
    with pytest.raises(InvalidDag, match=problem) as caught:
        validate(CronTrigger(crons=["@daily", expression]))
    assert repr(expression) in str(caught.value)
    assert caught.value.hint is not None
    with pytest.raises(AssertionError, match=hint):
        raise AssertionError(caught.value.hint)


@pytest.mark.parametrize(
    "timetable",
    [
        CronTrigger(crons=["@daily"], timezone="Mars/Olympus"),
        CronInterval(cron="@daily", timezone="Mars/Olympus"),
        CronPartition(cron="@daily", timezone="Mars/Olympus"),
        CronTrigger(crons=["@daily"], timezone="Europe"),
        CronTrigger(crons=["@daily"], timezone="../etc/passwd"),
        CronTrigger(crons=["@daily"], timezone=""),
    ],
)
def test_unknown_zones_are_refused(timetable: CronTrigger | CronInterval | CronPartition) -> None:
    with pytest.raises(InvalidDag, match="Unknown time zone") as caught:
        validate(timetable)
    assert "Europe/Berlin" in (caught.value.hint or "")


def test_no_expression_at_all() -> None:
    with pytest.raises(InvalidDag, match="no cron expression"):
        validate(CronTrigger(crons=[]))


def test_presets() -> None:
    assert resolve_preset("@quarterly") == "0 0 1 */3 *"
    assert resolve_preset("5 4 * * *") == "5 4 * * *"
    assert parse("@annually") == parse("@yearly") == parse("0 0 1 1 *")
    assert parse("@midnight") == parse("@DAILY") == parse("0 0 * * *")


@pytest.mark.parametrize("hours", ["*", "*/1", "0-23", "0-11,12-23", "5-5"])
def test_every_hour_however_it_is_written(hours: str) -> None:
    assert parse(f"0 {hours} * * *").hourly


@pytest.mark.parametrize("hours", ["*/2", "0-22", "1-23"])
def test_not_every_hour(hours: str) -> None:
    assert not parse(f"0 {hours} * * *").hourly


@pytest.mark.parametrize("never", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_dates_that_never_come_are_no_error(never: str) -> None:
    """People write them to switch a schedule off."""
    validate(CronTrigger(crons=[never]))
    assert parse(never).search is None
