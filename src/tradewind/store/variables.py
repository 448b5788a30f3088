"""Statements about variables."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, select

from tradewind.store.engine import Rows, insert
from tradewind.store.schema import variable


def get(tx: Connection, key: str) -> str | None:
    """The value; None if there is no such variable (a stored value is never None)."""
    return tx.execute(select(variable.c.value).where(variable.c.key == key)).scalar()


def put(tx: Connection, key: str, value: str, description: str | None = None) -> None:
    """Create or replace; a description is kept unless another one is given."""
    values = {"value": value} | ({} if description is None else {"description": description})
    tx.execute(
        insert(tx, variable)
        .values(key=key, **values)
        .on_conflict_do_update(index_elements=["key"], set_=values)
    )


def existing(tx: Connection, keys: Collection[str]) -> set[str]:
    """Those of the keys that are taken."""
    return set(tx.execute(select(variable.c.key).where(variable.c.key.in_(keys))).scalars())


def remove(tx: Connection, key: str) -> bool:
    """False if there is no such variable."""
    return tx.execute(delete(variable).where(variable.c.key == key)).rowcount > 0


def listing(tx: Connection) -> Rows:
    return tx.execute(select(variable).order_by(variable.c.key)).all()
