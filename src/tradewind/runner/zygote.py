"""The warm parent: one process per DAG file of a snapshot, imports it once and forks each job.

It runs no user code beyond the import, holds no descriptor of a job after the fork, and ends when
its host closes the connection or dies.
"""

import faulthandler
import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import msgspec

from tradewind.core.protocol import Usage
from tradewind.runner import linux, logs
from tradewind.runner.channel import HostChannel
from tradewind.runner.job import run_job
from tradewind.runner.load import describe_error, load_dag_file
from tradewind.runner.masking import masker
from tradewind.runner.messages import Exited, Fork, Forked, Loaded, LoadFailed, NotForked
from tradewind.runner.wire import Connection
from tradewind.sdk import masking
from tradewind.sdk.comms import set_channel

if TYPE_CHECKING:
    from tradewind.sdk import DAG

_GRACE_SECONDS = 5.0
_fork_decoder = msgspec.msgpack.Decoder(Fork)


def run(sock: socket.socket, output: int, root: str, file: str) -> NoReturn:
    """Be the zygote; called in a fresh fork of the host, whose descriptors are closed already."""
    connection = Connection(sock)
    _redirect(output)
    linux.die_with_parent(True)  # while the file is imported nobody watches the connection
    set_channel(HostChannel(connection))
    masking.receiver, masking.redactor = masker.add_value, masker.redact
    try:
        dags = load_dag_file(root, file)
    except BaseException as error:
        detail = describe_error(error, root)
        name = f"{type(error).__name__}: {error}"
        connection.send(LoadFailed(error=name[:1000], detail=detail[-50_000:]))
        os._exit(1)
    linux.die_with_parent(False)
    set_channel(None)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        warm = Zygote(connection, dags)
        gc.collect()
        gc.freeze()  # the children's collections must not touch, and so copy, what they inherit
        connection.send(Loaded())
        warm.serve()
    finally:
        os._exit(0)


def _redirect(output: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(null)
    os.close(output)
    sys.stdout, sys.stderr = (
        os.fdopen(fd, "w", 1, errors="backslashreplace", closefd=False) for fd in (1, 2)
    )


class Zygote:
    """Forks on demand and says how its children ended."""

    def __init__(self, connection: Connection, dags: "Sequence[DAG]") -> None:
        self._connection = connection
        self._dags = dags
        self._log = logs.capture()
        faulthandler.enable(file=2)
        self._children: dict[int, str] = {}
        self._wake, self._wake_writer = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._wake_writer, False)

    def serve(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._connection.sock, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        try:
            while True:
                for fd, _ in poll.poll():
                    if fd == self._wake:
                        os.read(self._wake, 4096)
                        self._reap()
                    else:
                        for body in self._connection.received():
                            self._fork(_fork_decoder.decode(body).job)
        except (EOFError, OSError):
            self._end_children()

    def _fork(self, job: str) -> None:
        fds = [self._connection.fds.popleft() for _ in range(3)]
        try:
            pid = os.fork()
        except OSError as error:
            pid = -1
            self._connection.send(NotForked(job=job, reason=str(error)))
        if pid == 0:
            self._be_child(fds)
        for fd in fds:
            os.close(fd)
        if pid > 0:
            self._children[pid] = job
            self._connection.send(Forked(job=job, pid=pid))

    def _reap(self) -> None:
        while self._children:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            job = self._children.pop(pid, None)
            if job is not None:  # else: left over from what the file started while it was imported
                self._connection.send(
                    Exited(
                        job=job,
                        status=status,
                        usage=usage_of(used.ru_utime, used.ru_stime, used.ru_maxrss),
                    )
                )

    def _end_children(self) -> None:
        """The host is gone: nobody could hear of the children's ends, so none may go on."""
        _signal_groups(self._children, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        while self._children and (left := deadline - time.monotonic()) > 0:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            self._children.pop(pid, None)
            if pid == 0 and select.select([self._wake], [], [], left)[0]:
                os.read(self._wake, 4096)
        _signal_groups(self._children, signal.SIGKILL)

    def _be_child(self, fds: list[int]) -> NoReturn:
        status = 70  # EX_SOFTWARE, unless the job says otherwise
        try:
            os.setpgid(0, 0)  # a session would cost a fifth more: Linux schedules each by itself
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._connection.close()
            os.close(self._wake)
            os.close(self._wake_writer)
            linux.forbid_tracing()
            status = _run_job(fds, self._log, self._dags)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)


def _run_job(fds: list[int], log: logs.LogFile, dags: "Sequence[DAG]") -> int:
    channel, output, log.fd = fds
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    if "numpy" in sys.modules:  # `random` does this by itself after a fork
        sys.modules["numpy"].random.seed()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=channel)
    return run_job(Connection(sock, guard=True), log, dags)


def usage_of(user_seconds: float, system_seconds: float, peak: int) -> Usage:
    """From rusage; `ru_maxrss` is in KiB on Linux and in bytes on macOS."""
    unit = 1 if sys.platform == "darwin" else 1024
    return Usage(cpu_seconds=user_seconds + system_seconds, peak_memory_bytes=peak * unit)


def _signal_groups(pids: "Sequence[int] | dict[int, str]", number: int) -> None:
    for pid in list(pids):
        signal_group(pid, number)


def signal_group(pid: int, number: int) -> None:
    """Signal a job's process group, or just the process when it has not made its group yet."""
    for send in (os.killpg, os.kill):
        try:
            send(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
        return
