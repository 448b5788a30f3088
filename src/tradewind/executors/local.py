"""The local executor: attempts as processes of this machine, started by a warm host process.

This side is thin. One thread reads what the host says, answers the requests of user code through
the task API and wakes the scheduler. When the host dies, what it ran is lost and it is replaced.
"""

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec

from tradewind.core.protocol import (
    CallbackOrder,
    Failure,
    Finished,
    Reply,
    Request,
    Started,
    WorkOrder,
)
from tradewind.executors.base import (
    AttemptEnded,
    AttemptReported,
    AttemptStarted,
    CallbackEnded,
    ExecutorEvent,
)
from tradewind.runner.environment import without_credentials
from tradewind.runner.host import HostSettings
from tradewind.runner.messages import (
    Answer,
    Ask,
    Batch,
    CallbackDone,
    CancelAttempt,
    Ended,
    RenewLeases,
    RunAttempt,
    RunCallback,
    request_in,
)
from tradewind.runner.wire import Connection, Unreadable, decode, encode

_batches = msgspec.msgpack.Decoder(Batch)

_LONGEST_PAUSE_SECONDS: Final = 30.0
_STABLE_SECONDS: Final = 60.0
"""A host that lived for so long did not die of its start; the next one is started at once."""


_PATIENCE: Final = 3
"""Renewals, a third of a lease apart, that a host may leave unanswered before it counts as hung."""

_SLACK_SECONDS: Final = 1.0
"""Between the last kill of a process and the end of its lease."""

_SEND_TIMEOUT: Final = struct.pack("ll", 10, 0)
"""Seconds and microseconds: a host that hangs must not hang the scheduler."""


class TaskApi(Protocol):
    """What answers the requests of user code; called from the executor's thread."""

    def handle(self, message: Request, *, attempt_id: int | None) -> Reply: ...


class LocalExecutor:
    """Runs up to `slots` attempts at once. See `executors.base.Executor` for the methods.

    A process whose lease is not renewed is told to end early enough to be gone by its end,
    `grace_seconds` included.
    """

    def __init__(
        self,
        task_api: TaskApi,
        *,
        slots: int,
        log_folder: str | Path,
        name: str = "local",
        grace_seconds: float = 5.0,
    ) -> None:
        self.name = name
        self._task_api = task_api
        self._slots = slots
        self._grace_seconds = grace_seconds
        self._host_settings = HostSettings(
            log_folder=str(log_folder), slots=slots, grace_seconds=grace_seconds
        )
        self._lock = threading.Lock()  # guards all below
        self._unanswered = 0  # renewals since the host was heard of
        self._running: set[int] = set()
        self._callbacks: set[int] = set()
        self._events: deque[ExecutorEvent] = deque()
        self._host: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._closing = threading.Event()
        self._all_ended = threading.Condition(self._lock)
        self._wake: Callable[[], None] = lambda: None
        self._reader = threading.Thread(target=self._read, name=f"executor-{name}", daemon=True)

    # --- the contract ------------------------------------------------------------------------

    def open(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._start_host()
        self._reader.start()

    def free_slots(self) -> int:
        """None while there is no host to run anything, or when closing.

        A slot is free once the scheduler has been told of its attempt's end, so that the attempts
        that it knows to be live are never more than there are slots.
        """
        with self._lock:
            if self._connection is None or self._closing.is_set():
                return 0
            untold = sum(isinstance(event, AttemptEnded) for event in self._events)
            return max(0, self._slots - len(self._running) - untold)

    def start(self, order: WorkOrder, lease_seconds: float) -> None:
        with self._lock:
            if order.attempt_id in self._running:
                return
            self._running.add(order.attempt_id)
        if not self._tell(RunAttempt(order=order, lease_end=self._lease_end(lease_seconds))):
            self._lose_attempts({order.attempt_id})

    def run_callback(self, order: CallbackOrder) -> None:
        with self._lock:
            if order.callback_id in self._callbacks:
                return
            self._callbacks.add(order.callback_id)
        if not self._tell(RunCallback(order=order)):
            self._lose_callbacks({order.callback_id})

    def cancel(self, attempt_id: int, reason: str) -> None:
        self._tell(CancelAttempt(attempt_id=attempt_id, reason=reason))

    def renewed(self, attempt_ids: set[int], lease_seconds: float) -> None:
        lease_end = self._lease_end(lease_seconds)
        self._tell(RenewLeases(attempt_ids=sorted(attempt_ids), lease_end=lease_end))
        self._unanswered += 1
        if self._unanswered > _PATIENCE and self._host is not None:
            self._host.kill()  # it hangs; what it runs is lost, and it is replaced

    def _lease_end(self, seconds: float) -> float:
        return time.monotonic() + max(seconds / 2, seconds - self._grace_seconds - _SLACK_SECONDS)

    def events(self) -> list[ExecutorEvent]:
        with self._lock:
            events = list(self._events)
            self._events.clear()
        return events

    def close(self, *, drain_seconds: float) -> None:
        """Waits: for running attempts, then for those that it cancels, at last for the host."""
        self._closing.set()
        if not self._wait_for_ends(drain_seconds):
            with self._lock:
                rest = sorted(self._running)
            for attempt_id in rest:
                self.cancel(attempt_id, "The executor is shutting down.")
            self._wait_for_ends(self._grace_seconds + 2.0)
        if self._connection is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        if self._reader.is_alive():
            self._reader.join()
        if self._host is not None:
            self._end_host(self._host)

    def _wait_for_ends(self, seconds: float) -> bool:
        with self._lock:
            return self._all_ended.wait_for(
                lambda: not self._running and not self._callbacks, timeout=seconds
            )

    def _end_host(self, host: "subprocess.Popen[bytes]") -> None:
        try:
            host.wait(timeout=self._grace_seconds + 2.0)
        except subprocess.TimeoutExpired:
            host.kill()
            host.wait()

    # --- the host ----------------------------------------------------------------------------

    def _start_host(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIMEOUT)
        command = [
            sys.executable,
            "-P",
            "-m",
            "tradewind.runner.host",
            str(theirs.fileno()),
            msgspec.json.encode(self._host_settings).decode(),
        ]
        with theirs:
            host = subprocess.Popen(
                command,
                env=without_credentials(os.environ),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # the terminal's Ctrl-C is for the scheduler alone
            )
        with self._lock:
            self._unanswered = 0
            self._host = host
            self._connection = Connection(ours)

    def _tell(self, message: object) -> bool:
        """False when there is no host to hear it; what ran there is reported lost elsewhere."""
        connection = self._connection
        if connection is None:
            return False
        try:
            connection.send(message)
        except OSError:  # gone, or it has not read for long: the stream is of no use any more
            if self._host is not None:
                self._host.kill()
            return False
        return True

    # --- the thread --------------------------------------------------------------------------

    def _read(self) -> None:
        pause = 0.0
        while not self._closing.is_set():
            started = time.monotonic()
            self._listen()
            if self._closing.is_set():
                return
            stable = time.monotonic() - started >= _STABLE_SECONDS
            pause = 0.0 if stable else min(_LONGEST_PAUSE_SECONDS, pause * 2 + 0.1)
            if not self._closing.wait(pause):
                self._start_host()
                self._wake()

    def _listen(self) -> None:
        """Until the host is gone."""
        connection = self._connection
        assert connection is not None  # set by `_start_host`, unset below only
        try:
            while True:
                for body in connection.received():
                    self._unanswered = 0
                    self._handle(decode(_batches, body), connection)
        except (EOFError, OSError, Unreadable):
            with self._lock:
                self._connection = None
                attempts, callbacks = set(self._running), set(self._callbacks)
            connection.close()
        if self._host is not None and not self._closing.is_set():
            self._end_host(self._host)
        self._lose_attempts(attempts)
        self._lose_callbacks(callbacks)

    def _handle(self, batch: Batch, connection: Connection) -> None:
        """1. Requests without an answer, which must be applied before the attempt's end is known.
        2. Events. 3. Requests whose askers wait."""
        asks = [item for item in batch.items if isinstance(item, Ask)]
        for ask in asks:
            if not ask.reply:
                self._answer(ask)
        events = [event for item in batch.items if (event := _event(item)) is not None]
        if events:
            self._publish(events)
        for ask in asks:
            if ask.reply:
                reply = msgspec.Raw(encode(self._answer(ask)))
                connection.send(Answer(id=ask.id, body=reply))

    def _answer(self, ask: Ask) -> Reply:
        request = request_in(ask)
        if isinstance(request, Failure):
            return request
        try:
            return self._task_api.handle(request, attempt_id=ask.attempt_id)
        except Exception as error:  # the asker fails, with the reason; the executor goes on
            return Failure(kind="internal", message=f"{type(error).__name__}: {error}")

    def _publish(self, events: list[ExecutorEvent]) -> None:
        with self._lock:
            self._events.extend(events)
            for event in events:
                if isinstance(event, AttemptEnded):
                    self._running.discard(event.attempt_id)
                elif isinstance(event, CallbackEnded):
                    self._callbacks.discard(event.callback_id)
            self._all_ended.notify_all()
        self._wake()

    def _lose_attempts(self, attempt_ids: set[int]) -> None:
        now = datetime.now(UTC)
        reason = "The local host process ended, and the attempt with it."
        events = [
            AttemptEnded(attempt_id=each, at=now, category="infra_lost", reason=reason)
            for each in sorted(attempt_ids)
        ]
        if events:
            self._publish(list(events))

    def _lose_callbacks(self, callback_ids: set[int]) -> None:
        error = "The local host process ended, and the callbacks with it."
        events = [CallbackEnded(callback_id=each, error=error) for each in sorted(callback_ids)]
        if events:
            self._publish(list(events))


def _event(item: Started | Finished | Ended | CallbackDone | Ask) -> ExecutorEvent | None:
    now = datetime.now(UTC)
    match item:
        case Started():
            at = item.started_at or now
            return AttemptStarted(
                attempt_id=item.attempt_id, at=at, hostname=item.hostname, pid=item.pid
            )
        case Finished():
            at = item.finished_at or now
            return AttemptReported(attempt_id=item.attempt_id, at=at, outcome=item.outcome)
        case Ended():
            return AttemptEnded(
                attempt_id=item.attempt_id,
                at=now,
                category=item.category,
                reason=item.reason,
                exit_code=item.exit_code,
                usage=item.usage,
            )
        case CallbackDone():
            return CallbackEnded(callback_id=item.callback_id, error=item.error)
        case Ask():
            return None
