"""Partition mappers against what Apache Airflow 3.3.2 answered."""

import json
import lzma
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradewind.core import partitions
from tradewind.core.dag import AssetRef, PartitionedAssets, PartitionMapperSpec
from tradewind.core.errors import UserError

FACTS: list[dict[str, Any]] = json.loads(
    lzma.decompress((Path(__file__).parent / "facts" / "partitions.json.xz").read_bytes())
)


def name_of(fact: dict[str, Any]) -> str:
    return msgspec.json.encode(fact["spec"]).decode()


@pytest.mark.parametrize("fact", FACTS, ids=name_of)
def test_mapper(fact: dict[str, Any]) -> None:
    spec = msgspec.convert(fact["spec"], PartitionMapperSpec)
    for key, expected, dates in fact["maps"]:
        # Sorted, because Airflow holds segments in a set, without an order.
        assert sorted(attempt(partitions.map_keys, spec, key)) == sorted(expected), key
        for partition, date in zip(expected if dates else [], dates, strict=True):
            assert date_of(spec, partition) == date, partition
    for partition, expected in fact["expected"].items():
        assert sorted(partitions.expected_keys(spec, partition) or ()) == expected
    for partition, arrived, complete, unreachable in fact["roll_ups"]:
        found = partitions.completeness(spec, partition, set(arrived))
        assert (found.complete, found.unreachable is not None) == (complete, unreachable)


def attempt(call: Any, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except UserError:
        return "error"


def date_of(spec: PartitionMapperSpec, partition: str) -> Any:
    timetable = PartitionedAssets(condition=AssetRef(name="a", uri="test://a"), default_mapper=spec)
    found = attempt(partitions.partition_date, timetable, partition)
    return found if found in (None, "error") else found.timestamp()


def test_the_facts_are_enough() -> None:
    assert len({fact["spec"]["kind"] for fact in FACTS}) == 13
    assert sum(complete for fact in FACTS for _, _, complete, _ in fact["roll_ups"]) > 100
