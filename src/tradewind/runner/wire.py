"""Frames on a Unix stream socket: four bytes of length, then msgpack; descriptors ride along."""

import os
import select
import signal
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

MAX_FRAME_BYTES: Final = 256 << 20
"""Of what comes from user code. Far more than a large XCom needs; without a bound, four bytes would
have the reader keep up to 4 GiB."""

MAX_DEPTH: Final = 256
"""How deep lists and objects of a report may lie in each other. Whoever passes a report on has less
stack left than who has read it."""

T = TypeVar("T")

_LENGTH: Final = struct.Struct(">I")
ANY_LENGTH: Final = (1 << 32) - 1
_CHUNK: Final = 1 << 16
_MAX_FDS: Final = 8  # in one message; we send three
_INTERRUPTS: Final = {signal.SIGALRM, signal.SIGTERM}


def _plain(value: Any) -> Any:
    """User code hands pendulum's dates to requests; the encoder knows the class itself only."""
    if isinstance(value, datetime):
        naive = datetime(*value.timetuple()[:6], value.microsecond, fold=value.fold)
        return naive.replace(tzinfo=value.tzinfo)
    raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
encode = _encoder.encode


class Unreadable(Exception):
    """What came is no message: user code may have written it, and nothing after it can be read."""


def decode(decoder: msgspec.msgpack.Decoder[T], body: bytes) -> T:
    """The message in a frame's body. Raises `Unreadable`."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def refuse_deep(body: bytes) -> None:
    """Raise `Unreadable` for a body, decoded once already, that nests deeper than `MAX_DEPTH`."""
    if len(body) <= MAX_DEPTH:  # each level takes a byte
        return
    level = [msgspec.msgpack.decode(body)]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise Unreadable(f"lists and objects in more than {MAX_DEPTH} levels")


def frame(message: Any) -> bytes:
    body = encode(message)
    return _LENGTH.pack(len(body)) + body


class FrameBuffer:
    """Cuts what arrives into frames of up to `limit` bytes."""

    def __init__(self, limit: int = ANY_LENGTH) -> None:
        self._limit = limit
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        self._data += data

    def pop(self) -> bytes | None:
        """The next whole frame's body, or None when more has to arrive first.

        Raises `Unreadable` when it is announced as longer than the limit.
        """
        if len(self._data) < 4:
            return None
        length = _LENGTH.unpack_from(self._data)[0]
        if length > self._limit:
            raise Unreadable(f"a message of {length:,} bytes; {self._limit:,} at most")
        end = 4 + length
        if len(self._data) < end:
            return None
        body = bytes(self._data[4:end])
        del self._data[:end]
        return body


class Connection:
    """The blocking end. One thread reads at a time; sending is safe from several.

    With `guard`, a signal handler that raises (time-out, termination) leaves the stream intact:
    SIGALRM and SIGTERM are held back while bytes go out or are taken in, not while it waits.
    """

    def __init__(self, sock: socket.socket, *, guard: bool = False) -> None:
        self.sock = sock
        self.fds: deque[int] = deque()  # received, in order, for whoever handles their frame
        self._guard = _INTERRUPTS if guard else None
        self._buffer = FrameBuffer()
        self._sending = threading.Lock()
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def send(self, message: Any) -> None:
        """Raises OSError when the other side is gone."""
        data = frame(message)
        if self._guard is None:
            with self._sending:
                self.sock.sendall(data)
            return
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, self._guard)
            with self._sending:
                self.sock.sendall(data)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._guard)

    def receive(self) -> bytes:
        """The next frame's body; raises EOFError when the other side has closed."""
        while (body := self._buffer.pop()) is None:
            self._fill()
        return body

    def received(self) -> Iterator[bytes]:
        """Wait for data once, then give every whole frame. Raises EOFError."""
        self._fill()
        while (body := self._buffer.pop()) is not None:
            yield body

    def _fill(self) -> None:
        self._poll.poll()
        if self._guard is None:
            self._take()
            return
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, self._guard)
            self._take()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._guard)

    def _take(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self.sock, _CHUNK, _MAX_FDS)
        except ConnectionResetError:
            data, fds = b"", []
        if not data:
            raise EOFError("the other side has closed the connection")
        self.fds.extend(fds)
        self._buffer.feed(data)

    def close(self) -> None:
        self.sock.close()


class Peer:
    """The non-blocking end, for an event loop: keeps what the socket does not take yet.

    Frames of up to `limit` bytes are taken in: user code may write to the other end.
    """

    def __init__(self, sock: socket.socket, *, limit: int = MAX_FRAME_BYTES) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.closed = False
        self._buffer = FrameBuffer(limit)
        self._pending: deque[tuple[memoryview, Sequence[int]]] = deque()

    @property
    def wants_write(self) -> bool:
        return bool(self._pending)

    def send(self, message: Any, fds: Sequence[int] = ()) -> None:
        """Send now or when `flush` can; `fds` are closed once they are sent (or cannot be)."""
        self._pending.append((memoryview(frame(message)), fds))
        self.flush()

    def flush(self) -> None:
        while self._pending and not self.closed:
            data, fds = self._pending[0]
            try:
                sent = socket.send_fds(self.sock, [data], fds) if fds else self.sock.send(data)
            except BlockingIOError:
                return
            except OSError:
                self.close()
                return
            _close_all(fds)
            self._pending.popleft()
            if sent < len(data):
                self._pending.appendleft((data[sent:], ()))

    def read(self) -> list[bytes]:
        """Every whole frame that is there. At the end of the stream `closed` becomes true.

        It closes, too, and raises `Unreadable`, when a frame is longer than the limit.
        """
        try:
            data = self.sock.recv(_CHUNK) if not self.closed else b""
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.close()
            return []
        self._buffer.feed(data)
        try:
            return list(iter(self._buffer.pop, None))
        except Unreadable:
            self.close()
            raise

    def drain(self) -> list[bytes]:
        """`read` until nothing is left: for a peer whose process has ended."""
        frames: list[bytes] = []
        while not self.closed:
            more = self.read()
            if not more and not self.closed and not _readable(self.sock):
                break
            frames += more
        return frames

    def close(self) -> None:
        self.closed = True
        for _, fds in self._pending:
            _close_all(fds)
        self._pending.clear()


def _readable(sock: socket.socket) -> bool:
    try:
        return len(sock.recv(1, socket.MSG_PEEK)) >= 0
    except BlockingIOError:
        return False
    except OSError:
        return True


def _close_all(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)
