"""Statements about the living processes of the control plane."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from tradewind.store.engine import Rows, insert
from tradewind.store.schema import process


def register(
    tx: Connection,
    name: str,
    *,
    role: str,
    hostname: str,
    pid: int,
    now: datetime,
    info: dict[str, Any] | None = None,
) -> None:
    """The process has started; what an earlier one of that name left is replaced."""
    values: dict[str, Any] = {
        "role": role,
        "hostname": hostname,
        "pid": pid,
        "started_at": now,
        "heartbeat_at": now,
        "info": info,
    }
    tx.execute(
        insert(tx, process)
        .values(name=name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )


def beat(tx: Connection, name: str, *, now: datetime, info: dict[str, Any] | None = None) -> None:
    """The process lives; `info` replaces what it told about itself."""
    values: dict[str, Any] = {"heartbeat_at": now} | ({} if info is None else {"info": info})
    tx.execute(update(process).where(process.c.name == name).values(values))


def remove(tx: Connection, name: str) -> None:
    """The process ends in good order."""
    tx.execute(delete(process).where(process.c.name == name))


def remove_silent(tx: Connection, *, before: datetime) -> list[str]:
    """Forget processes that have not been heard of since; returns their names."""
    gone = tx.execute(
        delete(process).where(process.c.heartbeat_at < before).returning(process.c.name)
    )
    return sorted(gone.scalars())


def listing(tx: Connection, *, role: str | None = None) -> Rows:
    statement = select(process).order_by(process.c.role, process.c.name)
    if role is not None:
        statement = statement.where(process.c.role == role)
    return tx.execute(statement).all()
