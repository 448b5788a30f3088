"""Inserting many rows at once and learning their ids."""

from typing import Any

from sqlalchemy import Connection, Insert, func, select


def insert_for_ids(tx: Connection, statement: Insert, rows: list[dict[str, Any]]) -> list[int]:
    """Insert into a table with an `id` of its own; the new ids in the rows' order.

    SQLite's RETURNING does not promise an order, so SQLAlchemy would insert row by row there. But
    its one writer gets consecutive ids, so the last one tells them all.
    """
    if not rows:
        return []
    pk = statement.table.c.id
    if tx.dialect.name == "postgresql" or len(rows) == 1:
        returning = statement.returning(pk, sort_by_parameter_order=True)
        return list(tx.execute(returning, rows).scalars())
    tx.execute(statement, rows)
    last: int = tx.execute(select(func.max(pk))).scalar_one()
    return list(range(last - len(rows) + 1, last + 1))
