"""Fixtures for all tests: a migrated database on either kind, fresh for each test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from support.postgres import PostgresServer
from tradewind.store import pools, schema
from tradewind.store.engine import Store
from tradewind.store.migrate import head, migrate

DIALECTS = ["sqlite", "postgresql"]
_LARGE = 50_000_000  # bytes: a database that has grown so much is slower than a new one


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    name = postgres.new_database()
    _migrate(postgres.url(name))
    return name


def _migrate(url: str) -> None:
    store = Store(url)
    migrate(store)
    store.close()


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A migrated SQLite database of the test's own."""
    shutil.copy(sqlite_template, tmp_path / "tradewind.db")
    return f"sqlite:///{tmp_path}/tradewind.db"


@pytest.fixture(scope="session")
def spare_databases() -> list[str]:
    """Databases that earlier tests are done with, emptied: quicker than making new ones."""
    return []


@pytest.fixture
def postgresql_url(
    postgres: PostgresServer, postgres_template: str, spare_databases: list[str]
) -> Iterator[str]:
    """A migrated PostgreSQL database of the test's own."""
    name = spare_databases.pop() if spare_databases else postgres.new_database(postgres_template)
    yield postgres.url(name)
    postgres.break_connections(name)
    if postgres.size_of(name) > _LARGE:
        postgres.drop_database(name)
        return
    _empty(postgres.url(name))
    spare_databases.append(name)


def _empty(url: str) -> None:
    """As migrated, but for the ids that come next."""
    store = Store(url)
    with store.begin() as tx:
        for table in reversed(schema.metadata.sorted_tables):
            tx.execute(table.delete())
        pools.put(tx, pools.DEFAULT_POOL, 128, description="Where tasks go by default")
        tx.execute(sa.text("UPDATE alembic_version SET version_num = :head"), {"head": head()})
    store.close()


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of the test's own, once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A migrated database of the test's own, once of each kind."""
    store = Store(database_url)
    yield store
    store.close()


@pytest.fixture
def open_store(database_url: str) -> Iterator[Callable[[], Store]]:
    """Opens the same database again, as another process would."""
    opened: list[Store] = []

    def open_again() -> Store:
        opened.append(Store(database_url))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()
