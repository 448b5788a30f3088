"""What runs on the simulated machines: executors with their processes, triggers, and who watches.

Processes follow a script that depends only on the case's seed and on which try they are of. They
keep to the lease that they were given, as the local executor's host does: what is not renewed is
ended before its lease is over. `Watch` knows the truth about all of them.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from simulation.fibers import MachineClock
from simulation.scripts import Script
from tradewind.core.protocol import CallbackOrder, Outcome, WorkOrder
from tradewind.executors.base import (
    AttemptEnded,
    AttemptReported,
    AttemptStarted,
    CallbackEnded,
    ExecutorEvent,
)
from tradewind.runner.messages import RunTrigger, TriggerFailed, TriggerFired

if TYPE_CHECKING:
    from simulation.world import World

GRACE_SECONDS = 1.0
"""How long a process that is told to end may take."""

SLACK_SECONDS = 0.5
"""Between the last kill of a process and the end of its lease."""


@dataclass(eq=False)
class Process:
    order: WorkOrder
    script: Script
    ends_at: float
    lease_end: float
    is_over: bool = False
    is_zombie: bool = False  # its lease is over too soon for anybody to end it in time


class Watch:
    """The truth about processes, which no scheduler knows. `broken` tells what must not be."""

    def __init__(self) -> None:
        self.alive: dict[int, list[Process]] = {}
        self.outcomes: dict[int, Outcome] = {}  # attempt → what its first report says
        self.broken: list[str] = []
        self.started = 0
        self._attempts: set[int] = set()

    def start(self, process: Process) -> None:
        self.started += 1
        attempt_id = process.order.attempt_id
        if attempt_id in self._attempts:
            self.broken.append(f"attempt {attempt_id} of {name_of(process.order)} started again")
        self._attempts.add(attempt_id)
        others = self.alive.setdefault(process.order.task_instance_id, [])
        for other in others:
            if other.order.attempt_id != process.order.attempt_id and not other.is_zombie:
                self.broken.append(
                    f"attempt {process.order.attempt_id} of {name_of(process.order)} started while"
                    f" the process of attempt {other.order.attempt_id} was alive"
                )
        others.append(process)

    def outdate(self, besides: "SimulatedExecutor") -> None:
        """The clock by which leases go was set forward: only who notices that renews them."""
        for processes in self.alive.values():
            for process in processes:
                process.is_zombie = process.is_zombie or not besides.holds(process)

    def end(self, process: Process) -> None:
        process.is_over = True
        self.alive[process.order.task_instance_id].remove(process)


def name_of(order: WorkOrder) -> str:
    index = "" if order.map_index < 0 else f"[{order.map_index}]"
    return f"{order.run.dag_id}.{order.task_id}{index} in {order.run.run_id}"


class SimulatedExecutor:
    """The executor contract. Whatever it says comes when the case's faults let it come."""

    def __init__(self, world: "World", machine: str, clock: MachineClock, *, slots: int) -> None:
        self.name = "local"
        self._world = world
        self._machine = machine
        self._clock = clock
        self._slots = slots
        self._running: dict[int, Process] = {}
        self._occupied: set[int] = set()  # attempts of which the scheduler has not heard the end
        self._events: list[ExecutorEvent] = []
        self._wake: Callable[[], None] = lambda: None
        self._away_until = 0.0
        self._frozen_until = 0.0
        self.is_dead = False
        self._closed = False

    # --- the contract -----------------------------------------------------------------------------

    def open(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def free_slots(self) -> int:
        if self._closed or self._world.loop.now < self._away_until:
            return 0
        return max(0, self._slots - len(self._occupied))

    def start(self, order: WorkOrder, lease_seconds: float) -> None:
        if order.attempt_id in self._running:
            return
        loop = self._world.loop
        if loop.now < self._away_until:
            self._say(self._ended(order.attempt_id, "infra_lost"))
            return
        script = self._world.script_of(order)
        process = Process(order, script, loop.now + script.seconds, self._lease_end(lease_seconds))
        self._world.trace(self._machine, f"starts attempt {order.attempt_id} of {name_of(order)}")
        self._running[order.attempt_id] = process
        self._occupied.add(order.attempt_id)
        self._world.watch.start(process)
        now = self._clock.now()
        self._say(
            AttemptStarted(attempt_id=order.attempt_id, at=now, hostname=self._machine, pid=1)
        )
        loop.at(min(process.ends_at, process.lease_end), lambda: self._look_at(process))

    def run_callback(self, order: CallbackOrder) -> None:
        self._say(CallbackEnded(callback_id=order.callback_id))

    def cancel(self, attempt_id: int, reason: str) -> None:
        process = self._running.get(attempt_id)
        if process is not None and not self.is_dead:  # else nobody is there to say so
            seconds = self._world.loop.chance.random() * GRACE_SECONDS
            moment = self._world.loop.now + seconds
            self._world.loop.at(moment, lambda: self._kill(process, "cancelled"))

    def events(self) -> list[ExecutorEvent]:
        events, self._events = self._events, []
        self._occupied -= {e.attempt_id for e in events if isinstance(e, AttemptEnded)}
        return events

    def renewed(self, attempt_ids: set[int], lease_seconds: float) -> None:
        for attempt_id in attempt_ids & self._running.keys():
            self._running[attempt_id].lease_end = self._lease_end(lease_seconds)

    def holds(self, process: Process) -> bool:
        return self._running.get(process.order.attempt_id) is process

    def close(self, *, drain_seconds: float) -> None:
        self._closed = True
        for attempt_id in list(self._running):
            self.cancel(attempt_id, "the executor stops")
        fiber = self._world.loop.current()
        if self._running and fiber is not None:
            fiber.wait(self._world.loop.now + GRACE_SECONDS + 1, lambda: not self._running)

    def _lease_end(self, seconds: float) -> float:
        return self._world.loop.now + max(seconds / 2, seconds - GRACE_SECONDS - SLACK_SECONDS)

    # --- processes --------------------------------------------------------------------------------

    def _look_at(self, process: Process) -> None:
        """It has come to its end, or to that of its lease, unless that was renewed meanwhile."""
        loop = self._world.loop
        if process.is_over:
            return
        if loop.now < self._frozen_until:
            process.is_zombie = process.is_zombie or loop.now >= process.lease_end
            next_moment = min(self._frozen_until, max(process.lease_end, loop.now + 0.001))
            loop.at(next_moment, lambda: self._look_at(process))
        elif loop.now >= process.ends_at:
            self._finish(process)
        elif loop.now >= process.lease_end:
            self._kill(process, "infra_lost")
        else:
            loop.at(min(process.ends_at, process.lease_end), lambda: self._look_at(process))

    def _finish(self, process: Process) -> None:
        attempt_id, outcome = process.order.attempt_id, process.script.outcome
        self._close_process(process)
        if outcome is not None:
            self._world.watch.outcomes.setdefault(attempt_id, outcome)
            self._say(
                AttemptReported(attempt_id=attempt_id, at=self._clock.now(), outcome=outcome),
                self._ended(attempt_id, None),
            )
        else:
            self._say(self._ended(attempt_id, "infra_lost"))

    def _kill(self, process: Process, category: str) -> None:
        if self._world.loop.now < self._frozen_until:
            self._world.loop.at(self._frozen_until, lambda: self._kill(process, category))
        elif not process.is_over:
            self._close_process(process)
            self._say(self._ended(process.order.attempt_id, category))

    def _close_process(self, process: Process) -> None:
        self._world.watch.end(process)
        self._running.pop(process.order.attempt_id, None)

    def _ended(self, attempt_id: int, category: str | None) -> AttemptEnded:
        return AttemptEnded(attempt_id=attempt_id, at=self._clock.now(), category=category)

    # --- what goes wrong --------------------------------------------------------------------------

    def kill_one(self, chance: Random) -> None:
        """As the kernel does when memory is short."""
        if self._running:
            self._kill(self._running[chance.choice(sorted(self._running))], "infra_lost")

    def lose_host(self, seconds: float) -> None:
        """All processes are gone at once, and for a while there is nothing to start others."""
        self._away_until = self._world.loop.now + seconds
        for process in list(self._running.values()):
            self._kill(process, "infra_lost")
        self._world.loop.at(self._away_until, self._wake)

    def freeze(self, seconds: float) -> None:
        """The whole machine stands still, its processes too; nobody there can end them in time."""
        self._frozen_until = self._world.loop.now + seconds

    def orphan(self, *, at_once: bool) -> None:
        """The scheduler is gone. What it started goes too, or works on until its lease ends."""
        self.is_dead = True
        if at_once:
            for process in list(self._running.values()):
                self._close_process(process)

    def _say(self, *events: ExecutorEvent) -> None:
        if not self.is_dead:
            self._world.post(self._machine, list(events), self._receive)

    def _receive(self, events: list[ExecutorEvent]) -> None:
        if not self.is_dead:
            self._events += events
            self._wake()


@dataclass(eq=False)
class SimulatedTriggers:
    """Stands for a child of the triggerer in which triggers run."""

    world: "World"
    pid: int = 0
    descriptor: int = -1
    has_answered: bool = True
    running: dict[int, RunTrigger] = field(default_factory=dict)
    _due: list[tuple[float, int, str]] = field(default_factory=list)

    def run(self, order: RunTrigger) -> None:
        self.running[order.trigger_id] = order
        how, seconds = order.kwargs["how"], order.kwargs["seconds"]
        if how != "never":
            heapq.heappush(self._due, (self.world.loop.now + seconds, order.trigger_id, how))

    def cancel(self, trigger_id: int, *, killed: bool) -> None:
        self.running.pop(trigger_id, None)

    def read(self) -> list[TriggerFired | TriggerFailed]:
        events: list[TriggerFired | TriggerFailed] = []
        while self._due and self._due[0][0] <= self.world.loop.now:
            _, trigger_id, how = heapq.heappop(self._due)
            if self.running.pop(trigger_id, None) is not None:
                events += _events(trigger_id, how)
        return events

    def next_due(self) -> float | None:
        return self._due[0][0] if self._due else None

    def is_lost(self) -> str | None:
        return None

    def is_idle(self) -> bool:
        return False

    def hang_up(self) -> None:
        self.running.clear()

    close = kill = hang_up


def _events(trigger_id: int, how: str) -> list[Any]:
    if how == "fails":
        return [TriggerFailed(trigger_id=trigger_id, error="it broke")]
    fired = TriggerFired(trigger_id=trigger_id, event="now")
    return [fired, fired] if how == "twice" else [fired]
