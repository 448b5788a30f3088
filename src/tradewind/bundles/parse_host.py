"""The warm process that forks one child for each DAG file to parse, and watches over it.

It has one thread and imports no user code, so that its forks are safe and quick. It is the
subreaper of all that a DAG file starts, and leaves nothing of it behind. It has no credentials:
what a file asks for at import (variables, connections) goes through it to the parent, unread.
"""

import faulthandler
import gc
import importlib
import os
import re
import resource
import select
import signal
import socket
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from typing import IO, NoReturn

import msgspec

from tradewind.bundles import parse_child, processes
from tradewind.bundles.results import FileError, Limits, Parse, ParseResult
from tradewind.runner import linux
from tradewind.runner.channel import HostChannel
from tradewind.runner.messages import Answer, Ask
from tradewind.runner.wire import Connection, Peer, Unreadable, decode

_TICK_SECONDS = 0.02  # how often a running child's descendants are counted
_KEPT_OUTPUT = 8192
_DUMP_SIGNAL = signal.SIGUSR2

_PRELOADED = (
    "pendulum",
    "tradewind.compat.table",
    "tradewind.sdk.decorators",
    "tradewind.sdk.operators.bash",
    "tradewind.sdk.operators.empty",
    "tradewind.sdk.operators.python",
)
"""What nearly every DAG file imports: forks share it."""

_from_parent = msgspec.msgpack.Decoder(Parse | Answer)
_from_child = msgspec.msgpack.Decoder(Ask | ParseResult)


def main() -> NoReturn:
    """``python -m tradewind.bundles.parse_host <descriptor of a connected socket>``"""
    linux.become_subreaper()
    parent = Connection(socket.socket(fileno=int(sys.argv[1])))
    for name in _PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            message = _from_parent.decode(parent.receive())
            if isinstance(message, Parse):  # an answer can only be a late one
                parent.send(Supervision(parent, message).run())
    os._exit(0)


class Supervision:
    """One child from fork to its result."""

    def __init__(self, parent: Connection, job: Parse) -> None:
        self._parent = parent
        self._job = job
        self._trace = tempfile.TemporaryFile()  # noqa: SIM115  # closed by run
        self._output = b""
        self._count_at = 0.0

    def run(self) -> ParseResult:
        ours, childs = socket.socketpair()
        output, childs_output = os.pipe()
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            ours.close()
            os.close(output)
            self._parent.close()
            _be_child(self._job, childs, childs_output, self._trace)
        childs.close()
        os.close(childs_output)
        try:
            result = self._watch(pid, Peer(ours), output)
        finally:
            processes.end_all(pid)
            ours.close()
            os.close(output)
            self._trace.close()
        return msgspec.structs.replace(result, seconds=time.monotonic() - began)

    def _watch(self, pid: int, child: Peer, output: int) -> ParseResult:
        deadline = time.monotonic() + self._job.limits.seconds
        poll = select.poll()
        for source in (child.sock, output, self._parent.sock):
            poll.register(source, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(_TICK_SECONDS * 1000)}
            if output in ready and not self._take_output(output):
                poll.unregister(output)
            if self._parent.sock.fileno() in ready:
                for body in self._parent.received():
                    child.send(msgspec.Raw(body))
            if child.sock.fileno() in ready and (result := self._heard(child)) is not None:
                return result
            if child.closed:
                return self._died(_exit_status(pid))
            if (result := self._exceeded(pid, deadline)) is not None:
                return result

    def _exceeded(self, pid: int, deadline: float) -> ParseResult | None:
        now = time.monotonic()
        if now < self._count_at:
            return None
        self._count_at = now + _TICK_SECONDS
        limits = self._job.limits
        processes.reap_orphans(but=pid)
        if len(processes.descendants(os.getpid())) > limits.processes:
            processes.stop_others(than=pid)
            self._dump_stack(pid)
            return self._failed("processes", *_too_many(limits))
        if now > deadline:
            self._dump_stack(pid)
            return self._failed("timeout", *_too_long(limits))
        return None

    def _take_output(self, output: int) -> bool:
        data = os.read(output, 1 << 16)
        self._output = (self._output + data)[-_KEPT_OUTPUT:]
        return bool(data)

    def _heard(self, child: Peer) -> ParseResult | None:
        try:
            return self._relay(child)
        except Unreadable:
            return self._failed(
                "killed", "The file wrote into the connection of its process.", _FDS
            )

    def _relay(self, child: Peer) -> ParseResult | None:
        """Pass requests on; the result, once it comes."""
        for body in child.read():
            message = decode(_from_child, body)
            if isinstance(message, ParseResult):
                return message
            self._parent.send(msgspec.Raw(body))
        return None

    def _dump_stack(self, pid: int) -> None:
        """Have the child write its stack, even when it hangs outside of Python; wait a moment."""
        os.kill(pid, _DUMP_SIGNAL)
        until = time.monotonic() + 0.5
        while os.fstat(self._trace.fileno()).st_size == 0 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.02)  # the rest of it

    def _died(self, status: int | None) -> ParseResult:
        if status is None:
            return self._failed("killed", "The file closed the connection of its process.", None)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            hint = _OUT_OF_MEMORY if number == signal.SIGKILL else _CRASH
            name = signal.Signals(number).name
            return self._failed("killed", f"The process was ended by {name}.", hint)
        code = os.WEXITSTATUS(status)
        if code == _OWN_FAILURE:
            return self._failed("error", "Tradewind could not describe what the file made.", _BUG)
        return self._failed("exit", f"The file ended its process with exit code {code}.", _EXIT)

    def _failed(self, kind: str, message: str, hint: str | None) -> ParseResult:
        self._trace.seek(0)
        trace = self._trace.read().decode(errors="replace")
        stack, file, line = read_dump(trace, self._job.root)
        output = self._output.decode(errors="replace").strip()
        parts = [stack, f"Last output:\n{output}" if output else ""]
        error = FileError(
            kind=kind,
            message=message,
            file=file or self._job.file,
            line=line,
            traceback="\n\n".join(part for part in parts if part),
            hint=hint,
        )
        return ParseResult(file=self._job.file, error=error)


_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<name>.+)$', re.MULTILINE)


def read_dump(dump: str, root: str) -> tuple[str, str | None, int | None]:
    """faulthandler's text as a traceback (innermost last) of the frames below the bundle's first
    one, and the innermost place in the bundle."""
    frames = [match.groupdict() for match in _FRAME.finditer(dump)]
    inside = [i for i, frame in enumerate(frames) if frame["file"].startswith(root + os.sep)]
    if not inside:
        return "", None, None
    shown = [
        f'  File "{match["file"]}", line {match["line"]}, in {match["name"]}'.replace(
            root + os.sep, ""
        )
        for match in frames[: inside[-1] + 1]
    ]
    innermost = frames[inside[0]]
    text = "\n".join(["Stack (innermost call last):", *reversed(shown)])
    return text, innermost["file"].removeprefix(root + os.sep), int(innermost["line"])


def _exit_status(pid: int) -> int | None:
    """How the child ended; None if it lives on without its connection."""
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.005)
    return None


def _too_long(limits: Limits) -> tuple[str, str]:
    return (
        f"Importing the file took longer than {limits.seconds:g} s.",
        "Do slow work (requests, queries, waiting) inside of tasks, not at the top of the file;"
        " or raise dag_processor.dag_file_processor_timeout.",
    )


def _too_many(limits: Limits) -> tuple[str, str]:
    return (
        f"Importing the file started more than {limits.processes} processes.",
        "Start processes inside of tasks, not at the top of the file.",
    )


_OWN_FAILURE = 70  # the exit code for it by convention (EX_SOFTWARE)
_BUG = "This is a defect of Tradewind: please report it with the output below."
_EXIT = "A DAG file is imported, not run as a script: it must not end its process."
_FDS = "It must not write to descriptors that it has not opened."
_CRASH = "A native library crashed while the file was imported; the stack shows where."
_OUT_OF_MEMORY = (
    "Nobody but the system's own out-of-memory guard usually does that: import less at the top of"
    " the file, or give the DAG processor more memory."
)


# --- in the child ---------------------------------------------------------------------------------


def _be_child(job: Parse, sock: socket.socket, output: int, trace: IO[bytes]) -> NoReturn:
    """Limit this fresh process, parse, report, end without any clean-up of the user's."""
    own_pid = os.getpid()
    try:
        os.setsid()
        linux.die_with_parent(True)
        _redirect(output)
        faulthandler.enable(trace)
        faulthandler.register(_DUMP_SIGNAL, trace, all_threads=True)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _limit_memory(job.limits.memory_bytes)
        connection = Connection(sock)
        result = parse_child.parse(job, HostChannel(connection))
        if os.getpid() == own_pid:  # not one of the forks that the file itself has made
            _limit_memory(resource.RLIM_INFINITY)
            connection.send(result)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(_OWN_FAILURE)


def _redirect(output: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(null)
    os.close(output)


def _limit_memory(size: int) -> None:
    """The soft limit alone, so that the result can be sent whatever the file has left over."""
    if sys.platform != "linux":  # macOS refuses the limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY and (size == resource.RLIM_INFINITY or size > hard):
        size = hard
    resource.setrlimit(resource.RLIMIT_AS, (size, hard))


if __name__ == "__main__":
    main()
