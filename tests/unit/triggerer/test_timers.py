from datetime import UTC, datetime
from typing import Any

import pytest

from tradewind.sdk import serde
from tradewind.sdk.triggers.temporal import DateTimeTrigger
from tradewind.triggerer.timers import moment_of

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_the_moment_of_what_the_sdk_sends() -> None:
    classpath, kwargs = DateTimeTrigger(NOON).serialize()
    encoded = {name: serde.encode(value) for name, value in kwargs.items()}
    assert moment_of(classpath, encoded) == NOON


@pytest.mark.parametrize(
    ("classpath", "kwargs"),
    [
        ("my.own.DateTimeTrigger", {"moment": serde.encode(NOON)}),
        ("tradewind.sdk.triggers.temporal.DateTimeTrigger", {"moment": "tomorrow"}),
        ("tradewind.sdk.triggers.temporal.DateTimeTrigger", {}),
        (
            "tradewind.sdk.triggers.temporal.DateTimeTrigger",
            {"moment": serde.encode(NOON), "unknown": 1},
        ),
    ],
)
def test_everything_else_runs_in_a_child(classpath: str, kwargs: dict[str, Any]) -> None:
    assert moment_of(classpath, kwargs) is None
