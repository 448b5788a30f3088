"""What is measured every few seconds: processes from /proc, the database from itself."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from faults.harness import children, command
from tradewind.store import schema
from tradewind.store.engine import Store

_TICKS = os.sysconf("SC_CLK_TCK")
Sample = dict[str, float]


def families(roots: dict[str, int]) -> dict[str, list[int]]:
    """The lasting processes by what they are; those of single attempts come and go."""
    found: dict[str, list[int]] = {}
    for name, root in roots.items():
        found[name] = [root]
        for child in children(root):
            what = command(child)
            if "tradewind.runner.host" in what:
                found[f"{name} host"] = [child]
                found[f"{name} zygotes"] = children(child)
            elif "tradewind" in what:
                found.setdefault(f"{name} children", []).append(child)
    return found


def of_processes(roots: dict[str, int]) -> Sample:
    sample: Sample = {}
    for name, pids in families(roots).items():
        sample[f"memory MB, {name}"] = sum(map(_pss_mb, pids))
        sample[f"descriptors, {name}"] = sum(len(_list(f"/proc/{pid}/fd")) for pid in pids)
        sample[f"threads, {name}"] = sum(len(_list(f"/proc/{pid}/task")) for pid in pids)
        if name in roots:
            sample[f"cpu seconds, {name}"] = _cpu_seconds(pids[0])
    sample["processes"] = sum(len(_descendants(root)) + 1 for root in roots.values())
    return sample


def _pss_mb(pid: int) -> float:
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _cpu_seconds(pid: int) -> float:
    """Of the process itself, without its children."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / _TICKS


def _descendants(pid: int) -> list[int]:
    return [each for child in children(pid) for each in (child, *_descendants(child))]


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _list(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


# --- the database ---------------------------------------------------------------------------------

_LATENCIES = sa.select(schema.attempt.c.queued_at, schema.attempt.c.started_at)


class Database:
    """Rows, sizes, connections, and how long tasks took from their claim to their user code."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = 0

    def sample(self) -> Sample:
        with self._store.read() as tx:
            rows = {
                f"rows, {table.name}": _count(tx, table) for table in schema.metadata.sorted_tables
            }
            of_kind: Callable[[sa.Connection], Sample] = {
                "sqlite": self._of_sqlite,
                "postgresql": _of_postgresql,
            }[self._store.dialect]
            return rows | of_kind(tx) | self._latencies(tx)

    def _latencies(self, tx: sa.Connection) -> Sample:
        """Of the attempts of the last half minute."""
        since = datetime.now(UTC) - timedelta(seconds=30)
        found = tx.execute(_LATENCIES.where(schema.attempt.c.started_at > since)).all()
        waits = sorted((started - queued).total_seconds() * 1000 for queued, started in found)
        if not waits:
            return {}
        return {
            f"claim to user code ms, p{percent}": waits[
                min(len(waits) - 1, len(waits) * percent // 100)
            ]
            for percent in (50, 95, 99)
        } | {"attempts a second": len(waits) / 30}

    def _of_sqlite(self, _tx: sa.Connection) -> Sample:
        path = Path(self._store.engine.url.database or "")
        wal = path.with_name(path.name + "-wal")
        return {
            "database MB": path.stat().st_size / 1e6,
            "WAL MB": wal.stat().st_size / 1e6 if wal.exists() else 0.0,
        }


def _count(tx: sa.Connection, table: sa.Table) -> float:
    return float(tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _of_postgresql(tx: sa.Connection) -> Sample:
    def ask(question: str) -> float:
        return float(tx.execute(sa.text(question)).scalar_one())

    return {
        "database MB": ask("SELECT pg_database_size(current_database())") / 1e6,
        "WAL MB": ask("SELECT sum(size) FROM pg_ls_waldir()") / 1e6,
        "connections": ask(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        ),
    }


class Clock:
    """Minutes since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def minutes(self) -> float:
        return (time.monotonic() - self._start) / 60
