"""Partition mappers, windows and wait policies: how keys of upstream assets become keys of runs.

Declarations only; `core.partitions` evaluates them, and checks them when the DAG is serialized.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from enum import StrEnum
from typing import Any, ClassVar

from tradewind.sdk import dates


class _Declared:
    """Something that is written down as its class name and its arguments."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = {key: value for key, value in arguments.items() if value is not None}
        self.__dict__.update(arguments)

    def to_json(self) -> dict[str, Any]:
        arguments = {name: _to_json(value) for name, value in self.arguments.items()}
        return {"kind": type(self).__name__, "arguments": arguments}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{type(self).__name__}({shown})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash(repr(self))


def _to_json(value: Any) -> Any:
    if isinstance(value, _Declared):
        return value.to_json()
    if isinstance(value, (list, tuple)):
        return [_to_json(item) for item in value]
    return value


class WaitPolicy(_Declared):
    """When a roll-up is complete."""


class WaitForAll(WaitPolicy):
    """When every key of the window has come."""

    def __init__(self) -> None:
        super().__init__()


class MinimumCount(WaitPolicy):
    """When `n` keys have come, or when at most `-n` are missing."""

    def __init__(self, n: int) -> None:
        if n == 0:
            raise ValueError(
                "MinimumCount(0) is degenerate: n=0 would always fire, even on empty windows. "
                "Use WaitForAll() to require every key, or MinimumCount(n) with n != 0."
            )
        super().__init__(n=n)


class Window(_Declared):
    """Which keys make up a period."""

    class Direction(StrEnum):
        """Whether the period starts or ends at the key."""

        BACKWARD = "backward"
        FORWARD = "forward"

    is_temporal: ClassVar[bool] = True

    def __init__(self, *, direction: Direction | str = Direction.FORWARD) -> None:
        super().__init__(direction=Window.Direction(direction).value)


class HourWindow(Window):
    """Sixty minutes."""


class DayWindow(Window):
    """Twenty-four hours."""


class WeekWindow(Window):
    """Seven days."""


class MonthWindow(Window):
    """The days of a month."""


class QuarterWindow(Window):
    """Three months."""


class YearWindow(Window):
    """Twelve months."""


class SegmentWindow(Window):
    """A fixed set of keys."""

    is_temporal = False

    def __init__(self, segments: Iterable[str]) -> None:
        keys = list(segments)
        for position, key in enumerate(keys):
            if not isinstance(key, str) or not key:
                raise ValueError(
                    f"SegmentWindow segment keys must be non-empty str; got {key!r} "
                    f"at index {position}"
                )
        if not keys:
            raise ValueError("SegmentWindow requires at least one segment key; got none.")
        _Declared.__init__(self, segments=sorted(set(keys)))


class PartitionMapper(_Declared):
    """Base of what maps an upstream key to keys of this DAG's runs."""

    is_temporal: ClassVar[bool] = False

    def __init__(self, *, max_downstream_keys: int | None = None, **arguments: Any) -> None:
        if max_downstream_keys is not None and (
            not isinstance(max_downstream_keys, int) or max_downstream_keys < 1
        ):
            raise ValueError(
                f"max_downstream_keys must be a positive integer or None, not {max_downstream_keys}"
            )
        super().__init__(max_downstream_keys=max_downstream_keys, **arguments)


class IdentityMapper(PartitionMapper):
    """The same key."""


class AllowedKeyMapper(PartitionMapper):
    """The same key, which has to be one of `allowed_keys`."""

    def __init__(self, allowed_keys: list[str], **arguments: Any) -> None:
        super().__init__(allowed_keys=list(allowed_keys), **arguments)


class FixedKeyMapper(PartitionMapper):
    """Always the key `downstream_key`."""

    def __init__(self, downstream_key: str, **arguments: Any) -> None:
        if not isinstance(downstream_key, str) or not downstream_key:
            raise ValueError(f"FixedKeyMapper needs a non-empty str, not {downstream_key!r}")
        super().__init__(downstream_key=downstream_key, **arguments)


class _TemporalMapper(PartitionMapper):
    is_temporal = True

    def __init__(
        self,
        *,
        timezone: str | tzinfo = "UTC",
        input_format: str = "%Y-%m-%dT%H:%M:%S",
        output_format: str | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(
            timezone=timezone if isinstance(timezone, str) else dates.zone_name(timezone),
            input_format=input_format,
            output_format=output_format,
            **arguments,
        )


class StartOfHourMapper(_TemporalMapper):
    """The hour that the key lies in."""


class StartOfDayMapper(_TemporalMapper):
    """The day that the key lies in."""


class StartOfWeekMapper(_TemporalMapper):
    """The Monday of the key's week."""


class StartOfMonthMapper(_TemporalMapper):
    """The month that the key lies in."""


class StartOfQuarterMapper(_TemporalMapper):
    """The quarter that the key lies in."""


class StartOfYearMapper(_TemporalMapper):
    """The year that the key lies in."""


class ProductMapper(PartitionMapper):
    """A key of several parts, each with its own mapper."""

    def __init__(self, *mappers: PartitionMapper, delimiter: str = "|", **arguments: Any) -> None:
        if len(mappers) < 2:
            raise TypeError("ProductMapper needs at least two mappers")
        super().__init__(mappers=list(mappers), delimiter=delimiter, **arguments)


class ChainMapper(PartitionMapper):
    """One mapper after the other."""

    def __init__(self, *mappers: PartitionMapper, **arguments: Any) -> None:
        if len(mappers) < 2:
            raise TypeError("ChainMapper needs at least two mappers")
        super().__init__(mappers=list(mappers), **arguments)


class FanOutMapper(PartitionMapper):
    """One upstream key feeds a run for each member of its period."""

    def __init__(
        self,
        *,
        upstream_mapper: PartitionMapper,
        window: Window,
        downstream_mapper: PartitionMapper | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(
            upstream_mapper=upstream_mapper,
            window=window,
            downstream_mapper=downstream_mapper,
            **arguments,
        )


class RollupMapper(PartitionMapper):
    """Many upstream keys make up one run's key."""

    def __init__(
        self,
        *,
        upstream_mapper: PartitionMapper,
        window: Window,
        wait_policy: WaitPolicy | None = None,
        **arguments: Any,
    ) -> None:
        if upstream_mapper.is_temporal != window.is_temporal:
            raise TypeError(
                f"{type(window).__name__} and {type(upstream_mapper).__name__} do not fit: windows "
                "of time go with StartOf... mappers, SegmentWindow with the others."
            )
        super().__init__(
            upstream_mapper=upstream_mapper,
            window=window,
            wait_policy=wait_policy or WaitForAll(),
            **arguments,
        )
