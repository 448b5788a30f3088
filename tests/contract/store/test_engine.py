"""Transactions, errors and the clock, on both databases."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from support.postgres import PostgresServer
from tradewind.core.errors import InfrastructureError, UserError
from tradewind.store.engine import (
    DatabaseError,
    Store,
    count_statements,
    insert,
    retrying,
    transient,
)
from tradewind.store.schema import pool, task_instance, variable
from tradewind.store.urls import PostgresqlUrl, parse_url


def add_pool(store: Store, name: str) -> None:
    with store.begin() as tx:
        tx.execute(insert(tx, pool).values(name=name, slots=1))


def pool_names(store: Store) -> list[str]:
    with store.read() as tx:
        return sorted(tx.execute(sa.select(pool.c.name)).scalars())


# --- transactions ---------------------------------------------------------------------------------


def test_a_block_that_ends_commits_and_one_that_raises_does_not(store: Store) -> None:
    add_pool(store, "kept")

    def fail_half_way() -> None:
        with store.begin() as tx:
            tx.execute(insert(tx, pool).values(name="lost", slots=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert pool_names(store) == ["default_pool", "kept"]


@pytest.mark.parametrize("name", ["half \udcff", "huge"])
def test_a_value_that_no_column_takes_is_the_users_error(store: Store, name: str) -> None:
    with pytest.raises(UserError, match="does not fit into the database"), store.begin() as tx:
        tx.execute(insert(tx, pool).values(name=name, slots=2**70 if name == "huge" else 1))
    assert pool_names(store) == ["default_pool"]


def test_text_with_nul_is_the_users_error_on_postgresql(postgresql_url: str) -> None:
    store = Store(postgresql_url)
    with pytest.raises(UserError, match="does not fit into the database"):
        add_pool(store, "a\0b")
    store.close()


def test_reading_transactions_cannot_write_on_postgresql(postgresql_url: str) -> None:
    store = Store(postgresql_url)
    with pytest.raises(DatabaseError, match="read-only"), store.read() as tx:
        tx.execute(insert(tx, pool).values(name="x", slots=1))
    add_pool(store, "a writer on the same connection afterwards")
    store.close()


def test_reading_is_not_held_up_by_a_writer_and_does_not_see_it(store: Store) -> None:
    with store.begin() as tx:
        tx.execute(insert(tx, pool).values(name="unseen", slots=1))
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(pool_names, store).result() == ["default_pool"]
    assert pool_names(store) == ["default_pool", "unseen"]


def test_threads_and_other_stores_write_at_once(
    store: Store, open_store: Callable[[], Store]
) -> None:
    stores = [store, open_store()]

    def add(number: int) -> None:
        with stores[number % 2].begin() as tx:  # read first: a deferred transaction would fail
            count = tx.execute(sa.select(sa.func.count()).select_from(pool)).scalar_one()
            assert count >= 1
            tx.execute(insert(tx, pool).values(name=f"p{number}", slots=1))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(add, range(60)))
    assert len(pool_names(store)) == 61


def test_writers_of_one_process_take_turns_in_order(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    order: list[int] = []
    threads: list[threading.Thread] = []

    def write(number: int) -> None:
        with store.begin():
            order.append(number)

    with store.begin():
        for number in range(5):
            threads.append(threading.Thread(target=write, args=(number,)))
            waiting = len(store._writing.__self__._waiters)  # type: ignore[attr-defined]
            threads[-1].start()
            while len(store._writing.__self__._waiters) == waiting:  # type: ignore[attr-defined]
                pass
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
    store.close()


def test_a_transaction_inside_another_one_is_refused_at_once(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    with pytest.raises(RuntimeError, match="inside another"), store.begin(), store.begin():
        pass
    add_pool(store, "afterwards")
    store.close()


def test_sqlite_is_durable_and_keeps_references(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    with store.read() as tx:
        pragmas = {
            name: tx.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    store.close()


def test_statements_are_counted(store: Store) -> None:
    with count_statements(store) as counter:
        pool_names(store)
        add_pool(store, "one")
    assert counter.count == 2
    assert counter.statements[0].startswith("SELECT")
    pool_names(store)
    assert counter.count == 2


def test_odd_values_of_users_are_stored_as_far_as_they_can_be(store: Store) -> None:
    """A NUL, a lone surrogate, an endless text or number must not stop a transaction."""
    odd = "a\0b\ud800" + "x" * 1000
    expression = sa.select(
        sa.bindparam("text", odd, task_instance.c.rendered_map_index.type),
        sa.bindparam("number", 2**40, task_instance.c.priority_weight.type),
        sa.bindparam("json", {"z": "a\0b", "a": [1.0, None]}, task_instance.c.resume.type),
    )
    with store.read() as tx:
        text, number, json = tx.execute(expression).one()
    assert text == "a\ufffdb?" + "x" * 246
    assert number == 2**31 - 1
    assert list(json) == ["z", "a"]
    assert json["z"] == "a\0b"


# --- the clock ------------------------------------------------------------------------------------


class StoppedClock:
    def now(self) -> datetime:
        return datetime(2020, 1, 2, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


def test_leases_are_judged_by_the_servers_clock_or_the_given_one(database_url: str) -> None:
    store = Store(database_url, clock=StoppedClock())
    with store.begin() as tx:
        now = store.now(tx)
    assert now.tzinfo is not None
    assert (now == datetime(2020, 1, 2, tzinfo=UTC)) == (store.dialect == "sqlite")
    store.close()


# --- URLs -----------------------------------------------------------------------------------------


def test_urls_as_users_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(parse_url("sqlite:////a/b.db")) == "SQLite database /a/b.db"
    assert str(parse_url("sqlite:///b.db")) == f"SQLite database {tmp_path}/b.db"
    for scheme in ("postgresql", "postgres", "postgresql+psycopg2", "postgresql+asyncpg"):
        url = parse_url(f"{scheme}://me:s%40cret@db.example:5433/tw?sslmode=require")
        assert isinstance(url, PostgresqlUrl)
        assert url.conninfo == "postgresql://me:s%40cret@db.example:5433/tw?sslmode=require"
        assert str(url) == "PostgreSQL database postgresql://me@db.example:5433/tw"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("/var/lib/tradewind.db", "no scheme"),
        ("mysql://root@localhost/airflow", "'mysql' are not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////no/such/folder/t.db", "/no/such/folder .* does not exist"),
        ("postgresql://me@db/tw?nonsense=1", "not a valid URL.*nonsense"),
    ],
)
def test_wrong_urls_are_refused_with_a_hint(url: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as refused:
        Store(url)
    assert refused.value.hint


# --- databases that do not answer -----------------------------------------------------------------


def fails(url: str) -> UserError | InfrastructureError:
    store = Store(url)
    with pytest.raises((UserError, InfrastructureError)) as caught, store.begin():
        pass
    assert "secret" not in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_an_unreachable_server(tmp_path: Path) -> None:
    error = fails(f"postgresql://me:secret@/tw?host={tmp_path}")
    assert "Cannot reach PostgreSQL database postgresql://me@/tw" in str(error)
    assert transient(error)


def test_a_missing_database_and_a_missing_user(postgres: PostgresServer) -> None:
    missing = fails(postgres.url("nowhere"))
    assert 'database "nowhere" does not exist' in str(missing)
    assert isinstance(missing, UserError)
    unknown = fails(postgres.url().replace("//tw@", "//nobody:secret@"))
    assert 'role "nobody" does not exist' in str(unknown)
    assert not transient(unknown)


def test_a_wrong_password(postgres: PostgresServer) -> None:
    with postgres.requiring_password("locked"):
        error = fails(postgres.url().replace("//tw@", "//locked:secret@"))
    assert isinstance(error, UserError)
    assert "password authentication failed" in str(error)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_text("not a database at all\n" * 100)
    error = fails(f"sqlite:///{tmp_path}/t.db")
    assert "not a database" in str(error)
    assert not transient(error)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written"):
        Store(f"sqlite:///{tmp_path}/t.db")
    tmp_path.chmod(0o700)


def test_missing_tables_name_the_command_to_run(tmp_path: Path, postgres: PostgresServer) -> None:
    for url in (f"sqlite:///{tmp_path}/t.db", postgres.url(postgres.new_database())):
        store = Store(url)
        with pytest.raises(UserError) as refused:
            pool_names(store)
        assert "tradewind db migrate" in (refused.value.hint or "")
        store.close()


def test_a_statement_that_takes_too_long_is_ended(postgresql_url: str) -> None:
    store = Store(postgresql_url, statement_timeout_seconds=0.05)
    with pytest.raises(DatabaseError, match="took too long"), store.read() as tx:
        tx.execute(sa.text("SELECT pg_sleep(30)"))
    store.close()


# --- trying again ---------------------------------------------------------------------------------


def test_a_connection_lost_between_transactions_is_not_noticed(
    postgresql_url: str, postgres: PostgresServer
) -> None:
    store = Store(postgresql_url)
    add_pool(store, "before")
    postgres.break_connections(postgresql_url.split("/")[3].split("?")[0])
    add_pool(store, "after")
    assert pool_names(store) == ["after", "before", "default_pool"]
    store.close()


def test_a_connection_lost_within_a_transaction_is_tried_again(
    postgresql_url: str, postgres: PostgresServer
) -> None:
    store = Store(postgresql_url)
    database = postgresql_url.split("/")[3].split("?")[0]
    tries = []

    def put() -> str:
        with store.begin() as tx:
            tx.execute(insert(tx, variable).values(key=f"k{len(tries)}", value="v"))
            tries.append(1)
            if len(tries) == 1:
                postgres.break_connections(database)
            tx.execute(sa.select(1))
        return "done"

    assert retrying(put, for_seconds=60, sleep=lambda seconds: None) == "done"
    with store.read() as tx:
        assert tx.execute(sa.select(variable.c.key)).scalars().all() == ["k1"]
    store.close()


def test_a_primary_that_became_a_standby_is_left_for_the_new_one(
    postgresql_url: str, postgres: PostgresServer
) -> None:
    database = postgresql_url.split("/")[3].split("?")[0]
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        store = Store(postgresql_url)
        with pytest.raises(DatabaseError, match="does not take writes") as caught:
            add_pool(store, "refused")
        assert transient(caught.value)
        admin.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    add_pool(store, "taken")  # on a new connection
    assert pool_names(store) == ["default_pool", "taken"]
    store.close()


class CountingClock(StoppedClock):
    """Moves on only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 7.5
        self.seconds += seconds


def test_trying_again_ends_with_the_deadline_and_raises_what_happened() -> None:
    clock = CountingClock()

    def fail() -> None:
        raise DatabaseError("busy", transient=True)

    with pytest.raises(DatabaseError, match="busy"):
        retrying(fail, for_seconds=30, clock=clock, sleep=clock.sleep)
    assert 20 < clock.seconds <= 30


def test_an_error_that_will_not_go_away_is_raised_at_once(store: Store) -> None:
    clock = CountingClock()
    with pytest.raises(sa.exc.IntegrityError) as caught:
        retrying(
            lambda: add_pool(store, "default_pool"),
            for_seconds=30,
            clock=clock,
            sleep=clock.sleep,
        )
    assert not transient(caught.value)
    assert clock.seconds == 0
