"""Triggers for times and files, made from what they serialize to, as the triggerer does."""

import asyncio
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tradewind.core.states import TaskInstanceState
from tradewind.sdk import serde
from tradewind.sdk.triggers.base import (
    TaskFailedEvent,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)
from tradewind.sdk.triggers.file import (
    DirectoryFileDeleteTrigger,
    FileDeleteTrigger,
    FileTrigger,
)
from tradewind.sdk.triggers.temporal import DateTimeTrigger, TimeDeltaTrigger

PAST = datetime(2020, 1, 1, 12, tzinfo=UTC)


def rebuilt(trigger: Any) -> Any:
    path, kwargs = trigger.serialize()
    stored = {name: serde.encode(value) for name, value in kwargs.items()}
    module, _, name = path.rpartition(".")
    again = getattr(import_module(module), name)
    return again(**{key: serde.decode(value) for key, value in stored.items()})


def fire(trigger: Any, meanwhile: Any = None) -> TriggerEvent:
    async def first() -> TriggerEvent:
        waiting = asyncio.ensure_future(anext(rebuilt(trigger).run()))
        if meanwhile is not None:
            await asyncio.sleep(0.05)
            assert not waiting.done()
            meanwhile()
        return await waiting

    return asyncio.run(asyncio.wait_for(first(), 30))


def test_a_moment_that_is_over_fires_at_once() -> None:
    assert fire(DateTimeTrigger(PAST)) == TriggerEvent(PAST)
    assert fire(DateTimeTrigger(target_time="2020-01-01T13:00:00+01:00")) == TriggerEvent(PAST)
    assert isinstance(fire(DateTimeTrigger(PAST, end_from_trigger=True)), TaskSuccessEvent)


def test_a_moment_to_come_is_waited_for() -> None:
    before = datetime.now(UTC)
    event = fire(TimeDeltaTrigger(timedelta(seconds=0.2)))
    assert datetime.now(UTC) >= event.payload >= before + timedelta(seconds=0.2)


def test_a_restarted_delta_does_not_begin_anew() -> None:
    trigger = TimeDeltaTrigger(timedelta(hours=1))
    assert rebuilt(trigger).moment == trigger.moment


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, TypeError),
        ({"moment": PAST, "target_time": PAST}, TypeError),
        ({"moment": "2020-01-01"}, TypeError),
        ({"moment": datetime(2020, 1, 1)}, ValueError),
        ({"target_time": "2020-01-01"}, ValueError),
    ],
)
def test_bad_moments_are_refused(arguments: dict, error: type) -> None:
    with pytest.raises(error):
        DateTimeTrigger(**arguments)


def test_file_trigger(tmp_path: Path) -> None:
    trigger = FileTrigger(str(tmp_path / "*.csv"), poke_interval=0.01)
    assert fire(trigger, (tmp_path / "a.csv").touch).payload is True


def test_triggers_that_take_the_file_away(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    assert fire(FileDeleteTrigger(str(path), poke_interval=0.01), path.touch).payload is True
    assert not path.exists()
    trigger = DirectoryFileDeleteTrigger(
        directory=str(tmp_path), filename="a.csv", poke_interval=0.01
    )
    assert fire(trigger, path.touch).payload == {"filepath": str(path)}
    assert not path.exists()


def test_events_that_end_the_task() -> None:
    for event, state in (
        (TaskSuccessEvent(xcoms={"a": 1}), TaskInstanceState.SUCCESS),
        (TaskFailedEvent(), TaskInstanceState.FAILED),
        (TaskSkippedEvent(), TaskInstanceState.SKIPPED),
    ):
        assert event.task_instance_state == state
        assert event.payload == state.value
    assert TaskSuccessEvent(xcoms={"a": 1}) != TaskSuccessEvent()
    assert TriggerEvent(1) == TriggerEvent(1) != TriggerEvent(2)
    assert len({TriggerEvent([1]), TriggerEvent([1])}) == 1
    assert repr(DateTimeTrigger(PAST)).startswith("<tradewind.sdk.triggers.temporal")
