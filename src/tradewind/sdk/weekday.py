"""Days of the week as Airflow counts them: Monday is 1."""

from collections.abc import Iterable
from enum import IntEnum, unique


@unique
class WeekDay(IntEnum):
    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7

    @classmethod
    def get_weekday_number(cls, week_day_str: str) -> "WeekDay":
        """The day with that full English name, in any case; `AttributeError` for anything else."""
        try:
            return cls[week_day_str.upper()]
        except KeyError:
            raise AttributeError(
                f'Invalid Week Day passed: "{week_day_str}"; use a full English name like "Monday".'
            ) from None

    @classmethod
    def convert(cls, day: "str | WeekDay") -> "WeekDay":
        return day if isinstance(day, WeekDay) else cls.get_weekday_number(day)

    @classmethod
    def validate_week_day(
        cls, week_day: "str | WeekDay | Iterable[str] | Iterable[WeekDay]"
    ) -> set[int]:
        """One day or several, by name or member, as a set of numbers."""
        if isinstance(week_day, str | WeekDay):
            return {cls.convert(week_day)}
        if not isinstance(week_day, Iterable):
            raise TypeError(
                f"week_day must be a day's name, a WeekDay or several of them; "
                f"got {type(week_day).__name__}."
            )
        return {cls.convert(day) for day in week_day}
