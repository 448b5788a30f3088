"""Statements that take any number of rows.

PostgreSQL gets all rows as one JSON parameter: one statement does what `executemany` would send row
by row, and its text stays the same however many there are, so it is parsed and planned once. For
SQLite, which lives in this process, rows one by one cost no more.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Insert,
    Select,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.engine import CursorResult
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import TypeEngine

from tradewind.store.types import Int32, UserText

_ROWS = "rows"  # the name of the one parameter


class Given:
    """The rows of a statement: dicts with these names, of the types of these columns."""

    def __init__(self, columns: Mapping[str, Column[Any]]) -> None:
        self._types: dict[str, TypeEngine[Any]] = {name: of.type for name, of in columns.items()}
        self._mended = {
            name: mend for name, kind in self._types.items() if (mend := _mending(kind)) is not None
        }

    def values(self, dialect: str) -> dict[str, ColumnElement[Any]]:
        """One row's values, to be used in the statement."""
        if dialect != "postgresql":
            return {name: bindparam(name, type_=kind) for name, kind in self._types.items()}
        # JSON travels as text: inside the parameter PostgreSQL would refuse a NUL's escape.
        columns = [
            column(name, Text() if isinstance(kind, JSON) else kind)
            for name, kind in self._types.items()
        ]
        parameter: BindParameter[str] = bindparam(_ROWS, type_=Text())
        rows = func.json_to_recordset(cast(parameter, JSON)).table_valued(*columns)
        given = rows.render_derived(name="given", with_types=True).c
        return {
            name: cast(given[name], kind) if isinstance(kind, JSON) else given[name]
            for name, kind in self._types.items()
        }

    def execute(
        self, tx: Connection, statement: Any, rows: list[dict[str, Any]], **parameters: Any
    ) -> CursorResult[Any]:
        """`parameters`: what is the same for all rows."""
        if tx.dialect.name != "postgresql":
            return tx.execute(statement, [row | parameters for row in rows])
        text = msgspec.json.encode([self._plain(row) for row in rows]).decode()
        return tx.execute(statement, {_ROWS: text, **parameters})

    def _plain(self, row: dict[str, Any]) -> dict[str, Any]:
        """As JSON can hold it. Moments are aware, and stay as they are."""
        plain = row.copy()
        for name, mend in self._mended.items():
            if plain[name] is not None:
                plain[name] = mend(plain[name])
        return plain


def _mending(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """What SQLAlchemy would do to values of the type."""
    if isinstance(kind, JSON):
        return lambda value: msgspec.json.encode(value).decode()
    if isinstance(kind, UserText | Int32):
        return kind.mended
    return None


def insertion(dialect: str, given: Given, into: Insert, **computed: ColumnElement[Any]) -> Insert:
    """`into` with the given rows; `computed`: values that the database works out."""
    if dialect != "postgresql":
        return into.values(**computed) if computed else into
    values = given.values(dialect) | computed
    return into.from_select(list(values), select(*values.values()))


def insert_for_ids(
    tx: Connection,
    given: Given,
    statement: Insert,
    rows: list[dict[str, Any]],
    **parameters: Any,
) -> list[int]:
    """Insert rows, and learn their ids, in the rows' order: each is greater than the one before.

    SQLite's RETURNING does not promise an order, so SQLAlchemy would insert row by row there. But
    its one writer gets consecutive ids, so the last one tells them all.
    """
    if not rows:
        return []
    if tx.dialect.name == "postgresql" or len(rows) == 1:
        returned = given.execute(tx, _returning_ids(statement), rows, **parameters)
        return sorted(returned.scalars())
    given.execute(tx, statement, rows, **parameters)
    last: int = tx.execute(_last_id(statement)).scalar_one()
    return list(range(last - len(rows) + 1, last + 1))


@cache
def _returning_ids(statement: Insert) -> ReturningInsert[int]:
    """Statements are compared by identity, and those of `insert_for_ids` are made once."""
    return statement.returning(statement.table.c.id)


@cache
def _last_id(statement: Insert) -> Select[int]:
    return select(func.max(statement.table.c.id))
