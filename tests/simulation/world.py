"""A case, played: machines with schedulers, a triggerer, people, and time until all is over."""

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Protocol

from simulation import deeds
from simulation.case import Case, Deed
from simulation.database import Database, MachineStore
from simulation.faults import Bug, Faults, title
from simulation.fibers import START, Fiber, Loop, MachineClock
from simulation.machines import SimulatedExecutor, SimulatedTriggers, Watch
from simulation.scripts import Script, Scripts
from tradewind.core.dag import SerializedDag
from tradewind.core.errors import InfrastructureError, TradewindError
from tradewind.core.protocol import WorkOrder
from tradewind.executors.base import ExecutorEvent
from tradewind.scheduler.scheduler import Scheduler
from tradewind.scheduler.settings import SchedulerSettings
from tradewind.triggerer.triggerer import Triggerer

PATIENCE_SECONDS = 1800.0
"""How long everything may take to come to its end once nothing goes wrong any more."""

_AFTERWARDS_SECONDS = 3.0
"""How long the world goes on after that: reports that come late."""

_LOOK_SECONDS = 1.0
_REPEAT_SECONDS = 1.0
_SOON_SECONDS = 60.0

_TO_COME = """
    SELECT EXISTS (SELECT 1 FROM dag_run WHERE state IN ('queued', 'running'))
        OR EXISTS (SELECT 1 FROM dag WHERE next_run_after < ?)
        OR EXISTS (SELECT 1 FROM inbox)
        OR EXISTS (SELECT 1 FROM trigger)
"""


class Listener(Protocol):
    name: str
    store: MachineStore


class World:
    def __init__(self, case: Case, database: Database, *, tracing: bool = False) -> None:
        self.case = case
        self.loop = Loop(Random(f"{case.seed} turns"))
        self.clock = MachineClock(self.loop)  # of the one machine, where there is no server
        self.settings = SchedulerSettings(
            parallelism=case.parallelism, run_lease_seconds=8.0, attempt_lease_seconds=15.0
        )
        self.watch = Watch()
        self.scripts = Scripts(case)
        self.events: list[str] | None = [] if tracing else None
        self.database = database
        self.machines: list[Machine] = []
        self._by_fiber: dict[Fiber, Machine] = {}
        self.triggerers: list[SimulatedTriggerer] = []
        self.faults = Faults(self)
        self.person = Person(self, list(case.dags))
        self._born = 0
        self._is_over = False
        self._quiet_since = 0.0
        self._calm = max(
            [0.0]
            + [fault.at + fault.seconds for fault in case.faults]
            + [deed.at + deed.more.get("seconds", 0.0) for deed in case.deeds]
        )

    # --- playing ----------------------------------------------------------------------------------

    def play(self) -> None:
        """Raises what only a bug of the simulation or of the scheduler's loop raises."""
        self.database.reset(self.loop, self.faults, in_cluster=self.case.in_cluster)
        try:
            with self.database.own_lease_clock():
                self._set_up()
                self.loop.run(lambda: self._is_over, self._calm + PATIENCE_SECONDS)
        finally:
            self.loop.close()
            for triggerer in self.triggerers:
                triggerer.close_pipe()

    def _set_up(self) -> None:
        def publish_all() -> None:
            deeds.add_pools(self.person, self.case.pools)
            for dag in self.case.dags:
                deeds.publish(self.person, dag, "digest")

        self.database.interference = None
        fiber = self.loop.start("set-up", publish_all)
        self.loop.run(lambda: fiber.is_over, 1.0)
        self.database.interference = self.faults
        for _ in range(self.case.schedulers):
            self.add_machine()
        if any(task.operator == "defer" for dag in self.case.dags for task in dag.tasks):
            self.triggerers.append(SimulatedTriggerer(self, "triggerer"))
        for deed in self.case.deeds:
            self.loop.at(deed.at, lambda deed=deed: self.person.begin(deed))  # type: ignore[misc]
        self.loop.at(self._calm, self._calm_down)

    def _calm_down(self) -> None:
        self._quiet_since = self.loop.now
        self.trace("world", "nothing goes wrong from now on")
        self.faults.stop()
        self._look_whether_over()

    def _look_whether_over(self) -> None:
        soon = self.person.now() + timedelta(seconds=_SOON_SECONDS)
        to_come = self.database.peek(_TO_COME, f"{soon:%Y-%m-%d %H:%M:%S}")
        if to_come or self.person.busy or any(self.watch.alive.values()):
            self._quiet_since = self.loop.now
        elif self.loop.now - self._quiet_since >= _AFTERWARDS_SECONDS:
            self._is_over = True
            return
        if self.loop.now > self._calm + 60:
            self.person.end_what_waits_for_its_past()
        self.loop.at(self.loop.now + _LOOK_SECONDS, self._look_whether_over)

    # --- machines ---------------------------------------------------------------------------------

    def add_machine(self) -> None:
        self._born += 1
        machine = Machine(self, f"s{self._born}")
        self.machines.append(machine)
        self._by_fiber[machine.fiber] = machine

    def replace_later(self, machine: "Machine", seconds: float) -> None:
        """Another scheduler, of another name, takes its place."""
        if machine in self.machines:
            self.machines.remove(machine)
            self.loop.at(self.loop.now + seconds, self.add_machine)

    def machine(self, number: int) -> "Machine | None":
        return self.machines[number % len(self.machines)] if self.machines else None

    def machine_of(self, fiber: Fiber) -> "Machine":
        return self._by_fiber[fiber]

    def listeners(self) -> list[Listener]:
        return [*self.machines, *self.triggerers]

    # --- for the executors ------------------------------------------------------------------------

    def script_of(self, order: WorkOrder) -> Script:
        return self.scripts.of(order, START + timedelta(seconds=self.loop.now))

    def post(
        self,
        machine: str,
        events: list[ExecutorEvent],
        receive: Callable[[list[ExecutorEvent]], None],
    ) -> None:
        def arrive(arrived: list[ExecutorEvent]) -> None:
            for event in arrived:
                self.trace(machine, f"hears: {title(event)}")
            receive(arrived)

        self.faults.post(machine, events, arrive)

    # --- for people -------------------------------------------------------------------------------

    def trace(self, who: str, what: str) -> None:
        if self.events is not None:
            self.events.append(f"{self.loop.now:10.3f}  {who:10}  {what}")


class Machine:
    """A scheduler, its executor and its clock."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self._chance = chance = world.loop.chance
        self.clock = world.clock
        if world.case.in_cluster:
            self.clock = MachineClock(world.loop, chance.choice([0.0, 0.0, -120.0, 3.0, 120.0]))
        self.store = world.database.seen_by(self.clock)
        self.executor = SimulatedExecutor(world, name, self.clock, slots=chance.choice([1, 2, 8]))
        self.scheduler = SimulatedScheduler(world, self)
        self._stop = threading.Event()
        self.fiber = world.loop.start(name, self._run)

    def _run(self) -> None:
        try:
            self.scheduler.run(self._stop)
        except Bug:
            if not self._stop.is_set():
                raise
            self.die()  # while it gave up its leases

    def ask_to_stop(self) -> None:
        self._stop.set()
        self.scheduler.wake()

    def die(self) -> None:
        """As after kill -9. Its executor's processes go with it, or end with their leases."""
        self.executor.orphan(at_once=self._chance.random() < 0.5)


class SimulatedScheduler(Scheduler):
    """The real one, but for how it waits."""

    def __init__(self, world: World, machine: Machine) -> None:
        super().__init__(
            machine.store,
            {"local": machine.executor},
            machine.clock,
            world.settings,
            machine.name,
            locate=str,
            chance=Random(f"{world.case.seed} {machine.name}"),
        )
        self._machine, self._loop = machine, world.loop

    def _wait(self, seconds: float) -> None:
        self._machine.fiber.wait(self._loop.now + seconds, self._wake.is_set)
        self._wake.clear()


class SimulatedTriggerer(Triggerer):
    """The real one, but for how it waits and where its triggers run."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.store = world.database.seen_by(MachineClock(world.loop))
        super().__init__(
            self.store,
            MachineClock(world.loop),
            _NoTaskApi(),
            name=name,
            locate=str,
            log_folder=Path("/nowhere"),
        )
        self._loop = world.loop
        self._woken = False
        self._triggers = SimulatedTriggers(world)
        self._ending = threading.Event()
        self._fiber = world.loop.start(name, lambda: self.run(self._ending))

    def _child(self, digest: str) -> Any:
        return self._children.setdefault(digest, self._triggers)  # type: ignore[arg-type]

    def _sleep(self, seconds: float) -> None:
        due = self._triggers.next_due()
        wake_at = self._loop.now + seconds if due is None else min(self._loop.now + seconds, due)
        self._fiber.wait(wake_at, lambda: self._woken)
        self._woken = False

    def wake(self) -> None:
        self._woken = True

    def close_pipe(self) -> None:
        os.close(self._wake_reader)
        os.close(self._wake_writer)


class _NoTaskApi:
    def handle(self, message: Any, *, attempt_id: int | None) -> Any:
        raise AssertionError("simulated triggers ask for nothing")


class Person:
    """Whoever does what the case says; each deed in a fiber of its own, on an exact clock."""

    def __init__(self, world: World, dags: list[SerializedDag]) -> None:
        self.name = "person"
        self.dags = dags
        self.busy: set[Fiber] = set()
        self._world = world
        self._clock = MachineClock(world.loop)
        self._ends = False

    @property
    def store(self) -> MachineStore:
        return self._world.database.seen_by(self._clock)

    def now(self) -> Any:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        fiber = self._world.loop.current()
        assert fiber is not None
        fiber.wait(self._world.loop.now + seconds)

    def insist(self, do: Callable[[], object]) -> None:
        """Repeat it until the database takes it: whoever stops something sets it going again."""
        while True:
            try:
                do()
                return
            except InfrastructureError as error:
                self._world.trace(self.name, f"is told: {error}")
            self.sleep(_REPEAT_SECONDS)

    def dag(self, deed: Deed) -> SerializedDag:
        return self.dags[deed.dag]

    def begin(self, deed: Deed) -> None:
        self._start(f"DOES {deed.kind}", lambda: deeds.do(self, deed))

    def end_what_waits_for_its_past(self) -> None:
        """Runs that depend on one that failed wait until somebody decides."""
        if not self._ends:
            self._ends = True
            self._start("DOES end what waits", lambda: deeds.end_what_waits(self))

    def _start(self, what: str, do: Callable[[], None]) -> None:
        def carefully() -> None:
            self._world.trace(self.name, what)
            try:
                do()
            except TradewindError as error:
                self._world.trace(self.name, f"is told: {error}")
            finally:
                self.busy.discard(fiber)
                self._ends = False

        fiber = self._world.loop.start(self.name, carefully)
        self.busy.add(fiber)
