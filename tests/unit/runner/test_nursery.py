"""Which warm parents make room for one more."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from tradewind.runner.nursery import surplus

BUSY = None


def zygotes(*idle_since: float | None, memory: int = 10) -> Any:
    return [
        SimpleNamespace(idle_since=at, is_idle=at is not BUSY, memory_bytes=memory)
        for at in idle_since
    ]


def retired(found: Any) -> Iterable[float]:
    return [warm.idle_since for warm in found]


@pytest.mark.parametrize(
    ("idle_since", "spare_bytes", "expected"),
    [
        ((1.0, 2.0), 0, []),  # there is room
        ((2.0, 1.0, 3.0), 0, [1.0]),  # who has been idle for longest goes
        ((1.0, 2.0, 3.0, 4.0), 0, [1.0, 2.0]),
        ((1.0, 2.0, 3.0, 4.0), 41, []),  # all fit into the memory that may be spared
        ((1.0, 2.0, 3.0, 4.0), 40, [1.0]),  # all but one do
        ((1.0, 2.0, 3.0, 4.0), 30, [1.0, 2.0]),
        ((BUSY, BUSY, BUSY), 0, []),  # who works stays
        ((BUSY, 1.0, BUSY), 0, [1.0]),
    ],
)
def test_the_ones_idle_for_longest_make_room(
    idle_since: tuple[float | None, ...], spare_bytes: int, expected: list[float]
) -> None:
    assert retired(surplus(zygotes(*idle_since), 3, spare_bytes)) == expected
