"""Word from one process to another that there is something new in the database.

PostgreSQL has LISTEN and NOTIFY. SQLite has nothing of the kind, so each listener binds a Unix
datagram socket in a folder beside the database file, and writers send to all of them after commit.
Nothing is sent or polled while nothing happens. A lost notification is covered by the slow poll
that every owner of a listener has.
"""

import contextlib
import hashlib
import os
import random
import secrets
import select
import socket
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa

if TYPE_CHECKING:  # each method imports it: SQLite does without
    import psycopg

_PREFIX = "tradewind_"  # of channel names on the server, which all its clients share
_LONGEST_SOCKET_PATH = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
_LONGEST_NAME = 60


class Listener(Protocol):
    def close(self) -> None:
        """Stop listening. `on_notify` is not called any more when this returns."""


class _ThreadedListener(ABC):
    """A thread that blocks on a file descriptor until it is readable or `close` is called."""

    def __init__(self, channels: Collection[str], on_notify: Callable[[str], None]) -> None:
        self._channels = sorted(channels)
        self._on_notify = on_notify
        self._closing, self._close_signal = os.pipe()
        self._thread = threading.Thread(
            target=self._run, name=f"listen-{'+'.join(self._channels)}", daemon=True
        )

    def close(self) -> None:
        if self._close_signal >= 0:
            os.close(self._close_signal)
            self._close_signal = -1
            self._thread.join()
            os.close(self._closing)

    def _wait(self, readable: int | socket.socket | None, seconds: float | None = None) -> bool:
        """Until `readable` is (or nothing for `seconds`); False means that it is time to end."""
        poll = select.poll()
        poll.register(self._closing, select.POLLIN)
        if readable is not None:
            poll.register(readable, select.POLLIN)
        ready = poll.poll(None if seconds is None else seconds * 1000)
        return self._closing not in (descriptor for descriptor, _ in ready)

    @abstractmethod
    def _run(self) -> None:
        """Call `on_notify` for what comes in, until `_wait` says that it is time to end."""


# --- PostgreSQL -----------------------------------------------------------------------------------


def notify_statement(channels: Collection[str]) -> sa.Select[Any]:
    """One statement that notifies all the channels when its transaction commits."""
    return sa.select(*(sa.func.pg_notify(_PREFIX + channel, "") for channel in sorted(channels)))


class PostgresqlListener(_ThreadedListener):
    """LISTEN on a connection of its own, made again with back-off when it breaks."""

    def __init__(
        self,
        connect: "Callable[[], psycopg.Connection[Any]]",
        channels: Collection[str],
        on_notify: Callable[[str], None],
    ) -> None:
        super().__init__(channels, on_notify)
        self._connect = connect
        self._connection = self._subscribe()
        self._thread.start()

    def _subscribe(self) -> "psycopg.Connection[Any]":
        from psycopg import sql

        connection = self._connect()
        connection.autocommit = True
        for channel in self._channels:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(_PREFIX + channel)))
        return connection

    def _run(self) -> None:
        import psycopg

        while self._wait(self._connection.pgconn.socket):
            try:
                self._connection.pgconn.consume_input()
            except psycopg.OperationalError:
                if not self._reconnect():
                    return
                for channel in self._channels:  # whatever was said meanwhile is lost
                    self._on_notify(channel)
                continue
            for channel in self._received():
                self._on_notify(channel)
        self._connection.close()

    def _received(self) -> list[str]:
        channels = []
        while note := self._connection.pgconn.notifies():
            channels.append(note.relname.decode().removeprefix(_PREFIX))
        return sorted(set(channels))

    def _reconnect(self) -> bool:
        import psycopg

        self._connection.close()
        pause = 0.1
        while self._wait(None, pause * random.uniform(0.5, 1.5)):
            try:
                self._connection = self._subscribe()
            except psycopg.Error:
                pause = min(pause * 2, 10.0)
            else:
                return True
        return False


# --- SQLite ---------------------------------------------------------------------------------------


def socket_folder(database: Path) -> Path:
    """Where the listeners' sockets are: beside the database, or for very long paths in /tmp."""
    beside = database.with_name(f"{database.name}-notify")
    if len(os.fsencode(beside)) + 1 + _LONGEST_NAME <= _LONGEST_SOCKET_PATH:
        return beside
    digest = hashlib.sha256(os.fsencode(database.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"tradewind-{os.getuid()}-{digest}")


def send_datagrams(folder: Path, channels: Collection[str]) -> None:
    """Tell every listener of the channels. Sockets whose process has died are removed.

    Never raises: what it tells of is committed already, and who misses it polls.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            wanted = set(name.split(".")[0].split("+")) & set(channels)
            if wanted:
                _send(folder / name, " ".join(sorted(wanted)).encode())


def _send(path: Path, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)  # a full queue means that its listener will wake anyway
        try:
            sender.sendto(message, os.fspath(path))
        except ConnectionRefusedError:  # its process ended without closing
            path.unlink(missing_ok=True)
        except OSError:
            return


class DatagramListener(_ThreadedListener):
    """A datagram socket named for its channels, so that writers know whom to tell."""

    def __init__(
        self, folder: Path, channels: Collection[str], on_notify: Callable[[str], None]
    ) -> None:
        super().__init__(channels, on_notify)
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / f"{'+'.join(self._channels)}.{os.getpid()}-{secrets.token_hex(3)}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(os.fspath(self._path))
        self._thread.start()

    def close(self) -> None:
        super().close()
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        while self._wait(self._socket):
            for channel in self._received():
                self._on_notify(channel)
        self._socket.close()

    def _received(self) -> list[str]:
        channels: set[str] = set()
        with contextlib.suppress(BlockingIOError):
            while message := self._socket.recv(1024):
                channels.update(message.decode().split())
        return sorted(channels)
