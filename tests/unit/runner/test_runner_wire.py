"""Frames over a socket pair, with descriptors, in pieces, and with the other side gone."""

import os
import signal
import socket
from collections.abc import Iterator

import msgspec
import pendulum
import pytest

from tradewind.core.protocol import CountDagRuns, GetVariable
from tradewind.runner.wire import (
    MAX_DEPTH,
    Connection,
    FrameBuffer,
    Peer,
    Unreadable,
    decode,
    encode,
    frame,
    refuse_deep,
)

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def text(body: bytes) -> str:
    return msgspec.msgpack.decode(body, type=str)


def test_frames_arrive_whole_however_they_were_cut() -> None:
    data = b"".join(frame(message) for message in ("one", "", "x" * 300))
    for size in (1, 2, 3, 5, 64, len(data)):
        buffer, bodies = FrameBuffer(), []
        for start in range(0, len(data), size):
            buffer.feed(data[start : start + size])
            while (body := buffer.pop()) is not None:
                bodies.append(text(body))
        assert bodies == ["one", "", "x" * 300]


@pytest.mark.parametrize("guard", [False, True])
def test_a_connection_talks_to_a_peer(pair: Pair, guard: bool) -> None:
    connection, peer = Connection(pair[0], guard=guard), Peer(pair[1])
    connection.send("question")
    assert [text(body) for body in peer.read()] == ["question"]
    assert peer.read() == []
    peer.send("answer")
    peer.send("another")
    assert text(connection.receive()) == "answer"
    assert text(connection.receive()) == "another"
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert not {signal.SIGTERM, signal.SIGALRM} & blocked


def test_a_peer_keeps_what_the_socket_does_not_take(pair: Pair) -> None:
    connection, peer = Connection(pair[0]), Peer(pair[1])
    big = "x" * 3_000_000
    peer.send(big)
    peer.send("after")
    assert peer.wants_write
    received: list[str] = []
    while len(received) < 2:
        peer.flush()
        received += [text(body) for body in connection.received()]
    assert received == [big, "after"]
    assert not peer.wants_write


def test_descriptors_come_in_the_order_of_their_frames(pair: Pair) -> None:
    connection, peer = Connection(pair[0]), Peer(pair[1])
    for number in range(3):
        reader, writer = os.pipe()
        os.write(writer, str(number).encode())
        os.close(writer)
        peer.send(f"frame {number}", [reader])
    peer.send("frame without")
    frames = [text(connection.receive()) for _ in range(4)]
    assert frames == ["frame 0", "frame 1", "frame 2", "frame without"]
    contents = []
    while connection.fds:
        fd = connection.fds.popleft()
        contents.append(os.read(fd, 10))
        os.close(fd)
    assert contents == [b"0", b"1", b"2"]


def test_the_other_side_is_gone(pair: Pair) -> None:
    connection, peer = Connection(pair[0]), Peer(pair[1])
    connection.send("last words")
    connection.close()
    assert [text(body) for body in peer.drain()] == ["last words"]
    assert peer.closed
    peer.send("too late")  # changes nothing
    assert peer.read() == []


def test_a_connection_says_that_the_other_side_is_gone(pair: Pair) -> None:
    pair[1].close()
    connection = Connection(pair[0])
    with pytest.raises(EOFError):
        connection.receive()
    with pytest.raises(OSError, match="pipe"):
        connection.send("too late")


def test_pendulum_dates_are_dates() -> None:
    at = pendulum.datetime(2026, 1, 2, 3, 4, 5, tz="Europe/Berlin")
    message = CountDagRuns(dag_id="d", logical_dates=[at])
    decoded = msgspec.msgpack.decode(encode(message), type=CountDagRuns)
    assert decoded.logical_dates == [at]
    with pytest.raises(TypeError, match="object"):
        encode(GetVariable(key=object()))  # type: ignore[arg-type]


def test_a_frame_longer_than_the_limit_is_not_waited_for(pair: Pair) -> None:
    peer = Peer(pair[1], limit=5)
    pair[0].sendall(frame("four"))
    assert [text(body) for body in peer.read()] == ["four"]
    pair[0].sendall(frame("fives")[:4])
    with pytest.raises(Unreadable, match="6 bytes; 5 at most"):
        peer.read()
    assert peer.closed
    assert peer.drain() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xa2\xff\xff",  # no UTF-8
        b"\x91" * 100_000,  # more levels than there is stack
        encode(5),
    ],
)
def test_what_is_no_message_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(msgspec.msgpack.Decoder(str | list), body)


def test_reports_of_too_many_levels_are_refused() -> None:
    value: object = "x" * MAX_DEPTH
    for _ in range(MAX_DEPTH // 2):
        value = {"wide": [1] * 3, "deep": [value]}
    refuse_deep(encode(value))
    with pytest.raises(Unreadable, match=str(MAX_DEPTH)):
        refuse_deep(encode([value]))
