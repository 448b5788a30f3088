"""Has DAG files parsed in children: starts and feeds the parse hosts, answers what files ask for.

Never blocks and has no threads: `descriptors` say when there is something to do, `step` does it.
"""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from tradewind.bundles.results import FileError, Limits, Parse, ParseResult
from tradewind.core.clock import Clock, SystemClock
from tradewind.core.dag import Slot
from tradewind.core.protocol import Failure, Reply, Request
from tradewind.runner.environment import without_credentials
from tradewind.runner.messages import Answer, Ask, request_in
from tradewind.runner.wire import Peer, Unreadable, decode, encode

KEEP_SECONDS = 5.0  # an idle host goes after so long: the next edit may follow soon
_GRACE_SECONDS = 15.0  # that a host gets beyond its child's limit before it counts as lost

_from_host = msgspec.msgpack.Decoder(Ask | ParseResult)

AnswerRequest = Callable[[Request], Reply]
Key = TypeVar("Key")


@dataclass(eq=False)
class _Host(Generic[Key]):
    process: subprocess.Popen[bytes]
    peer: Peer
    idle_since: float
    job: Parse | None = None
    key: Key | None = None
    late_at: float = float("inf")

    @property
    def name(self) -> str:
        return str(self.process.pid)


class Parser(Generic[Key]):
    """Up to `processes` files at once, each in a child of its own with `limits`.

    `answer` is asked for variables and connections that a file reads at import; it runs in the
    thread that calls `step`.
    """

    def __init__(
        self,
        answer: AnswerRequest,
        *,
        processes: int = 2,
        limits: Limits | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._answer = answer
        self._processes = processes
        self._limits = limits or Limits()
        self._clock = clock or SystemClock()
        self._hosts: list[_Host[Key]] = []

    @property
    def busy(self) -> int:
        return sum(host.job is not None for host in self._hosts)

    @property
    def free(self) -> int:
        """How many more files `start` takes now."""
        return self._processes - self.busy

    @property
    def descriptors(self) -> list[int]:
        return [host.peer.sock.fileno() for host in self._hosts]

    def start(
        self,
        root: Path,
        file: str,
        key: Key,
        *,
        last_slots: Mapping[str, Slot] | None = None,
        unlike: str | None = None,
    ) -> str:
        """Begin to parse; the result comes from `step` with `key`. Returns the host's name.

        `last_slots`: see `Parse`. `unlike`: not in that host, but in one with another hash seed.
        """
        host = self._host(unlike)
        host.job = Parse(
            root=str(root), file=file, limits=self._limits, last_slots=dict(last_slots or {})
        )
        host.key = key
        host.late_at = self._clock.monotonic() + self._limits.seconds + _GRACE_SECONDS
        host.peer.send(host.job)
        return host.name

    def cancel(self, key: Key) -> None:
        """End the parse that was started with `key`; no result comes of it."""
        for host in [host for host in self._hosts if host.key is key]:
            self._end(host)

    def prepare(self) -> None:
        """Something is about to come: have a host ready for it."""
        if not self._hosts:
            self._spawn()

    def step(self) -> list[tuple[Key, ParseResult]]:
        """Take in what the hosts have said; returns the finished files."""
        now = self._clock.monotonic()
        done: list[tuple[Key, ParseResult]] = []
        for host in list(self._hosts):
            result = self._read(host)
            if result is None and host.job is not None and (host.peer.closed or now > host.late_at):
                result = _lost(host.job)
                host.peer.close()
            if result is not None and host.key is not None:
                done.append((host.key, result))
                host.job, host.key = None, None
                host.idle_since, host.late_at = now, float("inf")
            if host.peer.closed or (host.job is None and now - host.idle_since >= KEEP_SECONDS):
                self._end(host)
        return done

    def seconds_to_next(self) -> float | None:
        """When `step` has something to do even if no descriptor becomes readable."""
        due = [
            host.idle_since + KEEP_SECONDS if host.job is None else host.late_at
            for host in self._hosts
        ]
        return max(0.0, min(due) - self._clock.monotonic()) if due else None

    def close(self) -> None:
        for host in list(self._hosts):
            self._end(host)

    def _host(self, unlike: str | None) -> _Host[Key]:
        """An idle one or a new one; an idle one that will not do makes room for it."""
        idle = [host for host in self._hosts if host.job is None]
        fitting = [host for host in idle if host.name != unlike]
        if fitting:
            return fitting[0]
        if len(self._hosts) >= self._processes:
            self._end(idle[0])
        return self._spawn()

    def _spawn(self) -> _Host[Key]:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "tradewind.bundles.parse_host", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=without_credentials(os.environ),
            )
        host: _Host[Key] = _Host(process, Peer(ours), self._clock.monotonic())
        self._hosts.append(host)
        return host

    def _read(self, host: _Host[Key]) -> ParseResult | None:
        for message in self._messages(host):
            if isinstance(message, ParseResult):
                return message
            reply = encode(self._reply(message))
            if message.reply:
                host.peer.send(Answer(id=message.id, body=msgspec.Raw(reply)))
        return None

    def _messages(self, host: _Host[Key]) -> Iterator[ParseResult | Ask]:
        try:
            for body in host.peer.read():
                yield decode(_from_host, body)
        except Unreadable:  # too long or too deep; it counts as lost
            host.peer.close()

    def _reply(self, asked: Ask) -> Reply:
        request = request_in(asked)
        return request if isinstance(request, Failure) else self._answer(request)

    def _end(self, host: _Host[Key]) -> None:
        """The host ends its child and all below it when the connection closes; then it goes."""
        self._hosts.remove(host)
        host.peer.sock.close()
        try:
            host.process.wait(timeout=_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(host.process.pid, signal.SIGKILL)
            host.process.wait()


def parse_once(
    root: Path, file: str, *, answer: AnswerRequest, limits: Limits | None = None
) -> ParseResult:
    """Parse one file and wait for the result."""
    parser: Parser[str] = Parser(answer, processes=1, limits=limits)
    try:
        parser.start(root, file, file)
        while True:
            select.select(parser.descriptors, [], [], parser.seconds_to_next())
            for _, result in parser.step():
                return result
    finally:
        parser.close()


def _lost(job: Parse) -> ParseResult:
    return ParseResult(
        file=job.file,
        error=FileError(
            kind="killed",
            message="The process that parsed the file was killed together with its supervisor.",
            file=job.file,
            hint="Look for out-of-memory kills on the DAG processor's machine.",
        ),
    )
