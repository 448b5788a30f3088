"""Asset conditions: which assets they name, and whether what has happened fulfils them."""

from collections.abc import Iterator, Set
from typing import NamedTuple

from tradewind.core.dag import (
    AnyAssetRef,
    AssetAll,
    AssetAny,
    AssetCondition,
    AssetNameRef,
    AssetOrTimeSchedule,
    AssetRef,
    AssetSchedule,
    AssetUriRef,
    PartitionedAssets,
    Timetable,
)

_NONE: frozenset[str] = frozenset()


class Present(NamedTuple):
    """The assets with an event that the DAG has not consumed yet, each under all that it is called.

    `aliases`: those through which one of these assets was ever emitted.
    """

    names: Set[str] = _NONE
    uris: Set[str] = _NONE
    aliases: Set[str] = _NONE


def satisfied(condition: AssetCondition, present: Present) -> bool:
    """Whether a run is due."""
    match condition:
        case AssetAll():
            return all(satisfied(part, present) for part in condition.conditions)
        case AssetAny():
            return any(satisfied(part, present) for part in condition.conditions)
        case AssetRef() | AssetNameRef():
            return condition.name in present.names
        case AssetUriRef():
            return condition.uri in present.uris
    return condition.name in present.aliases


def references(condition: AssetCondition) -> list[AnyAssetRef]:
    """Every asset, alias and reference that the condition names, each once, in its order."""
    found: list[AnyAssetRef] = []
    for reference in _leaves(condition):
        if reference not in found:
            found.append(reference)
    return found


def _leaves(condition: AssetCondition) -> Iterator[AnyAssetRef]:
    if isinstance(condition, AssetAll | AssetAny):
        for part in condition.conditions:
            yield from _leaves(part)
    else:
        yield condition


def condition_of(timetable: Timetable) -> AssetCondition | None:
    """The condition of a schedule on assets; None for all others."""
    if isinstance(timetable, AssetSchedule | AssetOrTimeSchedule | PartitionedAssets):
        return timetable.condition
    return None
