"""One case played and checked: what came of it."""

import logging
from collections import Counter
from dataclasses import dataclass, field

from simulation.case import Case
from simulation.checker import broken_rules
from simulation.database import Database
from simulation.faults import Bug
from simulation.world import World
from tradewind.core.errors import InfrastructureError

_LOGGERS = ("tradewind.scheduler", "tradewind.triggerer", "tradewind.store")


@dataclass(frozen=True)
class Outcome:
    """`broken`: what should not be, each beginning with the name of a rule."""

    broken: list[str]
    totals: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)

    @property
    def rules(self) -> set[str]:
        return {broken.split(":")[0] for broken in self.broken}


def play(case: Case, database: Database, *, tracing: bool = False) -> Outcome:
    """Deterministic: the same case comes to the same outcome."""
    world = World(case, database, tracing=tracing)
    handler = _Suspicious(world)
    with handler:
        try:
            world.play()
            broken = broken_rules(world)
        except Exception as error:
            broken = [f"raised: {type(error).__name__}: {error}"]
    totals: Counter[str] = Counter(
        attempts=world.watch.started,
        transactions=database.transactions,
        deeds=len(case.deeds),
    )
    totals.update({f"fault {kind}": count for kind, count in world.faults.happened.items()})
    return Outcome([*handler.found, *broken], totals, world.events or [])


class _Suspicious(logging.Handler):
    """What the engine logs, for the trace; an error that no fault explains is a bug."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.found: list[str] = []
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        self._world.trace("log", record.getMessage())
        error = record.exc_info[1] if record.exc_info else None
        is_ours = error is not None and not isinstance(error, InfrastructureError | Bug)
        if is_ours or "set right" in record.msg:
            self.found.append(f"logged: {record.getMessage()} {error!r}")

    def __enter__(self) -> "_Suspicious":
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            logger.addHandler(self)
            logger.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            logger.removeHandler(self)
            logger.propagate = True
