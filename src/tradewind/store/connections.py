"""Statements about connections to outside systems."""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, delete, select

from tradewind.core.protocol import ConnectionValue
from tradewind.store.engine import AnyRow, insert
from tradewind.store.schema import connection


def get(tx: Connection, conn_id: str) -> ConnectionValue | None:
    row = tx.execute(select(connection).where(connection.c.conn_id == conn_id)).one_or_none()
    return None if row is None else _value(row)


def put(tx: Connection, value: ConnectionValue) -> None:
    """Create or replace, as a whole."""
    values = msgspec.structs.asdict(value)
    tx.execute(
        insert(tx, connection)
        .values(values)
        .on_conflict_do_update(index_elements=["conn_id"], set_=values)
    )


def existing(tx: Connection, conn_ids: Collection[str]) -> set[str]:
    """Those of the ids that are taken."""
    return set(
        tx.execute(select(connection.c.conn_id).where(connection.c.conn_id.in_(conn_ids))).scalars()
    )


def remove(tx: Connection, conn_id: str) -> bool:
    """False if there is no such connection."""
    return tx.execute(delete(connection).where(connection.c.conn_id == conn_id)).rowcount > 0


def listing(tx: Connection, *, conn_type: str | None = None) -> list[ConnectionValue]:
    statement = select(connection).order_by(connection.c.conn_id)
    if conn_type is not None:
        statement = statement.where(connection.c.conn_type == conn_type)
    return [_value(row) for row in tx.execute(statement)]


def _value(row: AnyRow) -> ConnectionValue:
    return ConnectionValue(**row._mapping)
