"""The database: transactions, its clock, and word to other processes when something has changed."""

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Row, event

from tradewind.core.clock import Clock, SystemClock
from tradewind.core.errors import TradewindError, UserError
from tradewind.store.errors import DatabaseError, is_standby, transient, translate
from tradewind.store.locks import write_lock
from tradewind.store.notify import (
    DatagramListener,
    Listener,
    PostgresqlListener,
    notify_statement,
    send_datagrams,
    socket_folder,
)
from tradewind.store.urls import PostgresqlUrl, SqliteUrl, parse_url

if TYPE_CHECKING:  # imported where they are needed: that takes longer than most commands
    import psycopg
    from sqlalchemy.dialects import postgresql

__all__ = [
    "AnyRow",
    "DatabaseError",
    "Rows",
    "StatementCounter",
    "Store",
    "count_statements",
    "insert",
    "insert_of",
    "retrying",
    "transient",
]

_OLDEST_SQLITE = (3, 40, 0)
_OLDEST_POSTGRESQL = 150000
_BUSY_SECONDS = 30  # how long to wait for another process's write transaction
_PENDING = "tradewind.notify"  # key in Connection.info: channels to notify at commit

T = TypeVar("T")
AnyRow = Row[*tuple[Any, ...]]
Rows = Sequence[AnyRow]


class Store:
    """One database, used from any thread of this process.

    `url`: see `urls.parse_url`. Opening does not connect; the first transaction does, and raises
    UserError or DatabaseError with a hint if it cannot. `statement_timeout_seconds` holds on
    PostgreSQL.
    """

    dialect: Literal["sqlite", "postgresql"]

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        pool_size: int = 5,
        statement_timeout_seconds: float | None = None,
    ) -> None:
        self.url = url
        self.clock = clock or SystemClock()
        self._target = parse_url(url)
        self._writing: Callable[[], AbstractContextManager[None]] = nullcontext
        if isinstance(self._target, SqliteUrl):
            self.dialect = "sqlite"
            self._engine = _sqlite_engine(self._target, pool_size)
            self._writing = write_lock(self._target.path).held
            self._reading_engine = self._engine
        else:
            self.dialect = "postgresql"
            self._connect = _postgresql_connector(self._target, statement_timeout_seconds)
            self._engine = _postgresql_engine(self._connect, pool_size)
            self._reading_engine = self._engine.execution_options(postgresql_readonly=True)

    def __str__(self) -> str:
        return str(self._target)

    @property
    def engine(self) -> Engine:
        """For migrations and tests; everything else uses `begin` and `read`."""
        return self._engine

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction: commits at the end of the block, rolls back if it raises.

        On SQLite it holds the one write lock from its first moment (IMMEDIATE): one that reads
        first and then writes could not go on when somebody else has written. Not reentrant.
        """
        with self._translated(), self._writing():
            with self._engine.begin() as tx:
                self._start(tx, "BEGIN IMMEDIATE")
                pending: set[str] = set()
                tx.info[_PENDING] = pending
                yield tx
                if pending and self.dialect == "postgresql":
                    tx.execute(notify_statement(pending))
            if pending and isinstance(self._target, SqliteUrl):
                send_datagrams(socket_folder(self._target.path), pending)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only transaction; on SQLite it sees one snapshot and never waits for writers."""
        with self._translated(), self._reading_engine.begin() as tx:
            self._start(tx, "BEGIN")
            yield tx

    def _start(self, tx: Connection, begin: str) -> None:
        """Where we say BEGIN ourselves. Straight to the driver: a listener for it would make
        SQLAlchemy look for listeners around each statement."""
        if self.dialect == "sqlite":
            driver: sqlite3.Connection = tx.connection.driver_connection  # type: ignore[assignment]
            driver.execute(begin).close()

    def now(self, tx: Connection) -> datetime:
        """The instant that leases are judged by: the server's clock, or `clock`'s on SQLite."""
        if self.dialect == "sqlite":
            return self.clock.now()
        now: datetime = tx.execute(_CLOCK).scalar_one()
        return now.astimezone(UTC)

    def notify(self, tx: Connection, channel: str) -> None:
        """Wake whoever listens to `channel`, in any process, if and when `tx` commits."""
        tx.info[_PENDING].add(channel)

    def listen(self, channels: list[str], on_notify: Callable[[str], None]) -> Listener:
        """Call `on_notify(channel)` from a thread of its own for each notification, until closed.

        A notification may be lost with the connection; after a reconnect `on_notify` is called
        once for every channel. Several notifications may come as one.
        """
        with self._translated():
            if isinstance(self._target, SqliteUrl):
                return DatagramListener(socket_folder(self._target.path), channels, on_notify)
            return PostgresqlListener(self._connect, channels, on_notify)

    def close(self) -> None:
        """Close all idle connections. The store may be used again afterwards."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TradewindError:
            raise
        except Exception as error:
            clearer = translate(error, str(self))
            if is_standby(error):
                self._engine.dispose()  # connect anew: the primary is somewhere else
            if clearer is None:
                raise
            raise clearer from error


_CLOCK = sa.text("SELECT clock_timestamp()")


# --- SQLite ---------------------------------------------------------------------------------------


def _sqlite_engine(url: SqliteUrl, pool_size: int) -> Engine:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise UserError(
            f"Python's SQLite library is {sqlite3.sqlite_version}; 3.40 or newer is needed.",
            hint="Use a newer Python or system, or PostgreSQL.",
        )
    folder = url.path.parent
    if not folder.is_dir():
        raise UserError(f"The folder {folder} of {url} does not exist.", hint="Create it first.")
    if not os.access(url.path if url.path.exists() else folder, os.W_OK):
        raise UserError(
            f"{url} cannot be written to by this user.",
            hint=f"Give the user write access to {folder}, or name another place in database.url.",
        )
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(url.path)),
        connect_args={
            "isolation_level": None,  # we say BEGIN ourselves
            "check_same_thread": False,
            "timeout": _BUSY_SECONDS,
            "cached_statements": 512,
        },
        pool_size=pool_size,
        max_overflow=-1,
        json_serializer=_to_json,
        json_deserializer=msgspec.json.decode,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


# --- PostgreSQL -----------------------------------------------------------------------------------


def _postgresql_connector(
    url: PostgresqlUrl, statement_timeout_seconds: float | None
) -> "Callable[[], psycopg.Connection[Any]]":
    import psycopg

    defaults: dict[str, Any] = {
        "application_name": "tradewind",
        "connect_timeout": 10,
        # A peer that vanished without a word is noticed within a minute.
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    try:
        given = psycopg.conninfo.conninfo_to_dict(url.conninfo)
    except psycopg.ProgrammingError as error:
        raise UserError(
            f"{url} is not a valid URL: {str(error).strip()}.",
            hint="Write postgresql://user:password@host:5432/database; escape /, @ and : with %.",
        ) from error
    if "," in str(given.get("host", "")):
        defaults["target_session_attrs"] = "read-write"  # of several hosts, the primary
    parameters = defaults | given
    if statement_timeout_seconds is not None:
        limit = f"-c statement_timeout={round(statement_timeout_seconds * 1000)}"
        parameters["options"] = f"{parameters.get('options', '')} {limit}".strip()

    def connect() -> "psycopg.Connection[Any]":
        connection = psycopg.connect(**parameters)
        version = connection.info.server_version
        if version < _OLDEST_POSTGRESQL:
            connection.close()
            raise UserError(
                f"{url} runs on PostgreSQL {version // 10000}; 15 or newer is needed.",
                hint="Upgrade the server, or name another one in database.url.",
            )
        return connection

    return connect


def _postgresql_engine(connect: "Callable[[], psycopg.Connection[Any]]", pool_size: int) -> Engine:
    return sa.create_engine(
        "postgresql+psycopg://",
        creator=connect,
        isolation_level="READ COMMITTED",
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        json_serializer=_to_json,
        json_deserializer=msgspec.json.decode,
    )


# --- for statements, loops and tests --------------------------------------------------------------


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def insert(tx: Connection, table: sa.Table) -> "postgresql.Insert":
    """An INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing`."""
    return insert_of(tx.dialect.name, table)


def insert_of(dialect: str, table: sa.Table) -> "postgresql.Insert":
    """As `insert`. SQLite's construct has the same methods; it is typed as PostgreSQL's."""
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)  # type: ignore[return-value]  # same interface, no common base
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def retrying(
    action: Callable[[], T],
    *,
    for_seconds: float,
    clock: Clock | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Do `action` again while it fails for a transient reason, with growing, jittered waits.

    The last error is raised when the next wait would end after `for_seconds`. `action` must hold
    its whole transaction.
    """
    clock = clock or SystemClock()
    deadline = clock.monotonic() + for_seconds
    wait = 0.05
    while True:
        try:
            return action()
        except (TradewindError, sa.exc.SQLAlchemyError) as error:
            pause = wait * random.uniform(0.5, 1.5)
            if not transient(error) or clock.monotonic() + pause > deadline:
                raise
        sleep(pause)
        wait = min(wait * 2, 5.0)


class StatementCounter:
    """The statements that went to the database, in order, BEGIN and COMMIT left out."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    @property
    def count(self) -> int:
        return len(self.statements)


@contextmanager
def count_statements(store: Store) -> Iterator[StatementCounter]:
    """Record what `store` executes in all threads while the block runs."""
    counter = StatementCounter()

    def record(_tx: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        counter.statements.append(statement)

    event.listen(store.engine, "before_cursor_execute", record)
    try:
        yield counter
    finally:
        event.remove(store.engine, "before_cursor_execute", record)
