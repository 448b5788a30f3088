"""Column types that mean the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, String, TypeDecorator
from sqlalchemy.ext.compiler import compiles

from tradewind.core.moments import in_utc


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; timestamptz on PostgreSQL, ISO text on SQLite (it sorts)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime cannot be stored: {value!r}")
        value = in_utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class UserText(TypeDecorator[str]):
    """Text that user code made up and that a loop of ours stores.

    PostgreSQL refuses NUL and what is longer than its column; a task's odd error message must not
    stop the transaction that records its end, so it is mended and cut here.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else self.mended(value)

    def mended(self, value: str) -> str:
        if not value.isascii():  # lone surrogates cannot be encoded
            value = value.encode("utf-8", "replace").decode()
        return value.replace("\0", "\ufffd")[: self.length]

    def __init__(self, length: int | None = None) -> None:
        super().__init__(length)
        self.length = length


class Int32(TypeDecorator[int]):
    """A number from a DAG file, which may be larger than the column: cut to its range."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else self.mended(value)

    def mended(self, value: int) -> int:
        return max(-(2**31), min(value, 2**31 - 1))


Id = BigInteger().with_variant(Integer(), "sqlite")  # SQLite's rowid needs INTEGER
JsonValue = JSON(none_as_null=True)
"""Not JSONB: that sorts the keys of what users stored, and refuses NUL in their strings."""


@compiles(JSON, "sqlite")
def _json_is_text(*_: Any, **__: Any) -> str:
    """A column that SQLite knows as JSON is numeric to it: `1.0` would come back as 1."""
    return "TEXT"
