"""The child processes in which user triggers run: one for each bundle snapshot."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec

from tradewind.core.clock import Clock
from tradewind.core.protocol import Failure, Reply, Request
from tradewind.runner.environment import without_credentials
from tradewind.runner.messages import (
    Answer,
    Ask,
    CancelTrigger,
    FromTriggerChild,
    RunTrigger,
    TriggerFailed,
    TriggerFired,
    request_in,
)
from tradewind.runner.wire import Peer, Unreadable, decode, encode

PROBE_SECONDS = 15.0  # how often a child that says nothing is asked whether its loop turns
HUNG_SECONDS = 60.0  # without an answer for so long, a trigger blocks the loop
KEEP_SECONDS = 10.0  # without triggers, before a child ends: the next task may defer soon
GRACE_SECONDS = 5.0  # for clean-up, before a child is killed

_PROBE = RunTrigger(
    trigger_id=0,
    classpath="tradewind.sdk.triggers.temporal.DateTimeTrigger",
    kwargs={"target_time": "2000-01-01T00:00:00+00:00"},
    file="",
)
"""A trigger that fires at once: the answer proves that the child's event loop turns."""

_messages: msgspec.msgpack.Decoder[FromTriggerChild] = msgspec.msgpack.Decoder(FromTriggerChild)

AnswerRequest = Callable[[Request], Reply]


class Child:
    """One running child and what it was told to run."""

    def __init__(self, root: str, log_folder: str, answer: AnswerRequest, clock: Clock) -> None:
        self._answer = answer
        self._clock = clock
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tradewind.runner.trigger_child",
                    str(theirs.fileno()),
                    root,
                    log_folder,
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=without_credentials(os.environ),
            )
        self._peer = Peer(ours)
        self._heard_at = self._probed_at = clock.monotonic()
        self._busy_at = clock.monotonic()
        self.running: dict[int, RunTrigger] = {}
        self.has_answered = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def descriptor(self) -> int:
        return self._peer.sock.fileno()

    def run(self, order: RunTrigger) -> None:
        self.running[order.trigger_id] = order
        self._peer.send(order)

    def cancel(self, trigger_id: int, *, killed: bool) -> None:
        if self.running.pop(trigger_id, None) is not None:
            self._peer.send(CancelTrigger(trigger_id=trigger_id, killed=killed))

    def read(self) -> list[TriggerFired | TriggerFailed]:
        """Events since the last call; answers what triggers ask for. Does not wait."""
        events: list[TriggerFired | TriggerFailed] = []
        self._peer.flush()
        for message in self._messages():
            self._heard_at = self._clock.monotonic()
            self.has_answered = True
            if isinstance(message, Ask):
                self._reply(message)
            elif (order := self.running.get(message.trigger_id)) is not None:
                if not order.continuous or isinstance(message, TriggerFailed):
                    del self.running[message.trigger_id]
                events.append(message)
        return events

    def _messages(self) -> Iterator[FromTriggerChild]:
        try:
            for body in self._peer.read():
                yield decode(_messages, body)
        except Unreadable:  # a trigger wrote to what it should not have touched
            self._peer.close()

    def is_idle(self) -> bool:
        """Whether it has had nothing to run for a while."""
        now = self._clock.monotonic()
        if self.running:
            self._busy_at = now
        return now - self._busy_at >= KEEP_SECONDS

    def is_lost(self) -> str | None:
        """Why the child is of no use any more; None while it is. Probes it when it is silent."""
        now = self._clock.monotonic()
        if self._peer.closed:
            return "ended"
        if now - self._heard_at > HUNG_SECONDS:
            return "did not answer (a trigger blocks its event loop)"
        if now - max(self._heard_at, self._probed_at) >= PROBE_SECONDS:
            self._probed_at = now
            self._peer.send(_PROBE)
        return None

    def hang_up(self) -> None:
        """The child ends when its triggers have cleaned up."""
        self._peer.sock.close()

    def close(self) -> None:
        """Hang up and wait; end the process in any case."""
        self.hang_up()
        try:
            self._process.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self.hang_up()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _reply(self, asked: Ask) -> None:
        request = request_in(asked)
        reply = request if isinstance(request, Failure) else self._answer(request)
        if asked.reply:
            self._peer.send(Answer(id=asked.id, body=msgspec.Raw(encode(reply))))
