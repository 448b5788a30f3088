"""Record what Apache Airflow's partition mappers say, for tests/unit/core/test_partition_facts.py.

Run it with a Python that has Apache Airflow 3.3 (its database is not touched):

    AIRFLOW_HOME=$(mktemp -d) python tests/tools/record_partition_facts.py tests/unit/core/facts

Mappers are written as `{"kind", "arguments"}`, as `tradewind.core.partitions` reads them.
"""

import json
import lzma
import random
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.partition_mappers.allowed_key import AllowedKeyMapper
from airflow.partition_mappers.base import RollupMapper
from airflow.partition_mappers.chain import ChainMapper
from airflow.partition_mappers.fixed_key import FixedKeyMapper
from airflow.partition_mappers.identity import IdentityMapper
from airflow.partition_mappers.product import ProductMapper
from airflow.partition_mappers.temporal import (
    FanOutMapper,
    StartOfDayMapper,
    StartOfHourMapper,
    StartOfMonthMapper,
    StartOfQuarterMapper,
    StartOfWeekMapper,
    StartOfYearMapper,
)
from airflow.partition_mappers.wait_policy import MinimumCount, WaitForAll
from airflow.partition_mappers.window import (
    DayWindow,
    HourWindow,
    MonthWindow,
    QuarterWindow,
    SegmentWindow,
    WeekWindow,
    Window,
    YearWindow,
)

CLASSES = {
    cls.__name__: cls
    for cls in (
        AllowedKeyMapper,
        ChainMapper,
        DayWindow,
        FanOutMapper,
        FixedKeyMapper,
        HourWindow,
        IdentityMapper,
        MinimumCount,
        MonthWindow,
        ProductMapper,
        QuarterWindow,
        RollupMapper,
        SegmentWindow,
        StartOfDayMapper,
        StartOfHourMapper,
        StartOfMonthMapper,
        StartOfQuarterMapper,
        StartOfWeekMapper,
        StartOfYearMapper,
        WaitForAll,
        WeekWindow,
        YearWindow,
    )
}

Spec = dict[str, Any]

HOUR = "%Y-%m-%dT%H"
DAY = "%Y-%m-%d"
MONTH = "%Y-%m"


def spec(kind: str, **arguments: Any) -> Spec:
    return {"kind": kind, "arguments": arguments}


def build(described: Spec) -> Any:
    """Airflow's object for one of our descriptions."""
    arguments = {
        name: build(value) if isinstance(value, dict) else value
        for name, value in described["arguments"].items()
    }
    if "direction" in arguments:
        arguments["direction"] = Window.Direction(arguments["direction"])
    positional = [build(mapper) for mapper in arguments.pop("mappers", [])]
    positional += [arguments.pop(name) for name in ("n", "segments") if name in arguments]
    return CLASSES[described["kind"]](*positional, **arguments)


def specs() -> list[Spec]:
    found = [
        spec("IdentityMapper"),
        spec("AllowedKeyMapper", allowed_keys=["us", "eu"]),
        spec("FixedKeyMapper", downstream_key="all"),
    ]
    zones = ("UTC", "America/New_York", "Asia/Kathmandu", "America/Santiago")
    with_offset = "%Y-%m-%dT%H:%M:%S%z"
    for period in ("Hour", "Day", "Week", "Month", "Quarter", "Year"):
        kind = f"StartOf{period}Mapper"
        found += [spec(kind, timezone=zone) for zone in zones]
        found += [
            spec(kind, input_format=with_offset),
            spec(kind, input_format=with_offset, timezone="America/New_York"),
        ]
    found += [
        spec("StartOfWeekMapper", output_format="w-%Y%m%d"),
        spec("StartOfQuarterMapper", output_format="Q{quarter}.%Y"),
        spec("StartOfDayMapper", input_format=HOUR, output_format="%d/%m/%Y"),
        spec(
            "ProductMapper",
            mappers=[spec("StartOfDayMapper"), spec("AllowedKeyMapper", allowed_keys=["us", "eu"])],
        ),
        spec(
            "ProductMapper",
            mappers=[spec("StartOfDayMapper"), spec("StartOfHourMapper")],
            delimiter="::",
        ),
        spec(
            "ChainMapper",
            mappers=[
                spec("StartOfDayMapper"),
                spec("StartOfMonthMapper", input_format=DAY),
            ],
        ),
    ]
    fan_outs = [
        ("StartOfHourMapper", "HourWindow", spec("StartOfHourMapper", output_format=HOUR + ":%M")),
        ("StartOfDayMapper", "DayWindow", None),
        ("StartOfWeekMapper", "WeekWindow", None),
        ("StartOfMonthMapper", "MonthWindow", None),
        ("StartOfQuarterMapper", "QuarterWindow", None),
        ("StartOfYearMapper", "YearWindow", None),
        ("StartOfYearMapper", "YearWindow", spec("StartOfQuarterMapper")),
        ("StartOfMonthMapper", "WeekWindow", spec("IdentityMapper")),
        ("FixedKeyMapper", "SegmentWindow", spec("IdentityMapper")),
    ]
    roll_ups = [
        ("StartOfHourMapper", "HourWindow", HOUR + ":%M"),
        ("StartOfDayMapper", "DayWindow", HOUR),
        ("StartOfWeekMapper", "WeekWindow", DAY),
        ("StartOfMonthMapper", "MonthWindow", DAY),
        ("StartOfQuarterMapper", "QuarterWindow", MONTH),
        ("StartOfYearMapper", "YearWindow", MONTH),
    ]
    for direction in ("forward", "backward"):
        for upstream, window, downstream in fan_outs:
            options = {} if downstream is None else {"downstream_mapper": downstream}
            found.append(
                spec(
                    "FanOutMapper",
                    upstream_mapper=_upstream(upstream),
                    window=_window(window, direction),
                    **options,
                )
            )
        for upstream, window, input_format in roll_ups:
            for policy in (None, spec("WaitForAll"), spec("MinimumCount", n=3)):
                options = {} if policy is None else {"wait_policy": policy}
                found.append(
                    spec(
                        "RollupMapper",
                        upstream_mapper=spec(
                            upstream, input_format=input_format, timezone="Europe/Berlin"
                        ),
                        window=_window(window, direction),
                        **options,
                    )
                )
    for count in (1, 5, -1, -9):
        found.append(
            spec(
                "RollupMapper",
                upstream_mapper=_upstream("FixedKeyMapper"),
                window=_window("SegmentWindow", ""),
                wait_policy=spec("MinimumCount", n=count),
            )
        )
    return found


def _upstream(kind: str) -> Spec:
    return spec(kind, downstream_key="all") if kind == "FixedKeyMapper" else spec(kind)


def _window(kind: str, direction: str) -> Spec:
    if kind == "SegmentWindow":
        return spec(kind, segments=["us", "eu", "apac"])
    return spec(kind, direction=direction)


def keys(rnd: random.Random, described: Spec) -> list[str]:
    """Upstream keys, of the form that the mapper reads and others."""
    shown = [
        datetime(2024, 3, 10, 2, 30),  # skipped in New York
        datetime(2024, 11, 3, 1, 30),  # twice in New York
        datetime(2024, 9, 8, 0, 30),  # skipped in Santiago
        datetime(2024, 12, 30, 23, 59, 59),  # in the first week of 2025
        *(datetime(2022, 1, 1) + timedelta(seconds=rnd.randrange(10**8)) for _ in range(4)),
    ]
    inner = described["arguments"].get("upstream_mapper", described)["arguments"]
    input_format = inner.get("input_format", "%Y-%m-%dT%H:%M:%S")
    texts = [text.strftime(input_format.replace("%z", "+0200")) for text in shown]
    if described["kind"] == "ProductMapper":
        texts = [f"{text}|{rest}" for text in texts for rest in ("us", "xx", text)]
        texts += [text.replace("|", "::") for text in texts]
    return [*texts, "us", "2024-13-01"]


def attempt(call: Any, *arguments: Any) -> Any:
    """What it returns, or "error"."""
    try:
        return call(*arguments)
    except (ValueError, TypeError):
        return "error"


def facts_of(rnd: random.Random, described: Spec) -> dict[str, Any]:
    """`maps`: upstream key, downstream keys, their dates. `roll_ups`: partition, arrived upstream
    keys, complete, can never be. `expected`: the upstream keys of each partition."""
    mapper = build(described)
    facts: dict[str, Any] = {"spec": described, "maps": [], "expected": {}, "roll_ups": []}
    for key in keys(rnd, described):
        mapped = attempt(mapper.to_downstream, key)
        downstream = [mapped] if isinstance(mapped, str) else list(mapped)
        if mapped == "error":
            facts["maps"].append([key, "error", []])
            continue
        facts["maps"].append([key, downstream, [date(mapper, key) for key in downstream]])
        if not mapper.is_rollup:
            continue
        (partition,) = downstream
        upstream = sorted(mapper.to_upstream(partition))
        facts["expected"][partition] = upstream
        for size in {1, 2, 3, len(upstream) - 1, len(upstream)}:
            arrived = rnd.sample(upstream, min(size, len(upstream))) + ["other"] * (size % 2)
            result = mapper.wait_policy.is_satisfied_by_keys(
                matched=set(arrived), expected=set(upstream)
            )
            complete = result.satisfied and not result.unreachable
            facts["roll_ups"].append([partition, sorted(arrived), complete, result.unreachable])
    return facts


def date(mapper: Any, key: str) -> Any:
    found = attempt(mapper.to_partition_date, key)
    return found.timestamp() if isinstance(found, datetime) else found


def main(folder: Path) -> None:
    rnd = random.Random(5)
    facts = [facts_of(rnd, described) for described in specs()]
    path = folder / "partitions.json.xz"
    data = json.dumps(facts, separators=(",", ":")).encode()
    path.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
