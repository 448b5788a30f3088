"""The real store on SQLite, with places in it where a case may interfere.

Several schedulers share one database only on PostgreSQL, whose leases go by the server's clock. So
in a case with several the lease clock is the database's here as well; with one it is the machine's,
as on SQLite.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Protocol
from unittest.mock import patch

from sqlalchemy import Connection, event

from simulation.fibers import Fiber, Loop, MachineClock
from tradewind.store import attempts, callbacks, glance, runs, triggers
from tradewind.store.engine import _PENDING, Store
from tradewind.store.migrate import migrate

_BUSY_SECONDS = 30.0
"""How long a writer waits for another one, as on SQLite."""

_SIMULATED_NOW = "simulation.now"  # key in Connection.info: when its transaction began


class Interference(Protocol):
    """What may go wrong in a fiber's transactions."""

    def breathe(self, fiber: Fiber, place: str) -> None:
        """Called at each place: `begin`, `statement`, `commit`, `committed`."""

    def announce(self, channel: str) -> None:
        """A transaction has committed and told of something."""


class Database:
    """One file, emptied for each case, out of a migrated template."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        self.path = folder / "simulated.db"
        first = Store(f"sqlite:///{self._template}")
        migrate(first)
        first.close()
        self.base = Store(f"sqlite:///{self.path}")
        self.transactions = 0
        self.in_cluster = False
        self.loop = Loop(Random(0))
        self.interference: Interference | None = None
        self._writer: Fiber | None = None
        self._contents = _contents(self._template)
        self._spectator = sqlite3.connect(":memory:")
        self._schema_version = -1
        event.listen(self.base.engine, "connect", _hurry)
        self._breathe_before_statements()

    def reset(self, loop: Loop, interference: Interference, *, in_cluster: bool) -> None:
        """An empty migrated database, for the fibers of this loop.

        Connections stay open over many cases, with the statements that they have prepared.
        """
        if self._schema_version != self._peek_schema_version():
            self._copy_template()
        with self._spectator:
            self._spectator.execute("BEGIN IMMEDIATE")
            for table, rows in self._contents.items():
                self._spectator.execute(f'DELETE FROM "{table}"')
                for row in rows:
                    marks = ", ".join("?" * len(row))
                    self._spectator.execute(f'INSERT INTO "{table}" VALUES ({marks})', row)
        self.transactions = 0
        self.in_cluster = in_cluster
        self.loop, self.interference = loop, interference
        self._writer = None

    def _copy_template(self) -> None:
        self.base.close()
        for path in self.path.parent.glob("simulated.db*"):
            path.unlink()
        shutil.copyfile(self._template, self.path)
        self._spectator.close()
        self._spectator = sqlite3.connect(self.path, isolation_level=None)
        self._spectator.execute("PRAGMA synchronous = OFF")
        self._schema_version = self._peek_schema_version()

    def _peek_schema_version(self) -> int:
        version: int = self.peek("PRAGMA schema_version")
        return version

    def peek(self, query: str, *values: str) -> Any:
        """One value, read as nobody in the simulation."""
        return self._spectator.execute(query, values).fetchone()[0]

    def close(self) -> None:
        self._spectator.close()
        self.base.close()

    def seen_by(self, clock: MachineClock) -> "MachineStore":
        return MachineStore(self, clock)

    @contextmanager
    def own_lease_clock(self) -> Iterator[None]:
        """Have lease statements ask the database for the time, where it is a server's."""
        with ExitStack() as stack:
            for module in (attempts, callbacks, glance, runs, triggers):
                if hasattr(module, "lease_moment"):
                    stack.enter_context(patch.object(module, "lease_moment", _lease_moment))
                if hasattr(module, "lease_length"):
                    stack.enter_context(patch.object(module, "lease_length", _lease_length))
            yield

    # --- for MachineStore -----------------------------------------------------------------------

    def take_write_lock(self, fiber: Fiber) -> None:
        deadline = self.loop.now + _BUSY_SECONDS
        while self._writer is not None:
            fiber.wait(deadline, lambda: self._writer is None)
            if self._writer is not None and self.loop.now >= deadline:
                raise broken(sqlite3.SQLITE_BUSY, "database is locked")
        self._writer = fiber

    def give_write_lock(self) -> None:
        self._writer = None

    def breathe(self, fiber: Fiber, place: str) -> None:
        fiber.live()
        if self.interference is not None:
            self.interference.breathe(fiber, place)

    def _breathe_before_statements(self) -> None:
        """Not as a listener of the engine, which would cost each statement a tenth more."""
        dialect = self.base.engine.dialect
        for name in ("do_execute", "do_executemany", "do_execute_no_params"):
            setattr(dialect, name, self._breathing(getattr(dialect, name)))

    def _breathing(self, execute: Callable[..., None]) -> Callable[..., None]:
        def breathe_and_execute(*of: Any) -> None:
            if (fiber := self.loop.current()) is not None:
                self.breathe(fiber, "statement")
            execute(*of)

        return breathe_and_execute


class MachineStore(Store):
    """The database as one machine's processes see it."""

    def __init__(self, database: Database, clock: MachineClock) -> None:
        self.__dict__ |= database.base.__dict__  # the same engine
        self._database = database
        self._listeners: list[tuple[list[str], Callable[[str], None]]] = []
        self.clock = MachineClock(database.loop) if database.in_cluster else clock

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        database = self._database
        fiber = database.loop.current()
        assert fiber is not None, "only fibers use the database"
        with self._translated():
            database.breathe(fiber, "begin")
            database.take_write_lock(fiber)
            try:
                with super().begin() as tx:
                    tx.info[_SIMULATED_NOW] = self.clock.now() if database.in_cluster else None
                    pending: set[str] = tx.info[_PENDING]
                    yield tx
                    database.breathe(fiber, "commit")
            finally:
                database.give_write_lock()
            database.transactions += 1
            if database.interference is not None:
                for channel in sorted(pending):
                    database.interference.announce(channel)
            database.breathe(fiber, "committed")

    def listen(self, channels: list[str], on_notify: Callable[[str], None]) -> Any:
        listener = SimulatedListener(channels, on_notify, self._listeners)
        self._listeners.append((channels, on_notify))
        return listener

    def tell(self, channel: str) -> None:
        for channels, on_notify in self._listeners:
            if channel in channels:
                on_notify(channel)


class SimulatedListener:
    def __init__(self, channels: list[str], on_notify: Any, listeners: list[Any]) -> None:
        self._entry, self._listeners = (channels, on_notify), listeners

    def close(self) -> None:
        self._listeners.remove(self._entry)


@contextmanager
def new_database() -> Iterator[Database]:
    """Its file is in memory where the system has such a place."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        database = Database(Path(folder))
        yield database
        database.close()


def broken(code: int, text: str) -> sqlite3.OperationalError:
    """What the driver raises when the database cannot be used."""
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


def _contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All tables and their rows."""
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables}


def _hurry(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF").close()


def _lease_moment(tx: Connection, now: datetime) -> dict[str, Any]:
    return {"lease_clock": tx.info.get(_SIMULATED_NOW) or now}


def _lease_length(tx: Connection, now: datetime, seconds: float) -> dict[str, Any]:
    return {"lease_end": (tx.info.get(_SIMULATED_NOW) or now) + timedelta(seconds=seconds)}
