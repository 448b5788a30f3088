import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.store.locks import FairLock, write_lock


class Interrupted(Exception):
    pass


@pytest.fixture
def interruptible() -> Iterator[None]:
    def interrupt(_signal: int, _frame: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    yield
    signal.signal(signal.SIGUSR1, before)


def test_one_lock_for_one_file_however_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    lock = write_lock(tmp_path / "t.db")
    assert write_lock(tmp_path / "folder" / ".." / "t.db") is lock
    assert write_lock(tmp_path / "u.db") is not lock


def _interrupt_the_main_thread() -> None:
    """The process as a whole might take the signal in another thread, which nobody would notice."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


@pytest.mark.usefixtures("interruptible")
def test_whoever_stops_waiting_does_not_keep_the_turn() -> None:
    lock = FairLock()
    may_leave = threading.Event()
    has_it = threading.Event()

    def hold_and_interrupt() -> None:
        with lock.held():
            has_it.set()
            while not lock._waiters:
                pass
            _interrupt_the_main_thread()
            may_leave.wait()

    holder = threading.Thread(target=hold_and_interrupt, daemon=True)
    holder.start()
    has_it.wait()
    with pytest.raises(Interrupted), lock.held():
        pass
    may_leave.set()
    holder.join()
    with lock.held():
        assert not lock._waiters
