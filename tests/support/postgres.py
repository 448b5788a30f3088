"""A private PostgreSQL server for one test session, on a Unix socket in a folder of its own."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

_SETTINGS = {  # nothing here needs to survive
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "''",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "max_wal_size": "256MB",
}


class PostgresServer:
    """Started on construction. `new_database` makes an empty one, or a copy of a template.

    `settings`: of the server, instead of those above.
    """

    def __init__(self, **settings: str) -> None:
        self._binaries = _find_binaries()
        # Short, because a socket's path may have 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="tw-pg-", dir="/tmp"))
        self._user = _unprivileged_user()
        if self._user is not None:
            shutil.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        self._numbers = itertools.count(1)
        data = self._folder / "data"
        self._run("initdb", "-D", data, "-U", "tw", "-A", "trust", "-E", "UTF8", "--no-sync")
        with (data / "postgresql.conf").open("a") as file:
            wanted = _SETTINGS | settings | {"unix_socket_directories": f"'{self._folder}'"}
            file.writelines(f"{name} = {value}\n" for name, value in wanted.items())
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://tw@/{database}?host={self._folder}"

    def new_database(self, template: str = "template1") -> str:
        """Create a database and return its name. Nobody may be connected to the template."""
        name = f"t{next(self._numbers)}"
        with self._admin() as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY WAL_LOG")
        return name

    def drop_database(self, name: str) -> None:
        with self._admin() as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def size_of(self, name: str) -> int:
        """In bytes."""
        with self._admin() as admin:
            row = admin.execute("SELECT pg_database_size(%s)", [name]).fetchone()
        assert row is not None
        size: int = row[0]
        return size

    def break_connections(self, database: str) -> None:
        """End every connection to the database, as a restart of the server would."""
        with self._admin() as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [database],
            )

    @contextmanager
    def requiring_password(self, user: str) -> Iterator[None]:
        """A user that exists and must give a password (that nobody knows) for the time being."""
        rules = self._folder / "data" / "pg_hba.conf"
        before = rules.read_text()
        rules.write_text(f"local all {user} scram-sha-256\n{before}")
        with self._admin() as admin:
            admin.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'unknown'")
            admin.execute("SELECT pg_reload_conf()")
        yield
        rules.write_text(before)
        with self._admin() as admin:
            admin.execute(f"DROP ROLE {user}")
            admin.execute("SELECT pg_reload_conf()")

    def start(self) -> None:
        """Until it answers. After `kill` the old children may be in the way for a moment."""
        deadline = time.monotonic() + 60
        while True:
            if self._process is None or self._process.poll() is not None:
                self._process = self._spawn()
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.05)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder / "data"],
                stdout=log,
                stderr=log,
                **self._as_user(),
            )

    def stop(self) -> None:
        """Immediate shutdown, as if the machine had failed."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60)
            self._process = None

    def kill(self) -> None:
        """`kill -9` of the postmaster; its children notice and end by themselves."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server is down for the time being."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _admin(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.url(), autocommit=True)

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._binaries / program, *arguments],
            check=True,
            capture_output=True,
            **self._as_user(),
        )

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {"cwd": "/"}
        return {
            "cwd": "/",
            "user": self._user.pw_uid,
            "group": self._user.pw_gid,
            "extra_groups": [],
        }


def _unprivileged_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; tests in containers often do."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("The tests run as root and there is no user postgres or nobody.")


def _find_binaries() -> Path:
    """The newest installation. `postgres` and `initdb` must be side by side."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(versions, key=lambda folder: folder.parent.name, reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise RuntimeError("No PostgreSQL server found. Run `make services`, or install postgresql.")
