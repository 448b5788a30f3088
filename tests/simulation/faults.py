"""What goes wrong, when and where: the only part of the world that means harm."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulation.case import Fault
from simulation.database import broken
from simulation.fibers import Fiber
from tradewind.executors.base import AttemptEnded, AttemptReported, AttemptStarted, ExecutorEvent

if TYPE_CHECKING:
    from simulation.world import World

_AT_A_PLACE = ("crash", "pause", "freeze", "error", "bug")
_SHORT_SECONDS = 0.02
"""What a message takes at most, and a transaction that is slow."""


_LOST = 0.1
"""How many notifications are lost whatever else happens."""


class Bug(Exception):
    """Stands for what nobody has foreseen: the scheduler's own code raises."""


@dataclass
class _Armed:
    fault: Fault
    left: int


class Faults:
    """Carries out the faults of the world's case."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._loop = world.loop
        self._armed: dict[Fiber, list[_Armed]] = {}
        self._going_on: dict[tuple[str, str], float] = {}  # kind and machine → until when
        self._may_harm = True
        self.happened: dict[str, int] = {}
        for fault in world.case.faults:
            self._loop.at(fault.at, lambda fault=fault: self._begin(fault))  # type: ignore[misc]

    def stop(self) -> None:
        """From now on nothing goes wrong any more."""
        self._may_harm = False
        self._armed.clear()
        self._going_on.clear()

    # --- beginning --------------------------------------------------------------------------------

    def _begin(self, fault: Fault) -> None:
        machine = self._world.machine(fault.target)
        if machine is None:
            return
        if fault.kind in _AT_A_PLACE:
            self._armed.setdefault(machine.fiber, []).append(_Armed(fault, fault.skip))
            return
        self._note(machine.name, fault)
        match fault.kind:
            case "stop":
                machine.ask_to_stop()
                self._world.replace_later(machine, fault.seconds)
            case "kill_process":
                machine.executor.kill_one(self._loop.chance)
            case "lose_host":
                machine.executor.lose_host(fault.seconds)
            case "set_clock":
                machine.clock.skew += fault.seconds
                if not self._world.case.in_cluster and fault.seconds > 0:
                    self._world.watch.outdate(machine.executor)
            case "outage":
                self._going_on["outage", ""] = self._loop.now + fault.seconds
            case kind:
                self._going_on[kind, machine.name] = self._loop.now + fault.seconds

    def _note(self, where: str, fault: Fault) -> None:
        self.happened[fault.kind] = self.happened.get(fault.kind, 0) + 1
        self._world.trace(where, f"FAULT {fault.kind} {fault.seconds or ''}")

    def _goes_on(self, kind: str, machine: str = "") -> bool:
        return self._going_on.get((kind, machine), 0.0) > self._loop.now

    # --- at the places of a transaction -----------------------------------------------------------

    def breathe(self, fiber: Fiber, place: str) -> None:
        if place != "committed" and self._goes_on("outage"):
            raise broken(sqlite3.SQLITE_IOERR, "disk I/O error")
        if fiber in self._armed:
            self._spring(fiber, place)
        luck = self._loop.chance.random()
        if luck < (0.01 if place == "statement" else 0.2):
            fiber.wait(self._loop.now + self._loop.chance.random() * _SHORT_SECONDS)
        elif luck < 0.4 and place != "statement":
            fiber.wait(self._loop.now)

    def _spring(self, fiber: Fiber, place: str) -> None:
        waiting = self._armed[fiber]
        for armed in list(waiting):
            if armed.fault.place not in ("", place) or not self._may_harm:
                continue
            if armed.left > 0:
                armed.left -= 1
                continue
            waiting.remove(armed)
            self._strike(fiber, armed.fault)

    def _strike(self, fiber: Fiber, fault: Fault) -> None:
        self._note(fiber.name, fault)
        machine = self._world.machine_of(fiber)
        match fault.kind:
            case "error":
                raise broken(sqlite3.SQLITE_IOERR, "disk I/O error")
            case "bug":
                raise Bug("a bug")
            case "crash":
                machine.die()
                self._world.replace_later(machine, fault.seconds)
                fiber.is_doomed = True
                fiber.live()
            case "freeze":
                machine.executor.freeze(fault.seconds)
        fiber.stopped_until = self._loop.now + fault.seconds
        fiber.wait(fiber.stopped_until)

    # --- on the way of messages -------------------------------------------------------------------

    def announce(self, channel: str) -> None:
        for process in self._world.listeners():
            is_lost = self._may_harm and self._loop.chance.random() < _LOST
            if not is_lost and not self._goes_on("deaf", process.name):
                delay = self._loop.chance.random() * _SHORT_SECONDS
                self._loop.at(
                    self._loop.now + delay,
                    lambda process=process: process.store.tell(channel),  # type: ignore[misc]
                )

    def post(
        self,
        machine: str,
        events: list[ExecutorEvent],
        receive: Callable[[list[ExecutorEvent]], None],
    ) -> None:
        """From an executor's processes to its scheduler: in order, each once, unless faulty."""
        chance = self._loop.chance
        if self._goes_on("lost_reports", machine):
            events = [event for event in events if not isinstance(event, AttemptReported)]
        if self._goes_on("twice", machine) and chance.random() < 0.5:
            events = [*events, *events]
        if self._goes_on("disorder", machine):
            for event in events:
                self._deliver(chance.random() * 3, [event], receive)
            return
        late = 5.0 if self._goes_on("late", machine) else _SHORT_SECONDS
        self._deliver(chance.random() * late, events, receive)

    def _deliver(
        self,
        delay: float,
        events: list[ExecutorEvent],
        receive: Callable[[list[ExecutorEvent]], None],
    ) -> None:
        self._loop.at(self._loop.now + delay, lambda: receive(events))


def title(event: ExecutorEvent) -> str:
    """For the trace."""
    match event:
        case AttemptStarted():
            return f"attempt {event.attempt_id} started"
        case AttemptReported():
            return f"attempt {event.attempt_id} reports {type(event.outcome).__name__}"
        case AttemptEnded():
            return f"attempt {event.attempt_id} ended {event.category or ''}"
        case _:
            return f"callback {event.callback_id} ended"
