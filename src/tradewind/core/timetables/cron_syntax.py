"""Cron expressions as Airflow reads them, translated into the plain form that cronsim searches.

Airflow reads cron with croniter, whose dialect differs from cronsim's: seconds stand last, ranges
may wrap around (`FRI-MON`), a range from a value to itself is the whole field, `MON-FRI#2` and `L5`
are weekdays, and day-of-month and day-of-week are joined by OR unless one of them is a star. All of
that is settled here; what comes out lists its values one by one.
"""

import re
from functools import lru_cache
from typing import NamedTuple, NoReturn

from tradewind.core.errors import InvalidDag

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
_ALIASES = {"@midnight": PRESETS["@daily"], "@annually": PRESETS["@yearly"]}

_MONTH_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec"
_WEEKDAY_NAMES = "sun mon tue wed thu fri sat"


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: str = ""  # in order, the first one stands for `low`


MINUTE = _Field("minute", 0, 59)
HOUR = _Field("hour", 0, 23)
DAY = _Field("day-of-month", 1, 31)
MONTH = _Field("month", 1, 12, _MONTH_NAMES)
WEEKDAY = _Field("day-of-week", 0, 6, _WEEKDAY_NAMES)
SECOND = _Field("second", 0, 59)
_FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY, SECOND)

_RANGE = re.compile(r"([^-/]+)-([^-/]+)(?:/(\d+))?", re.ASCII)
_STEP = re.compile(r"([^-/]+)/(\d+)", re.ASCII)
_NTH = re.compile(r"(\w+(?:-[a-z]{3})?)#(\d+)", re.ASCII)
_LAST_WEEKDAY = re.compile(r"l(\d+)", re.ASCII)
_NEAREST_WEEKDAY = re.compile(r"\d+w|w\d+|lw", re.ASCII)
_HASHED = re.compile(r"[hr](\(.*\))?(/\d+)?", re.ASCII)


class Cron(NamedTuple):
    """A cron expression in cronsim's form; `hourly`: it has ticks in every hour of the day.

    `search` is None when no date can ever match (30 February).
    """

    search: str | None
    hourly: bool


def resolve_preset(expression: str) -> str:
    """The cron expression that a preset such as `@daily` stands for; others as they are."""
    return PRESETS.get(expression, expression)


@lru_cache(maxsize=1024)
def parse(expression: str) -> Cron:
    """Read a cron expression of five or six fields, or a preset. Raises `InvalidDag`."""
    try:
        return _parse(_split(expression))
    except _Problem as problem:
        raise InvalidDag(
            f"Cron expression {expression!r}: {problem.message}", hint=problem.hint
        ) from None


class _Problem(Exception):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def _split(expression: str) -> list[str]:
    lowered = expression.lower()
    text = {**PRESETS, **_ALIASES}.get(lowered, lowered)
    fields = text.split()
    if text.startswith("@"):
        raise _Problem(
            "this preset is not known here.",
            f"Known are {', '.join([*PRESETS, *_ALIASES])}; @once and @continuous only as the "
            "DAG's whole schedule.",
        )
    if len(fields) == 7:
        raise _Problem(
            "a seventh field for the year is not supported.",
            "Limit the years with the DAG's start_date and end_date.",
        )
    if len(fields) not in (5, 6):
        raise _Problem(
            f"it has {len(fields)} fields, but five or six are needed.",
            "minute hour day-of-month month day-of-week, and seconds as the last if wanted.",
        )
    return fields if len(fields) == 6 else [*fields, "0"]


def _parse(texts: list[str]) -> Cron:
    for text, field in zip(texts, _FIELDS, strict=True):
        _refuse_unsupported(text, field)
    minutes, hours, days, months, weekdays, seconds = map(_values, texts, _FIELDS)
    if any(not value.isdigit() for value in weekdays):
        any_day, any_weekday = True, False  # a numbered weekday settles the day by itself
    else:
        any_day = _is_any(texts[2], days, DAY, other=texts[4])
        any_weekday = _is_any(texts[4], weekdays, WEEKDAY, other=texts[2])
    if any_day:
        days = ["*"]
    if any_weekday:
        weekdays = ["*"]
    parts = [
        _starred(seconds, SECOND),
        _starred(minutes, MINUTE),
        _starred(hours, HOUR),
        days,
        _starred(months, MONTH),
        weekdays,
    ]
    return Cron(
        search=" ".join(map(",".join, parts)) if _can_match(days, months, any_weekday) else None,
        hourly=len(hours) == 24,
    )


def _starred(values: list[str], field: _Field) -> list[str]:
    return ["*"] if len(values) == field.high - field.low + 1 else values


def _is_any(text: str, values: list[str], field: _Field, *, other: str) -> bool:
    """Whether a day field leaves all days open.

    A star does. All values listed without one do only beside a star in the other day field;
    otherwise they are joined by OR and then every day matches.
    """
    if any(term in ("*", "?") for term in text.split(",")):
        return True
    return len(values) == field.high - field.low + 1 and "*" in other


def _can_match(days: list[str], months: list[str], any_weekday: bool) -> bool:
    if not any_weekday or days == ["*"] or "l" in days:
        return True
    longest = max(29 if m == "2" else 30 if m in ("4", "6", "9", "11") else 31 for m in months)
    return min(map(int, days)) <= longest


def _refuse_unsupported(text: str, field: _Field) -> None:
    for term in text.split(","):
        if _HASHED.fullmatch(term):
            raise _Problem(
                f"{term!r} in the {field.name} field asks for a hashed or random value.",
                "Write the value that you want.",
            )
        if field is DAY and _NEAREST_WEEKDAY.fullmatch(term):
            raise _Problem(
                f"{term!r} (nearest weekday) is not supported.",
                "List the dates with EventsTimetable, or let the DAG skip days with a "
                "BranchDayOfWeekOperator.",
            )
    if "?" in text and (text != "?" or field not in (DAY, WEEKDAY)):
        raise _Problem(
            f"'?' in the {field.name} field.",
            "'?' may only stand alone for day-of-month or day-of-week; use '*'.",
        )


def _values(text: str, field: _Field) -> list[str]:
    """All values of a field, in order: numbers, `l` for the last day, `1#2`, `5l`."""
    found: set[str] = set()
    for term in text.split(","):
        found.update(_term(term, field))
    plain = sorted((value for value in found if value.isdigit()), key=int)
    numbered = sorted(value for value in found if "#" in value or value[1:] == "l")
    if numbered:
        numbered_days = {value[0] for value in numbered}
        if not set(plain) <= numbered_days and len(numbered_days | set(plain)) < 7:
            raise _Problem(
                f"the {field.name} field mixes plain weekdays with numbered ones ({text}).",
                "Give MultipleCronTriggerTimetable an expression for each.",
            )
        return numbered  # as croniter: it narrows the same day given plainly
    return plain + (["l"] if "l" in found else [])


def _term(term: str, field: _Field) -> list[str]:
    if field is WEEKDAY:
        if nth := _NTH.fullmatch(term):
            if not 1 <= int(nth[2]) <= 5:
                _bad(term, field, "a month has a first to a fifth of a weekday")
            return [f"{day}#{int(nth[2])}" for day in _term(nth[1], field)]
        if last := _LAST_WEEKDAY.fullmatch(term):
            return [f"{_number(last[1], field)}l"]
    if field is DAY and term == "l":
        return ["l"]
    if term in ("*", "?"):
        return _numbers(range(field.low, field.high + 1))
    return _numbers(_range(term, field))


def _numbers(values: "range | list[int]") -> list[str]:
    return [str(value) for value in values]


def _range(term: str, field: _Field) -> "range | list[int]":
    if match := _RANGE.fullmatch(re.sub(r"^\*/", f"{field.low}-{field.high}/", term)):
        high_text = str(field.high) if field is DAY and match[2] == "l" else match[2]
        low, high = _number(match[1], field), _number(high_text, field)
        step = _step(match[3] or "1", term, field)
        if low == high:  # croniter: from a value to itself is all the way round
            return range(field.low, field.high + 1, step)
        return range(low, high + 1, step) if low < high else _wrapped(low, high, step, field)
    if match := _STEP.fullmatch(term):
        return range(_number(match[1], field), field.high + 1, _step(match[2], term, field))
    return [_number(term, field)]


def _wrapped(low: int, high: int, step: int, field: _Field) -> list[int]:
    """A range that goes over the field's end, such as `22-4`.

    With a step that goes past the end croniter counts one too many; so does Airflow, so do we.
    """
    before = list(range(low, field.high + 1, step))
    left_over = field.high - before[-1]
    skip = step - left_over if step > left_over + 1 else 0
    return before + list(range(field.low + skip, high + 1, step))


def _step(text: str, term: str, field: _Field) -> int:
    if int(text) == 0:
        _bad(term, field, "a step of 0 goes nowhere")
    return int(text)


def _number(text: str, field: _Field) -> int:
    names = field.names.split()
    if text in names:
        return field.low + names.index(text)
    if not (text.isascii() and text.isdigit()):
        words = f", or {field.names.upper()}" if names else ""
        _bad(text, field, f"a number from {field.low} to {field.high}{words} is expected")
    value = int(text)
    if field is WEEKDAY and value == 7:
        return 0
    if not field.low <= value <= field.high:
        _bad(text, field, f"values go from {field.low} to {field.high}")
    return value


def _bad(text: str, field: _Field, why: str) -> NoReturn:
    raise _Problem(f"{text!r} is not a valid {field.name}.", why[0].upper() + why[1:] + ".")
