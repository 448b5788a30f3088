"""Partition mappers: from an upstream asset's partition key to its consumers' keys, and back.

Built from a `PartitionMapperSpec`; what arguments look like is said in `core.partitions`.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

import msgspec

from tradewind.core.dag import PartitionMapperSpec
from tradewind.core.errors import InvalidDag, UserError
from tradewind.core.partitions.windows import Window, build_window
from tradewind.core.zones import from_wall_clock, zone


class Mapper:
    """The base of all, and Airflow's `IdentityMapper`: keys stay as they are."""

    of_dates = False  # whether windows are given datetimes

    def downstream(self, key: str) -> list[str]:
        """The consumer's keys. Raises `UserError` for a key that it does not take."""
        return [key]

    def decode(self, key: str) -> Any:
        """What stands behind a downstream key, for a window to count in."""
        return key

    def encode(self, member: Any) -> str:
        """The upstream key of a member of a window."""
        return str(member)

    def format(self, member: Any) -> str:
        """The downstream key of a member of a window."""
        return member.isoformat() if isinstance(member, datetime) else str(member)

    def date(self, key: str) -> datetime | None:
        """The moment at which a downstream key's period begins, if it stands for one."""
        return None


class AllowedKeys(Mapper):
    def __init__(self, keys: list[str]) -> None:
        self._keys = keys

    def downstream(self, key: str) -> list[str]:
        if key not in self._keys:
            raise UserError(
                f"Partition key {key!r} is not among the allowed keys {self._keys}.",
                hint="Add it to the AllowedKeyMapper, or emit another key.",
            )
        return [key]


class FixedKey(Mapper):
    def __init__(self, key: str) -> None:
        if not isinstance(key, str) or not key:
            raise InvalidDag(
                f"FixedKeyMapper has the downstream key {key!r}.",
                hint="Give a text that is not empty.",
            )
        self._key = key

    def downstream(self, key: str) -> list[str]:
        return [self._key]


class StartOfPeriod(Mapper):
    """A date and time, cut down to the hour, day, week, month, quarter or year that it lies in."""

    of_dates = True

    def __init__(
        self, period: str, where: tzinfo, input_format: str, output_format: str | None
    ) -> None:
        default_format, self._floor = _PERIODS[period]
        self._where = where
        self._input_format = input_format
        self._output_format = output_format or default_format
        # strptime can read neither %V without a weekday nor our quarter.
        by_pattern = period in ("Week", "Quarter")
        self._pattern = _pattern(self._output_format) if by_pattern else None

    def downstream(self, key: str) -> list[str]:
        given = _strptime(key, self._input_format)
        shown = given if given.tzinfo is None else given.astimezone(self._where)
        if given.tzinfo is None:
            shown = from_wall_clock(given, self._where).astimezone(self._where)
        return [self.format(self._floor(shown))]

    def decode(self, key: str) -> datetime:
        if self._pattern is None:
            return _strptime(key, self._output_format)
        parts = match.groupdict() if (match := self._pattern.fullmatch(key)) else {}
        if {"Y", "m", "d"} <= parts.keys():
            return datetime(int(parts["Y"]), int(parts["m"]), int(parts["d"]))
        if {"Y", "quarter"} <= parts.keys():
            return datetime(int(parts["Y"]), int(parts["quarter"]) * 3 - 2, 1)
        raise UserError(
            f"Partition key {key!r} cannot be read with the format {self._output_format!r}.",
            hint="The output_format needs %Y, %m and %d for weeks, %Y and {quarter} for quarters.",
        )

    def encode(self, member: datetime) -> str:
        return self._aware(member).strftime(self._input_format)

    def format(self, member: datetime) -> str:
        text = member.strftime(self._output_format)
        return text.replace("{quarter}", str((member.month + 2) // 3))

    def date(self, key: str) -> datetime:
        return self._aware(self._floor(self.decode(key)))

    def _aware(self, moment: datetime) -> datetime:
        if moment.tzinfo is not None:
            return moment.astimezone(self._where)
        return from_wall_clock(moment, self._where).astimezone(self._where)


class Product(Mapper):
    """A key of several dimensions, each with its own mapper."""

    def __init__(self, mappers: list[Mapper], delimiter: str) -> None:
        self._mappers = mappers
        self._delimiter = delimiter

    def downstream(self, key: str) -> list[str]:
        segments = key.split(self._delimiter)
        if len(segments) != len(self._mappers):
            raise UserError(
                f"Partition key {key!r} has {len(segments)} segments; ProductMapper has mappers "
                f"for {len(self._mappers)}.",
                hint=f"Segments are parted by {self._delimiter!r}.",
            )
        mapped = [
            _single(mapper.downstream(segment), "ProductMapper")
            for mapper, segment in zip(self._mappers, segments, strict=True)
        ]
        return [self._delimiter.join(mapped)]

    def date(self, key: str) -> datetime | None:
        segments = key.split(self._delimiter)
        if len(segments) != len(self._mappers):
            return None
        dates = [m.date(segment) for m, segment in zip(self._mappers, segments, strict=True)]
        known = [date for date in dates if date is not None]
        return known[0] if len(known) == 1 else None


class Chain(Mapper):
    """One mapper after the other."""

    def __init__(self, mappers: list[Mapper]) -> None:
        self._mappers = mappers

    def downstream(self, key: str) -> list[str]:
        keys = [key]
        for mapper in self._mappers:
            keys = [mapped for key in keys for mapped in mapper.downstream(key)]
        return keys

    def date(self, key: str) -> datetime | None:
        return self._mappers[-1].date(key)


class FanOut(Mapper):
    """One upstream key feeds a partition for each member of its period."""

    def __init__(self, upstream: Mapper, window: Window, downstream: Mapper) -> None:
        if window.of_dates and not upstream.of_dates:
            raise _mismatch("FanOutMapper", window)
        self._upstream = upstream
        self._window = window
        self._downstream = downstream

    def downstream(self, key: str) -> list[str]:
        period = self._upstream.decode(_single(self._upstream.downstream(key), "FanOutMapper"))
        return [self._downstream.format(member) for member in self._window.members(period)]

    def date(self, key: str) -> datetime | None:
        return self._downstream.date(key)


class RollUp(Mapper):
    """Many upstream keys make up one partition.

    `minimum`: None waits for all of them, a positive number for so many, a negative one for all
    but so many.
    """

    def __init__(self, upstream: Mapper, window: Window, minimum: int | None) -> None:
        if upstream.of_dates is not window.of_dates:
            raise _mismatch("RollupMapper", window)
        if minimum == 0:
            raise InvalidDag(
                "MinimumCount(0) would never wait.",
                hint="Use WaitForAll, or a count other than 0.",
            )
        self._upstream = upstream
        self._window = window
        self.minimum = minimum

    def downstream(self, key: str) -> list[str]:
        return self._upstream.downstream(key)

    def upstream(self, key: str) -> frozenset[str]:
        """All upstream keys that make up a partition."""
        members = self._window.members(self._upstream.decode(key))
        return frozenset(self._upstream.encode(member) for member in members)

    def date(self, key: str) -> datetime | None:
        return self._upstream.date(key)


# --- periods --------------------------------------------------------------------------------------


def _midnight(shown: datetime, **changes: int) -> datetime:
    return shown.replace(hour=0, minute=0, second=0, microsecond=0, **changes)  # type: ignore[arg-type]  # ints only


_PERIODS: dict[str, tuple[str, Callable[[datetime], datetime]]] = {
    "Hour": ("%Y-%m-%dT%H", lambda d: d.replace(minute=0, second=0, microsecond=0)),
    "Day": ("%Y-%m-%d", _midnight),
    "Week": ("%Y-%m-%d (W%V)", lambda d: _midnight(d - timedelta(days=d.weekday()))),
    "Month": ("%Y-%m", lambda d: _midnight(d, day=1)),
    "Quarter": ("%Y-Q{quarter}", lambda d: _midnight(d, day=1, month=(d.month - 1) // 3 * 3 + 1)),
    "Year": ("%Y", lambda d: _midnight(d, day=1, month=1)),
}

_DIRECTIVE = re.compile(r"(%[YmdHMSVUW]|\{quarter\})")


def _pattern(output_format: str) -> re.Pattern[str]:
    """What keys of that format look like; every directive a group of its own."""
    pattern = ""
    for part in _DIRECTIVE.split(output_format):
        if not _DIRECTIVE.fullmatch(part):
            pattern += re.escape(part)
        elif part == "{quarter}":
            pattern += "(?P<quarter>[1-4])"
        else:
            pattern += rf"(?P<{part[1]}>\d{{{4 if part == '%Y' else 2}}})"
    try:
        return re.compile(pattern, re.ASCII)
    except re.error:
        raise InvalidDag(
            f"The output_format {output_format!r} has a directive twice.",
            hint="Each of them may appear once.",
        ) from None


def _strptime(key: str, key_format: str) -> datetime:
    try:
        return datetime.strptime(key, key_format)
    except ValueError as error:
        raise UserError(
            f"Partition key {key!r} does not fit the format {key_format!r}: {error}.",
            hint="Set the mapper's input_format to what the upstream emits.",
        ) from None


def _mismatch(kind: str, window: Window) -> InvalidDag:
    return InvalidDag(
        f"{kind}: a {window.kind} cannot count the keys of its upstream mapper.",
        hint="Windows of time go with StartOf… mappers, SegmentWindow with the others.",
    )


def _single(keys: list[str], kind: str) -> str:
    if len(keys) != 1:
        raise UserError(
            f"A mapper inside {kind} makes {len(keys)} keys of one.",
            hint="Only mappers that give a single key can be there.",
        )
    return keys[0]


# --- from specifications --------------------------------------------------------------------------

_FAN_OUT_FORMATS = {
    "DayWindow": "StartOfHourMapper",
    "WeekWindow": "StartOfDayMapper",
    "MonthWindow": "StartOfDayMapper",
    "QuarterWindow": "StartOfMonthMapper",
    "YearWindow": "StartOfMonthMapper",
}


def build_mapper(spec: PartitionMapperSpec) -> Mapper:
    """The mapper that a specification describes. Raises `InvalidDag` for one that cannot be."""
    return _build_cached(msgspec.json.encode(spec, order="sorted"))


@lru_cache(maxsize=512)
def _build_cached(document: bytes) -> Mapper:
    spec = msgspec.json.decode(document, type=PartitionMapperSpec)
    return _build({"kind": spec.kind, "arguments": spec.arguments})


def _build(spec: dict[str, Any]) -> Mapper:
    kind: str = spec["kind"]
    arguments: dict[str, Any] = spec.get("arguments", {})
    if kind.startswith("StartOf") and kind[7:-6] in _PERIODS:
        return StartOfPeriod(
            kind[7:-6],
            zone(arguments.get("timezone", "UTC")),
            arguments.get("input_format", "%Y-%m-%dT%H:%M:%S"),
            arguments.get("output_format"),
        )
    builder = _BUILDERS.get(kind)
    if builder is None:
        raise InvalidDag(
            f"The partition mapper {kind!r} is not known.",
            hint=f"Use one of {', '.join(_BUILDERS)} or StartOf…Mapper; mappers of your own cannot "
            "be evaluated by the scheduler.",
        )
    return builder(arguments)


def _build_all(specs: list[dict[str, Any]]) -> list[Mapper]:
    return [_build(spec) for spec in specs]


def _window(arguments: dict[str, Any]) -> Window:
    spec = arguments["window"]
    return build_window(spec["kind"], spec.get("arguments", {}))


def _fan_out(arguments: dict[str, Any]) -> Mapper:
    window = _window(arguments)
    downstream = arguments.get("downstream_mapper")
    if downstream is None:
        if window.kind not in _FAN_OUT_FORMATS:
            raise InvalidDag(
                f"FanOutMapper does not know how to name the members of a {window.kind}.",
                hint="Pass downstream_mapper.",
            )
        downstream = {"kind": _FAN_OUT_FORMATS[window.kind]}
    return FanOut(_build(arguments["upstream_mapper"]), window, _build(downstream))


def _roll_up(arguments: dict[str, Any]) -> Mapper:
    policy = arguments.get("wait_policy") or {"kind": "WaitForAll"}
    if policy["kind"] not in ("WaitForAll", "MinimumCount"):
        raise InvalidDag(
            f"The wait policy {policy['kind']!r} is not known.",
            hint="Use WaitForAll or MinimumCount.",
        )
    minimum = policy["arguments"]["n"] if policy["kind"] == "MinimumCount" else None
    return RollUp(_build(arguments["upstream_mapper"]), _window(arguments), minimum)


_BUILDERS: dict[str, Callable[[dict[str, Any]], Mapper]] = {
    "IdentityMapper": lambda arguments: Mapper(),
    "AllowedKeyMapper": lambda arguments: AllowedKeys(arguments["allowed_keys"]),
    "FixedKeyMapper": lambda arguments: FixedKey(arguments["downstream_key"]),
    "ProductMapper": lambda arguments: Product(
        _build_all(arguments["mappers"]), arguments.get("delimiter", "|")
    ),
    "ChainMapper": lambda arguments: Chain(_build_all(arguments["mappers"])),
    "FanOutMapper": _fan_out,
    "RollupMapper": _roll_up,
}
