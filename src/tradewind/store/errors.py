"""What a driver's error means to the person or the loop that meets it."""

import re
import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import exc

from tradewind.core.errors import InfrastructureError, TradewindError, UserError

if TYPE_CHECKING:  # each function imports it: most commands on SQLite never need to
    import psycopg

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_READ_ONLY = "25006"  # the primary has become a standby; another server is the primary now
_TRANSIENT_STATES = frozenset(
    {"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", _READ_ONLY}
)
_TRANSIENT_CLASSES = ("08",)
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class DatabaseError(InfrastructureError):
    """The database could not do it. `transient`: the same may succeed a moment later."""

    def __init__(
        self, message: str = "", *, hint: str | None = None, transient: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.transient = transient


def transient(error: BaseException) -> bool:
    """Whether the same transaction may succeed when it is tried again.

    Lost connections, restarts, failovers, deadlocks, serialization failures, time-outs of locks and
    a busy SQLite file are; everything else (constraint, syntax, disk full, wrong password) is not.
    """
    if isinstance(error, DatabaseError):
        return error.transient
    if isinstance(error, exc.TimeoutError):  # the pool had no connection to give
        return True
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated or _driver_transient(error.orig)
    return _driver_transient(error)


def is_standby(error: BaseException) -> bool:
    """Whether the server refused a write because it is not the primary (any more)."""
    import psycopg

    driver = error.orig if isinstance(error, exc.DBAPIError) else error
    return isinstance(driver, psycopg.Error) and driver.sqlstate == _READ_ONLY


def _driver_transient(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE_BUSY
    import psycopg

    if isinstance(error, psycopg.Error):
        state = error.sqlstate
        if state is None:  # libpq's own: no server answered
            return isinstance(error, psycopg.OperationalError)
        return state in _TRANSIENT_STATES or state.startswith(_TRANSIENT_CLASSES)
    return False


def translate(error: Exception, where: str) -> TradewindError | None:
    """The error that users and loops should see instead, or None to leave it as it is.

    `where` names the database without its password. Constraint violations are left to the
    statements' callers, who know what they mean.
    """
    if isinstance(error, exc.TimeoutError):
        return DatabaseError(
            f"No connection to {where} became free in time.",
            hint="Too many threads use the database at once, or a transaction hangs.",
            transient=True,
        )
    driver = error.orig if isinstance(error, exc.StatementError) else error
    if isinstance(driver, OverflowError | UnicodeEncodeError):
        return _unfit(driver)
    if isinstance(driver, sqlite3.Error):
        return _translate_sqlite(driver, where)
    import psycopg

    if isinstance(driver, psycopg.Error):
        return _translate_postgresql(driver, where, transient=transient(error))
    return None


def _unfit(reason: object) -> UserError:
    return UserError(
        f"A value cannot be stored, it does not fit into the database: {reason}.",
        hint="Numbers go to about 2 billion, and names are text in UTF-8 without NUL characters.",
    )


_SQLITE_HINTS = {
    sqlite3.SQLITE_BUSY: "Another process holds the database; is a transaction stuck in it?",
    sqlite3.SQLITE_FULL: "The disk is full. Free some space; nothing that was committed is lost.",
    sqlite3.SQLITE_READONLY: "The file or its folder is read-only for this user.",
    sqlite3.SQLITE_CANTOPEN: "The folder must exist and be writable for this user.",
    sqlite3.SQLITE_PERM: "The file must be readable and writable for this user.",
    sqlite3.SQLITE_NOTADB: "The file is not a SQLite database. Name another one in database.url.",
    sqlite3.SQLITE_CORRUPT: "The file is damaged. Restore a backup, or try SQLite's .recover.",
    sqlite3.SQLITE_IOERR: "The disk or file system failed. SQLite needs a local file system.",
    sqlite3.SQLITE_PROTOCOL: "SQLite needs a local file system; this one does not lock files.",
}
_MISSING_TABLE = "Run `tradewind db migrate` to create or upgrade the tables."


def _translate_sqlite(error: sqlite3.Error, where: str) -> TradewindError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_ERROR and re.match(r"no such (table|column)", str(error)):
        return UserError(f"{where} lacks a table: {error}.", hint=_MISSING_TABLE)
    if code not in _SQLITE_HINTS:
        return None
    return DatabaseError(
        f"{where}: {error}.", hint=_SQLITE_HINTS[code], transient=_driver_transient(error)
    )


# Connection failures carry no SQLSTATE on the client's side, so the text must tell.
_CONNECT_HINTS = (
    (r"password authentication failed|no password supplied", "Check user and password."),
    (r'role ".*" does not exist', "Create the user, or name another one in database.url."),
    (
        r'database ".*" does not exist',
        "Create it first: `createdb NAME` or `CREATE DATABASE NAME`.",
    ),
    (r"no pg_hba.conf entry", "The server does not admit this user from this host (pg_hba.conf)."),
    (r"SSL|certificate", "Check sslmode and the certificates in database.url."),
)
_UNREACHABLE_HINTS = (
    (
        r"translate host name|Name or service not known|name resolution|resolve host",
        "The host's name is unknown here. Check it in database.url.",
    ),
    (
        r"Connection refused|No such file or directory",
        "Is the server running, and does it listen on that host and port?",
    ),
    (r"timeout|timed out|No route to host", "Is the host up, and does a firewall let you through?"),
    (r"starting up|shutting down", "The server is starting or stopping; try again in a moment."),
    (
        r"too many clients|remaining connection slots",
        "Raise max_connections or use fewer processes.",
    ),
)


def _translate_postgresql(
    error: "psycopg.Error", where: str, *, transient: bool
) -> TradewindError | None:
    import psycopg

    text = str(error).strip()
    first_line = text.splitlines()[0] if text else type(error).__name__
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return UserError(f"{where} lacks a table: {first_line}.", hint=_MISSING_TABLE)
    if isinstance(error, psycopg.errors.QueryCanceled):
        return DatabaseError(
            f"{where} ended a statement that took too long: {first_line}",
            hint="Raise database.statement_timeout, or look for what keeps the database busy.",
        )
    if is_standby(error):
        return DatabaseError(
            f"{where} does not take writes: {first_line}",
            hint="It is a standby. With several hosts in database.url the primary is found.",
            transient=True,
        )
    if isinstance(error, psycopg.DataError):  # NUL in a text, a number out of range
        return _unfit(first_line)
    if not isinstance(error, psycopg.OperationalError):
        return None
    for pattern, hint in _CONNECT_HINTS:
        if re.search(pattern, text):
            return UserError(f"Cannot connect to {where}: {first_line}", hint=hint)
    for pattern, hint in _UNREACHABLE_HINTS:
        if re.search(pattern, text):
            return DatabaseError(f"Cannot reach {where}: {first_line}", hint=hint, transient=True)
    return DatabaseError(f"{where}: {first_line}", transient=transient)
