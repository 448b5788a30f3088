"""A PostgreSQL and a Redis server of our own, on loopback, in temporary folders."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.processes import BenchmarkError, free_port, running, tail, wait_until
from benchmarks.tree import Tree

_SETTINGS = {  # all else as PostgreSQL comes: fsync and synchronous_commit are on
    "listen_addresses": "'127.0.0.1'",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "shared_preload_libraries": "'pg_stat_statements'",
    "pg_stat_statements.max": "10000",
}


class Postgres:
    """A running server. Each visit gets a database of its own."""

    def __init__(self, folder: Path, port: int, pid: int) -> None:
        self.folder = folder
        self._port = port
        self._tree = Tree(pid)
        self._number = 0

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://bench@127.0.0.1:{self._port}/{database}"

    def observer_url(self, database: str) -> str:
        """For the benchmark itself, whose statements are not to be counted."""
        return self.url(database).replace("bench@", "observer@")

    def new_database(self, template: str = "template0") -> str:
        """Its name."""
        self._number += 1
        name = f"bench_{self._number}"
        self._admin(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        self._admin(f"DROP DATABASE {name} WITH (FORCE)")

    def has_database(self, name: str) -> bool:
        return bool(self._admin(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))

    def rename_database(self, name: str, to: str) -> None:
        self._admin(f"ALTER DATABASE {name} RENAME TO {to}")

    def cpu_seconds(self) -> float:
        return self._tree.cpu_seconds()

    def statements(self, database: str) -> int:
        """How many a contestant has executed in it, BEGIN, COMMIT and the like aside."""
        query = (
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s JOIN pg_database d"
            f" ON d.oid = s.dbid WHERE d.datname = '{database}'"
            " AND userid = 'bench'::regrole"
            " AND query !~* '^(begin|commit|rollback|savepoint|release|set|show)'"
        )
        return int(self._admin(query)[0][0])

    def version(self) -> str:
        return str(self._admin("SHOW server_version")[0][0]).split()[0]

    def set_up(self) -> None:
        self._admin("CREATE EXTENSION pg_stat_statements")
        self._admin("CREATE ROLE observer LOGIN SUPERUSER")

    def _admin(self, statement: str) -> list[Any]:
        with psycopg.connect(self.url(), autocommit=True) as admin:
            cursor = admin.execute(statement)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    binaries, port = _postgres_binaries(), free_port()
    data, log = folder / "data", folder / "log"
    as_user = _unprivileged(folder)
    done = subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8"],
        capture_output=True,
        text=True,
        **as_user,
    )
    if done.returncode:
        raise BenchmarkError(f"initdb failed: {done.stderr}")
    settings = _SETTINGS | {"port": str(port), "unix_socket_directories": f"'{folder}'"}
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = {value}\n" for name, value in settings.items())
    command = [binaries / "postgres", "-D", data]
    with running(command, log=log, stop_with=signal.SIGINT, **as_user) as process:
        server = Postgres(folder, port, process.pid)
        if not wait_until(lambda: _answers(server), 60, process=process, log=log):
            raise BenchmarkError(f"PostgreSQL does not start: {tail(log)}")
        server.set_up()
        yield server


def _answers(server: Postgres) -> bool:
    try:
        return bool(server.version())
    except psycopg.OperationalError:
        return False


def _unprivileged(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {"cwd": "/"}
    user = pwd.getpwnam("postgres")
    for parent in (folder, *folder.parents[:1]):
        parent.chmod(parent.stat().st_mode | 0o011)
    shutil.chown(folder, user.pw_uid, user.pw_gid)
    return {"cwd": "/", "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _postgres_binaries() -> Path:
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(versions, key=lambda folder: int(folder.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise BenchmarkError("No PostgreSQL server found: `make services` installs it.")


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Its URL. As Redis comes: snapshots after minutes, no append-only file."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    log = folder / "redis.log"
    with running(command, log=log) as process:
        ready = wait_until(
            lambda: log.exists() and "Ready to accept connections" in log.read_text(),
            30,
            process=process,
            log=log,
        )
        if not ready:
            raise BenchmarkError(f"Redis does not start: {tail(log)}")
        yield f"redis://127.0.0.1:{port}/0"
