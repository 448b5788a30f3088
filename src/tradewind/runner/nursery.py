"""The zygotes of a host: one for each DAG file that runs, started when needed, kept for a while."""

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from tradewind.core.protocol import DagSource
from tradewind.runner import zygote
from tradewind.runner.jobs import NEVER, Zygote, ZygoteKey
from tradewind.runner.loop import Loop
from tradewind.runner.wire import Peer

_SPARE_IDLE_SECONDS: Final = 10.0


def surplus(zygotes: list[Zygote], most: int, spare_bytes: int) -> list[Zygote]:
    """Those that have to go before one more may start: the ones idle for longest."""
    memory = sum(warm.memory_bytes for warm in zygotes)
    idle = sorted((warm for warm in zygotes if warm.is_idle), key=lambda warm: warm.idle_since)
    gone: list[Zygote] = []
    for warm in idle:
        if len(zygotes) - len(gone) < most or memory < spare_bytes:
            break
        memory -= warm.memory_bytes
        gone.append(warm)
    return gone


class Nursery:
    """At most `max_zygotes`, unless more have work; an idle one ends after `idle_seconds`.

    When tasks of many DAG files take turns, each file would be imported again and again. So more
    zygotes are kept while all of them together fit into `spare_bytes` of memory, but not for long.
    `load_seconds`: how long importing a DAG file may take.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        max_zygotes: int,
        idle_seconds: float,
        spare_bytes: int,
        load_seconds: float,
    ) -> None:
        self._loop = loop
        self._max_zygotes = max_zygotes
        self._idle_seconds = idle_seconds
        self._spare_bytes = spare_bytes
        self._load_seconds = load_seconds
        self._zygotes: dict[ZygoteKey, Zygote] = {}

    def __iter__(self) -> Iterator[Zygote]:
        return iter(list(self._zygotes.values()))

    def get(self, source: DagSource, on_readable: Callable[[Zygote], None]) -> Zygote:
        """The file's zygote, which may still be importing it. Raises OSError."""
        key = ZygoteKey(source.digest, source.file)
        warm = self._zygotes.get(key)
        if warm is None:
            self._make_room()
            warm = self._zygotes[key] = self._start(key, source.root)
            self._loop.watch(warm.peer, lambda: on_readable(warm))
            self._loop.watch_output(warm.output)
        return warm

    def next_deadline(self) -> float:
        return min(map(self._deadline, self._zygotes.values()), default=NEVER)

    def _deadline(self, warm: Zygote) -> float:
        if not warm.is_idle:
            return warm.load_deadline
        is_spare = len(self._zygotes) > self._max_zygotes
        return warm.idle_since + (_SPARE_IDLE_SECONDS if is_spare else self._idle_seconds)

    def enforce(self, now: float) -> None:
        """End imports that hang and zygotes that nobody has used for long."""
        for warm in self:
            if now < self._deadline(warm):
                continue
            if warm.is_idle:
                self.retire(warm)
            else:
                warm.load_deadline = NEVER
                warm.timed_out = True
                os.kill(warm.pid, signal.SIGKILL)

    def _make_room(self) -> None:
        for warm in surplus(list(self), self._max_zygotes, self._spare_bytes):
            self.retire(warm)

    def retire(self, warm: Zygote) -> None:
        """Hang up: a zygote without children ends by that."""
        self._zygotes.pop(warm.key, None)
        self._loop.unwatch(warm.peer)
        self._loop.unwatch_output(warm.output)

    def bury(self, warm: Zygote) -> int | None:
        """Of a zygote that hung up itself: make sure that it is dead; its wait status."""
        _kill(warm.pid)  # one that only closed its descriptors is of no use either
        status = wait(warm.pid)
        self.retire(warm)
        return status

    def _start(self, key: ZygoteKey, root: str) -> Zygote:
        ours, theirs = socket.socketpair()
        output, output_writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _be_zygote(theirs, output_writer, root, key.file)
        theirs.close()
        os.close(output_writer)
        warm = Zygote(key, pid, Peer(ours), output)
        warm.load_deadline = time.monotonic() + self._load_seconds
        return warm


def _be_zygote(sock: socket.socket, output: int, root: str, file: str) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in _open_descriptors() - {0, 1, 2, sock.fileno(), output}:
            os.close(fd)
        zygote.run(sock, output, root, file)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _open_descriptors() -> set[int]:
    return {fd for fd in map(int, os.listdir("/dev/fd")) if _is_open(fd)}


def _is_open(fd: int) -> bool:
    """Not so for the one that listing them has used."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def wait(pid: int) -> int | None:
    """The wait status of a process that is dying; None when somebody else has waited for it."""
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return None
