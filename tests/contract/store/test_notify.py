"""Notifications reach listeners in other processes after the commit, and never without one."""

import multiprocessing
import os
import queue
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.postgres import PostgresServer
from tradewind.store import variables
from tradewind.store.engine import DatabaseError, Store, retrying, transient
from tradewind.store.notify import Listener, send_datagrams, socket_folder

WAIT = 30  # seconds until a test gives up; never slept through


@pytest.fixture
def heard(store: Store) -> Iterator["queue.Queue[str]"]:
    said: queue.Queue[str] = queue.Queue()
    listener = store.listen(["scheduler", "triggerer"], said.put)
    yield said
    listener.close()


def say(store: Store, *channels: str) -> None:
    with store.begin() as tx:
        for channel in channels:
            store.notify(tx, channel)


def test_listeners_hear_their_channels_only(store: Store, heard: "queue.Queue[str]") -> None:
    say(store, "dag_processor")
    say(store, "triggerer")
    assert heard.get(timeout=WAIT) == "triggerer"
    assert heard.empty()


def test_nothing_is_heard_of_what_was_rolled_back(store: Store, heard: "queue.Queue[str]") -> None:
    def fail_half_way() -> None:
        with store.begin() as tx:
            store.notify(tx, "scheduler")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    say(store, "triggerer")
    assert heard.get(timeout=WAIT) == "triggerer"


def test_the_commit_comes_before_the_notification(
    store: Store, open_store: Callable[[], Store]
) -> None:
    reader = open_store()
    seen: queue.Queue[str | None] = queue.Queue()

    def look(_channel: str) -> None:
        with reader.read() as tx:
            seen.put(variables.get(tx, "k"))

    listener = store.listen(["scheduler"], look)
    with store.begin() as tx:
        store.notify(tx, "scheduler")
        variables.put(tx, "k", "v")
    assert seen.get(timeout=WAIT) == "v"
    listener.close()


def test_several_channels_of_one_transaction(store: Store, heard: "queue.Queue[str]") -> None:
    say(store, "triggerer", "scheduler", "scheduler")
    assert sorted([heard.get(timeout=WAIT), heard.get(timeout=WAIT)]) == ["scheduler", "triggerer"]


def _say_in_child(url: str) -> None:
    store = Store(url)
    say(store, "scheduler")
    store.close()


def test_another_process_is_heard(
    store: Store, heard: "queue.Queue[str]", database_url: str
) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_say_in_child, args=[database_url])
    child.start()
    assert heard.get(timeout=WAIT) == "scheduler"
    child.join()


def test_closing_ends_the_thread_and_leaves_nothing(store: Store, sqlite_url: str) -> None:
    said: queue.Queue[str] = queue.Queue()
    listener = store.listen(["scheduler"], said.put)
    listener.close()
    listener.close()
    say(store, "scheduler")
    assert said.empty()
    folder = socket_folder(Path(sqlite_url.removeprefix("sqlite:///")))
    assert not folder.exists() or not list(folder.iterdir())


def test_after_a_lost_connection_every_channel_is_called_once(
    postgresql_url: str, postgres: PostgresServer
) -> None:
    store = Store(postgresql_url)
    said: queue.Queue[str] = queue.Queue()
    listener = store.listen(["scheduler", "triggerer"], said.put)
    postgres.break_connections(postgresql_url.split("/")[3].split("?")[0])
    assert {said.get(timeout=WAIT), said.get(timeout=WAIT)} == {"scheduler", "triggerer"}
    say(store, "triggerer")
    assert said.get(timeout=WAIT) == "triggerer"
    listener.close()
    store.close()


def test_a_restart_of_the_server_is_survived(postgresql_url: str, postgres: PostgresServer) -> None:
    store = Store(postgresql_url)
    said: queue.Queue[str] = queue.Queue()
    listener = store.listen(["scheduler"], said.put)
    say(store, "scheduler")
    assert said.get(timeout=WAIT) == "scheduler"
    with postgres.away(), pytest.raises(DatabaseError) as failed:
        say(store, "scheduler")
    assert transient(failed.value)
    assert said.get(timeout=WAIT) == "scheduler"  # what was said meanwhile may be lost: look
    retrying(lambda: say(store, "scheduler"), for_seconds=60)
    assert said.get(timeout=WAIT) == "scheduler"
    listener.close()
    store.close()


def test_a_listener_can_be_closed_while_the_server_is_away(
    postgresql_url: str, postgres: PostgresServer
) -> None:
    store = Store(postgresql_url)
    listener = store.listen(["scheduler"], lambda channel: None)
    with postgres.away():
        listener.close()
    store.close()


def _listen_and_die(url: str, ready: "multiprocessing.Queue[int]") -> None:
    listener: Listener = Store(url).listen(["scheduler"], lambda channel: None)
    assert listener
    ready.put(1)
    signal.pause()


def test_sockets_of_killed_processes_are_removed(sqlite_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    ready: multiprocessing.Queue[int] = context.Queue()
    child = context.Process(target=_listen_and_die, args=[sqlite_url, ready])
    child.start()
    ready.get(timeout=WAIT)
    folder = socket_folder(Path(sqlite_url.removeprefix("sqlite:///")))
    assert len(list(folder.iterdir())) == 1
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    store = Store(sqlite_url)
    say(store, "scheduler")
    assert list(folder.iterdir()) == []
    store.close()


def test_a_listener_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    deaf.bind(os.fspath(tmp_path / "scheduler.1-a"))
    for _ in range(2000):  # far more than its queue holds
        send_datagrams(tmp_path, ["scheduler"])
    deaf.close()


def test_databases_with_very_long_paths_have_their_sockets_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 90)
    folder.mkdir()
    store = Store(f"sqlite:///{folder}/tradewind.db")
    said: queue.Queue[str] = queue.Queue()
    listener = store.listen(["scheduler"], said.put)
    say(store, "scheduler")
    assert said.get(timeout=WAIT) == "scheduler"
    listener.close()
    store.close()
    elsewhere = socket_folder(folder / "tradewind.db")
    assert folder not in elsewhere.parents
    elsewhere.rmdir()
