"""Asset conditions."""

import itertools

import pytest

from tradewind.core.assets import Present, condition_of, references, satisfied
from tradewind.core.dag import (
    AssetAliasRef,
    AssetAll,
    AssetAny,
    AssetCondition,
    AssetNameRef,
    AssetOrTimeSchedule,
    AssetRef,
    AssetSchedule,
    AssetUriRef,
    NullSchedule,
    PartitionedAssets,
    PartitionMapperSpec,
)

A = AssetRef(name="a", uri="s3://a")
B = AssetRef(name="b", uri="s3://b")
C = AssetRef(name="c", uri="s3://c")


@pytest.mark.parametrize(
    ("condition", "rule"),
    [
        (A, lambda a, b, c: a),
        (AssetAll(conditions=[A, B]), lambda a, b, c: a and b),
        (AssetAny(conditions=[A, B, C]), lambda a, b, c: a or b or c),
        (
            AssetAny(conditions=[A, AssetAll(conditions=[B, C])]),
            lambda a, b, c: a or (b and c),
        ),
        (AssetAll(conditions=[]), lambda a, b, c: True),
        (AssetAny(conditions=[]), lambda a, b, c: False),
    ],
)
def test_truth_table(condition: AssetCondition, rule) -> None:
    for present in itertools.product([False, True], repeat=3):
        names = {name for name, there in zip("abc", present, strict=True) if there}
        assert satisfied(condition, Present(names=names)) is rule(*present)


def test_each_kind_of_reference_looks_in_its_own_place() -> None:
    present = Present(names={"a"}, uris={"s3://a"}, aliases={"fresh"})
    assert satisfied(AssetNameRef(name="a"), present)
    assert satisfied(AssetUriRef(uri="s3://a"), present)
    assert satisfied(AssetAliasRef(name="fresh"), present)
    assert not satisfied(AssetNameRef(name="fresh"), present)
    assert not satisfied(AssetUriRef(uri="a"), present)
    assert not satisfied(AssetAliasRef(name="a"), present)


def test_references_come_once_and_in_order() -> None:
    alias = AssetAliasRef(name="b")
    condition = AssetAny(conditions=[B, AssetAll(conditions=[A, alias, B])])
    assert references(condition) == [B, A, alias]


def test_which_schedules_have_a_condition() -> None:
    assert condition_of(AssetSchedule(condition=A)) == A
    assert condition_of(AssetOrTimeSchedule(condition=B, timetable=NullSchedule())) == B
    mapper = PartitionMapperSpec(kind="IdentityMapper")
    assert condition_of(PartitionedAssets(condition=C, default_mapper=mapper)) == C
    assert condition_of(NullSchedule()) is None
