"""Database URLs as users write them."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tradewind.core.errors import UserError

_POSTGRESQL_SCHEMES = frozenset({"postgresql", "postgres"})
_FORMS = (
    "Write sqlite:////absolute/path/tradewind.db or postgresql://user:password@host:5432/database."
)


@dataclass(frozen=True)
class SqliteUrl:
    path: Path  # absolute

    def __str__(self) -> str:
        return f"SQLite database {self.path}"


@dataclass(frozen=True)
class PostgresqlUrl:
    conninfo: str  # for libpq
    shown: str  # without password

    def __str__(self) -> str:
        return f"PostgreSQL database {self.shown}"


def parse_url(url: str) -> SqliteUrl | PostgresqlUrl:
    """Read a database URL; a driver named after ``+`` is ignored: ours is used.

    Raises UserError for anything else than SQLite in a file or PostgreSQL.
    """
    scheme, separator, rest = url.strip().partition("://")
    kind = scheme.lower().split("+")[0]
    if not separator:
        raise UserError(f"The database URL {url!r} has no scheme.", hint=_FORMS)
    if kind == "sqlite":
        return _parse_sqlite(url, rest)
    if kind in _POSTGRESQL_SCHEMES:
        return _parse_postgresql(rest)
    raise UserError(f"Databases of kind {kind!r} are not supported.", hint=_FORMS)


def _parse_sqlite(url: str, rest: str) -> SqliteUrl:
    path = unquote(rest.split("?")[0])
    if not path.startswith("/") or path == "/" or ":memory:" in path:
        raise UserError(
            f"The database URL {url!r} names no file; a database in memory cannot be shared.",
            hint=_FORMS,
        )
    return SqliteUrl(path=Path(path[1:]).expanduser().absolute())


def _parse_postgresql(rest: str) -> PostgresqlUrl:
    parts = urlsplit(f"postgresql://{rest}")
    user, at, hosts = parts.netloc.rpartition("@")
    shown = f"postgresql://{user.split(':')[0]}{at}{hosts}{parts.path}"
    return PostgresqlUrl(conninfo=f"postgresql://{rest}", shown=shown)
