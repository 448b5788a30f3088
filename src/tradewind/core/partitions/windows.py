"""Windows of partitions: which members make up one period, as decoded values without a zone."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tradewind.core.errors import InvalidDag, UserError


class Window(NamedTuple):
    """`members` of the period that begins at (or, backward, ends with) a decoded key.

    `of_dates`: it counts in datetimes; otherwise in plain keys.
    """

    kind: str
    members: Callable[[Any], Iterable[Any]]
    of_dates: bool = True


def build_window(kind: str, arguments: dict[str, Any]) -> Window:
    """A window by Airflow's class name. Raises `InvalidDag`."""
    if kind == "SegmentWindow":
        segments = _checked_segments(arguments.get("segments"))
        return Window(kind, lambda _: segments, of_dates=False)
    direction = arguments.get("direction", "forward")
    if direction not in ("forward", "backward"):
        raise InvalidDag(
            f"{kind} has the direction {direction!r}.", hint="Use 'forward' or 'backward'."
        )
    backward = direction == "backward"
    if kind == "MonthWindow":
        return Window(kind, lambda start: _days_of_month(start, backward))
    if kind not in _STEPS:
        raise InvalidDag(
            f"The partition window {kind!r} is not known.",
            hint=f"Use one of {', '.join(sorted([*_STEPS, 'MonthWindow', 'SegmentWindow']))}.",
        )
    count, step = _STEPS[kind]
    first = 1 - count if backward else 0
    return Window(kind, lambda start: [step(start, first + i) for i in range(count)])


def _months(start: datetime, count: int) -> datetime:
    if start.day != 1:
        raise UserError(
            f"A window of months begins at {start.isoformat()}, in the middle of a month.",
            hint="Pair it with a mapper to the start of a month, quarter or year.",
        )
    total = start.month - 1 + count
    return start.replace(year=start.year + total // 12, month=total % 12 + 1)


def _days_of_month(start: datetime, backward: bool) -> list[datetime]:
    """All days of the month that begins; backward, the days after the last month's first one."""
    if backward:
        before = _months(start, -1)
        return [before + timedelta(days=i + 1) for i in range((start - before).days)]
    return [start + timedelta(days=i) for i in range((_months(start, 1) - start).days)]


_STEPS: dict[str, tuple[int, Callable[[datetime, int], datetime]]] = {
    "HourWindow": (60, lambda start, i: start + timedelta(minutes=i)),
    "DayWindow": (24, lambda start, i: start + timedelta(hours=i)),
    "WeekWindow": (7, lambda start, i: start + timedelta(days=i)),
    "QuarterWindow": (3, _months),
    "YearWindow": (12, _months),
}


def _checked_segments(segments: Any) -> list[str]:
    if not segments or not all(isinstance(segment, str) and segment for segment in segments):
        raise InvalidDag(
            f"SegmentWindow has the segments {segments!r}.",
            hint="Give at least one key, and only texts that are not empty.",
        )
    return list(dict.fromkeys(segments))
