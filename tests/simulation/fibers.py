"""Everything that acts, as greenlets on one virtual clock; one seeded choice decides who goes on.

A fiber gives way at `breathe` (between two statements) and wherever it waits. While several could
go on, chance chooses; when none can, time moves to the next moment at which one can.
"""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from greenlet import getcurrent, greenlet

START = datetime(2026, 3, 29, 4, 0, tzinfo=UTC)  # the morning after Europe's clocks were set


class Crash(BaseException):
    """The process that the fiber stands for is gone: nothing of it goes on, nothing is cleaned up
    but what its database connection held."""


class Fiber:
    """One thread of a simulated process. `stopped_until`: as after SIGSTOP, it makes no step."""

    def __init__(self, name: str, body: Callable[[], None]) -> None:
        self.name = name
        self.stopped_until = 0.0
        self.is_doomed = False
        self.error: BaseException | None = None
        self._body = body
        self._glet = greenlet(self._run)
        self._wake_at = 0.0
        self._until: Callable[[], bool] | None = None

    @property
    def is_over(self) -> bool:
        return self._glet.dead

    def next_moment(self, now: float) -> float:
        """When it can go on: `now`, if it can at once."""
        if self._until is not None and self._until():
            return max(now, self.stopped_until)
        return max(now, self.stopped_until, self._wake_at)

    def resume(self) -> None:
        self._glet.switch()

    def wait(self, wake_at: float, until: Callable[[], bool] | None = None) -> None:
        """Give way until `wake_at`, or until something holds. Only from within the fiber."""
        self.live()
        self._wake_at, self._until = wake_at, until
        self._glet.parent.switch()
        self.live()

    def live(self) -> None:
        """Raises Crash in a fiber that is no more."""
        if self.is_doomed:
            raise Crash

    def kill(self) -> None:
        """From outside: it ends where it stands."""
        self.is_doomed = True
        if not self.is_over:
            self.resume()

    def _run(self) -> None:
        if self.is_doomed:
            return
        try:
            self._body()
        except Crash:
            pass
        except BaseException as error:
            self.error = error


class Loop:
    """Virtual seconds since `START`, and the fibers. `at` has something done at a moment."""

    def __init__(self, chance: Random) -> None:
        self.now = 0.0
        self.chance = chance
        self.steps = 0
        self._fibers: list[Fiber] = []
        self._by_greenlet: dict[greenlet, Fiber] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0

    def start(self, name: str, body: Callable[[], None]) -> Fiber:
        fiber = Fiber(name, body)
        self._fibers.append(fiber)
        self._by_greenlet[fiber._glet] = fiber
        return fiber

    def at(self, moment: float, do: Callable[[], None]) -> None:
        self._serial += 1
        heapq.heappush(self._timers, (max(moment, self.now), self._serial, do))

    def current(self) -> Fiber | None:
        """The fiber that runs now; None in a timer or outside the loop."""
        return self._by_greenlet.get(getcurrent())

    def run(self, until: Callable[[], bool], deadline: float) -> bool:
        """Play until `until` holds; False when the deadline came first."""
        while not until():
            if not self._advance(deadline):
                return False
        return True

    def close(self) -> None:
        """Whatever still goes on ends where it stands."""
        for fiber in self._fibers:
            fiber.kill()
        self._fibers.clear()
        self._by_greenlet.clear()
        self._timers.clear()

    def _advance(self, deadline: float) -> bool:
        moments = [(fiber.next_moment(self.now), fiber) for fiber in self._fibers]
        soonest = min((moment for moment, _ in moments), default=deadline)
        if self._timers and self._timers[0][0] <= soonest:
            moment, _, do = heapq.heappop(self._timers)
            self.now = max(self.now, moment)
            do()
            return self.now < deadline
        if soonest >= deadline:
            self.now = deadline
            return False
        self.now = max(self.now, soonest)
        ready = [fiber for moment, fiber in moments if moment <= soonest]
        fiber = ready[0] if len(ready) == 1 else self.chance.choice(ready)
        self.steps += 1
        fiber.resume()
        if fiber.is_over:
            self._fibers.remove(fiber)
            del self._by_greenlet[fiber._glet]
            if fiber.error is not None:
                raise fiber.error
        return True


class MachineClock:
    """One machine's clock. `skew`: by how many seconds it is wrong; its monotonic one never is."""

    def __init__(self, loop: Loop, skew: float = 0.0) -> None:
        self._loop = loop
        self.skew = skew

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.now + self.skew)

    def monotonic(self) -> float:
        return self._loop.now
