"""Partitioned asset schedules: which partitions an event feeds, and when one of them is complete.

A mapper is a `PartitionMapperSpec` whose kind is Airflow's class name and whose arguments are the
class's, by name. Mappers, windows and wait policies inside arguments are `{"kind", "arguments"}`.
"""

from collections.abc import Callable, Mapping, Set
from datetime import datetime
from typing import NamedTuple

from tradewind.core.assets import Present, references, satisfied
from tradewind.core.dag import (
    AssetAliasRef,
    AssetNameRef,
    AssetRef,
    AssetUriRef,
    PartitionedAssets,
    PartitionMapperSpec,
)
from tradewind.core.errors import UserError
from tradewind.core.partitions.mappers import RollUp, build_mapper

DEFAULT_MAX_DOWNSTREAM_KEYS = 1000
"""How many partitions one event may feed, unless the mapper or the configuration says otherwise."""


class Completeness(NamedTuple):
    """Whether all that a partition waits for has come; `unreachable`: why it never will."""

    complete: bool
    unreachable: str | None = None


def map_keys(
    spec: PartitionMapperSpec, upstream_key: str, *, limit: int = DEFAULT_MAX_DOWNSTREAM_KEYS
) -> list[str]:
    """The consumer's partitions that an event with that key feeds.

    Raises `UserError` when the mapper does not take the key, or makes more keys than its own
    `max_downstream_keys`, or else `limit`, allows.
    """
    keys = build_mapper(spec).downstream(upstream_key)
    allowed = spec.arguments.get("max_downstream_keys") or limit
    if len(keys) > allowed:
        raise UserError(
            f"{spec.kind} makes {len(keys)} partitions of the key {upstream_key!r}; "
            f"at most {allowed} are allowed.",
            hint="Set max_downstream_keys on the mapper if that many are meant.",
        )
    return keys


def expected_keys(spec: PartitionMapperSpec, partition_key: str) -> frozenset[str] | None:
    """The upstream keys that make up a partition; None: any one will do (it is no roll-up)."""
    mapper = build_mapper(spec)
    return mapper.upstream(partition_key) if isinstance(mapper, RollUp) else None


def completeness(spec: PartitionMapperSpec, partition_key: str, arrived: Set[str]) -> Completeness:
    """Whether the upstream keys of one asset that have arrived complete a partition."""
    mapper = build_mapper(spec)
    if not isinstance(mapper, RollUp):
        return Completeness(bool(arrived))
    expected = mapper.upstream(partition_key)
    matched, minimum = len(expected & arrived), mapper.minimum
    if minimum is None:
        return Completeness(matched == len(expected))
    if minimum > len(expected):
        return Completeness(
            complete=False,
            unreachable=f"It waits for {minimum} keys, but partition {partition_key!r} has only "
            f"{len(expected)}.",
        )
    needed = minimum if minimum > 0 else max(0, len(expected) + minimum)
    return Completeness(matched >= needed)


def run_is_due(
    timetable: PartitionedAssets,
    partition_key: str,
    arrived: Mapping[tuple[str, str], Set[str]],
    aliases_of: Callable[[set[str]], set[str]] = lambda names: set(),
) -> bool:
    """Whether the run of a partition may be created.

    `arrived`: for each asset, by name and URI, the upstream keys of its events for this partition.
    `aliases_of`: which of the condition's aliases have led to one of these assets, by name.
    """
    ready = [
        (name, uri)
        for (name, uri), keys in arrived.items()
        if completeness(mapper_of(timetable, name, uri), partition_key, keys).complete
    ]
    names = {name for name, _ in ready}
    present = Present(names, uris={uri for _, uri in ready}, aliases=aliases_of(names))
    return satisfied(timetable.condition, present)


def mapper_of(timetable: PartitionedAssets, name: str = "", uri: str = "") -> PartitionMapperSpec:
    """The mapper for an asset: its own, by name or URI, or the timetable's default."""
    own = timetable.mappers.get(name) or timetable.mappers.get(uri)
    return own or timetable.default_mapper


def partition_date(timetable: PartitionedAssets, partition_key: str) -> datetime | None:
    """The moment that a partition begins at, if the mappers know and agree on one.

    Raises `UserError` for a key that a mapper cannot have made.
    """
    dates = {
        build_mapper(_mapper_for(timetable, reference)).date(partition_key)
        for reference in references(timetable.condition)
        if not isinstance(reference, AssetAliasRef)  # known only when its events come
    }
    dates.discard(None)
    return dates.pop() if len(dates) == 1 else None


def _mapper_for(
    timetable: PartitionedAssets, reference: AssetRef | AssetNameRef | AssetUriRef
) -> PartitionMapperSpec:
    name = "" if isinstance(reference, AssetUriRef) else reference.name
    uri = "" if isinstance(reference, AssetNameRef) else reference.uri
    return mapper_of(timetable, name, uri)


def validate(timetable: PartitionedAssets) -> None:
    """Raise `InvalidDag` for a mapper that cannot work."""
    for spec in (timetable.default_mapper, *timetable.mappers.values()):
        build_mapper(spec)
