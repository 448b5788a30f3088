"""The order in which this process's threads write to one SQLite file."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakValueDictionary


class FairLock:
    """A lock that serves its waiters in the order in which they came.

    SQLite's own busy handler sleeps and tries again, so that one busy writer could starve the
    others for seconds. Asking again from the thread that holds it is a bug and raises.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiters: deque[threading.Lock] = deque()
        self._holder: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        self._acquire()
        try:
            yield
        finally:
            self._release()

    def _acquire(self) -> None:
        me = threading.get_ident()
        with self._mutex:
            if self._holder is None:
                self._holder = me
                return
            if self._holder == me:
                raise RuntimeError("A write transaction was begun inside another one.")
            turn = threading.Lock()
            turn.acquire()
            self._waiters.append(turn)
        try:
            turn.acquire()  # the one who leaves opens it, having kept the lock taken for us
        except BaseException:  # Ctrl-C while waiting: the turn must not be left with nobody
            self._give_up(turn)
            raise
        self._holder = me

    def _give_up(self, turn: threading.Lock) -> None:
        with self._mutex:
            if turn in self._waiters:
                self._waiters.remove(turn)
                return
        self._release()

    def _release(self) -> None:
        with self._mutex:
            if self._waiters:
                self._holder = 0  # no thread's id: taken, by the one who is about to wake
                self._waiters.popleft().release()
            else:
                self._holder = None


_locks: WeakValueDictionary[Path, FairLock] = WeakValueDictionary()
_locks_mutex = threading.Lock()


def write_lock(path: Path) -> FairLock:
    """The lock of this process for the database file, whoever opens it and how often."""
    with _locks_mutex:
        return _locks.setdefault(path.resolve(), FairLock())
