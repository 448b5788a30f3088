"""What every trigger is, and what it may yield."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from tradewind.core.states import TaskInstanceState
from tradewind.sdk.logging_mixin import LoggingMixin

Found = TypeVar("Found")


@dataclass
class StartTriggerArgs:
    """How a task begins in the triggerer, without a first run of `execute`."""

    trigger_cls: str
    next_method: str
    trigger_kwargs: dict[str, Any] | None = None
    next_kwargs: dict[str, Any] | None = None
    timeout: timedelta | None = None


class TriggerEvent:
    """What a trigger fires once its condition holds. `payload` goes to the task's method.

    It must be something that XCom can carry, and equal wherever the same trigger runs: two
    processes may run it for a moment, and the second event is then recognized as a repetition.
    """

    def __init__(self, payload: Any) -> None:
        self.payload = payload

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), repr(self.payload)))

    def __repr__(self) -> str:
        return f"TriggerEvent<{self.payload!r}>"


class BaseTaskEndEvent(TriggerEvent):
    """Ends the task right away, without going back to a worker."""

    task_instance_state: ClassVar[TaskInstanceState]

    def __init__(self, *, xcoms: dict[str, Any] | None = None) -> None:
        super().__init__(payload=self.task_instance_state.value)
        self.xcoms = xcoms


class TaskSuccessEvent(BaseTaskEndEvent):
    task_instance_state = TaskInstanceState.SUCCESS


class TaskFailedEvent(BaseTaskEndEvent):
    task_instance_state = TaskInstanceState.FAILED


class TaskSkippedEvent(BaseTaskEndEvent):
    task_instance_state = TaskInstanceState.SKIPPED


class BaseTrigger(ABC, LoggingMixin):
    """Waits for something in the triggerer's event loop, then yields a `TriggerEvent`.

    An instance is sent as the class path and arguments that `serialize` gives, and may be started
    several times over its life (the triggerer restarts, or another one takes over): `run` must
    not count on having been started once. `task_instance` names the one that waits (dag_id,
    task_id, run_id, map_index, try_number); None for an asset's watcher.
    """

    supports_triggerer_queue: ClassVar[bool] = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        self.trigger_id: int | None = None
        self.task_instance: Any = None

    @abstractmethod
    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the keyword arguments that make an equal trigger."""

    @abstractmethod
    def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then yield. Only the first event counts for a deferred task."""

    async def cleanup(self) -> None:
        """Release what the trigger holds; called whenever it stops running, for any reason."""

    async def on_kill(self) -> None:
        """Stop the work outside that the trigger watches: a user cleared or marked the task."""

    def __repr__(self) -> str:
        classpath, kwargs = self.serialize()
        arguments = ", ".join(f"{name}={value}" for name, value in kwargs.items())
        return f"<{classpath} {arguments}>"


class BaseEventTrigger(BaseTrigger):
    """A trigger that may also drive an `AssetWatcher`: it fires again and again."""

    supports_triggerer_queue: ClassVar[bool] = False


async def until(look: Callable[[], Awaitable[Found | None]], pause_seconds: float) -> Found:
    """Look again and again, with pauses, until something is found (something true)."""
    while not (found := await look()):  # noqa: ASYNC110 (nothing tells us when it is there)
        await asyncio.sleep(pause_seconds)
    return found
