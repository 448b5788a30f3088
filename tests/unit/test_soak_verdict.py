"""A soak's verdict tells what grows from what only trembles."""

from random import Random

import pytest

from soak.verdict import judge

MINUTES = [n / 12 for n in range(360)]


def noisy(start: float, per_hour: float, noise: float = 0.5) -> list[float]:
    chance = Random(4)
    return [start + per_hour * at / 60 + chance.uniform(-noise, noise) for at in MINUTES]


@pytest.mark.parametrize(
    ("name", "values", "grows"),
    [
        ("memory MB, scheduler", noisy(80, 0), False),
        ("memory MB, scheduler", noisy(80, 12), True),
        ("memory MB, scheduler", noisy(80, -12), False),
        ("descriptors, host", noisy(12, 0), False),
        ("descriptors, host", noisy(12, 6), True),
        ("connections", [5.0] * 200 + [9.0] + [5.0] * 159, False),
        ("rows, attempt", noisy(3000, 60, 50), False),
        ("rows, attempt", noisy(3000, 3000, 50), True),
        ("rows, event_log", noisy(3000, 3000, 50), False),  # history, and named as such
    ],
)
def test_what_grows(name: str, values: list[float], grows: bool) -> None:
    (verdict,) = judge(MINUTES, {name: values})
    assert verdict.grows is grows


def test_growth_while_it_warms_up_does_not_count() -> None:
    warming = [min(at, 10.0) * 8 for at in MINUTES]
    (verdict,) = judge(MINUTES, {"memory MB, scheduler": warming})
    assert not verdict.grows
