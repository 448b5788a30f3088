"""The task's channel in another Python process that the task starts and waits for.

The task's process answers over a socket of its own, by asking in turn: so the attempt's fence
holds, and secrets in the answers are masked in its log. Frames: four bytes of length, then msgpack.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRWPair
from threading import Lock, Thread

import msgspec

from tradewind.core.errors import InfrastructureError, TradewindError
from tradewind.core.protocol import Reply, Request
from tradewind.sdk.comms import Channel, accepted, get_channel, refusal, set_channel

ENVIRONMENT = "TRADEWIND_TASK_CHANNEL"
"""The descriptor's number, for the other process."""

_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


@contextmanager
def hand_over() -> Iterator[int | None]:
    """A descriptor for the other process while the block lasts; None if there is no channel."""
    channel = get_channel()
    if channel is None:
        yield None
        return
    ours, theirs = socket.socketpair()
    server = Thread(target=_serve, args=(ours, channel), daemon=True)
    server.start()
    try:
        yield theirs.fileno()
    finally:
        theirs.close()
        ours.shutdown(socket.SHUT_RDWR)  # a process that was left behind may hold the other end
        server.join()
        ours.close()


def _serve(sock: socket.socket, channel: Channel) -> None:
    with sock.makefile("rwb") as stream:
        while (body := _read(stream)) is not None:
            _write(stream, _answer(channel, _request_decoder.decode(body)))


def _answer(channel: Channel, message: Request) -> Reply:
    try:
        return channel.request(message)
    except TradewindError as error:
        return refusal(error)


def connect() -> None:
    """In the other process: let `Variable`, `Connection` and `BaseXCom` ask the task's process."""
    descriptor = os.environ.get(ENVIRONMENT)
    if descriptor is not None:
        set_channel(_HandedOver(socket.socket(fileno=int(descriptor))))


class _HandedOver:
    def __init__(self, sock: socket.socket) -> None:
        self._stream = sock.makefile("rwb")
        self._lock = Lock()
        self._owner = os.getpid()

    def request(self, message: Request) -> Reply:
        if os.getpid() != self._owner:
            raise InfrastructureError(
                f"{type(message).__name__} was asked for in a child of the function's process.",
                hint="Read variables, connections and XComs before starting child processes.",
            )
        with self._lock:
            _write(self._stream, message)
            body = _read(self._stream)
        if body is None:
            raise InfrastructureError("The task's process is gone.")
        return accepted(_reply_decoder.decode(body))


def _write(stream: BufferedRWPair, message: Request | Reply) -> None:
    body = msgspec.msgpack.encode(message)
    stream.write(len(body).to_bytes(4, "big") + body)
    stream.flush()


def _read(stream: BufferedRWPair) -> bytes | None:
    """The next frame's body; None at the end."""
    try:
        head = stream.read(4)
        return stream.read(int.from_bytes(head, "big")) if len(head) == 4 else None
    except OSError:
        return None
