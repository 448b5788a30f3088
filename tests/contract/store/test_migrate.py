"""Migrations build exactly the tables that `schema.py` says, on both databases."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from tradewind.core.errors import UnsupportedSchema, UserError
from tradewind.store import migrate, schema
from tradewind.store.engine import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Makes stores on new, empty databases."""
    stores: list[Store] = []

    def make() -> Store:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path}/{len(stores)}.db"
        else:
            server = request.getfixturevalue("postgres")
            url = server.url(server.new_database())
        stores.append(Store(url))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def describe(store: Store) -> dict[str, Any]:
    """All that the database itself says about its tables."""
    inspector = sa.inspect(store.engine)
    tables = [name for name in inspector.get_table_names() if name != "alembic_version"]
    return {
        name: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(name)
            },
            "key": inspector.get_pk_constraint(name),
            "references": sorted(inspector.get_foreign_keys(name), key=str),
            "unique": sorted(inspector.get_unique_constraints(name), key=str),
            "indexes": sorted(
                (
                    str(index["name"]),
                    index["unique"],
                    index["column_names"],
                    {key: str(value) for key, value in index.get("dialect_options", {}).items()},
                )
                for index in inspector.get_indexes(name)
            ),
        }
        for name in tables
    }


def test_migrated_and_declared_tables_are_the_same(empty: Callable[[], Store]) -> None:
    migrated, declared = empty(), empty()
    migrate.migrate(migrated)
    schema.metadata.create_all(declared.engine)
    assert describe(migrated) == describe(declared)


def test_migrating_again_changes_nothing_and_progress_names_what_was_done(
    empty: Callable[[], Store],
) -> None:
    store = empty()
    lines: list[str] = []
    assert migrate.current(store) is None
    assert migrate.migrate(store, lines.append) == migrate.head()
    assert lines[0] == "0001: The first tables."
    lines.clear()
    assert migrate.migrate(store, lines.append) == migrate.current(store)
    assert lines == []


def test_several_starters_migrate_at_once(empty: Callable[[], Store]) -> None:
    store = empty()
    starters = [Store(store.url) for _ in range(4)]
    with ThreadPoolExecutor(len(starters)) as threads:
        assert set(threads.map(migrate.migrate, starters)) == {migrate.head()}
    for starter in starters:
        starter.close()
    with store.read() as tx:
        pools = tx.execute(sa.select(schema.pool.c.name, schema.pool.c.slots)).all()
    assert pools == [("default_pool", 128)]


def test_a_database_without_tables_is_refused_with_the_command_to_run(
    empty: Callable[[], Store],
) -> None:
    store = empty()
    with pytest.raises(UserError, match="no tables yet") as refused:
        migrate.check(store)
    assert "tradewind db migrate" in (refused.value.hint or "")
    migrate.migrate(store)
    migrate.check(store)


@pytest.mark.parametrize(("revision", "error"), [("0000", UserError), ("9999", UnsupportedSchema)])
def test_another_revision_is_refused(store: Store, revision: str, error: type[UserError]) -> None:
    with store.begin() as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    with pytest.raises(error, match=revision):
        migrate.check(store)


def test_a_newer_database_is_not_migrated(store: Store) -> None:
    with store.begin() as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnsupportedSchema, match="9999"):
        migrate.migrate(store)
    assert migrate.current(store) == "9999"


def test_head_is_what_alembic_says() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == migrate.head()
