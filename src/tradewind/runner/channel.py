"""The channel of user code to the control plane, through the host: see `sdk.comms`."""

import os
import threading

import msgspec

from tradewind.core import errors
from tradewind.core.protocol import (
    ConnectionReply,
    GetVariable,
    Reply,
    Request,
    VariableReply,
)
from tradewind.runner.masking import connection_secrets, is_sensitive, masker
from tradewind.runner.messages import Answer, Ask
from tradewind.runner.wire import Connection, encode
from tradewind.sdk import comms

reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)
_answer_decoder = msgspec.msgpack.Decoder(Answer)


class HostChannel:
    """Requests over a connection to the host, one at a time; usable from any thread.

    A request that an exception interrupted (a time-out's signal) is forgotten: its answer is
    dropped when it comes.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._last_id = 0
        self._owner = os.getpid()

    def request(self, message: Request) -> Reply:
        """Ask and wait. Raises a `TradewindError` when it was refused or cannot be made."""
        if os.getpid() != self._owner:
            raise errors.InfrastructureError(
                f"{type(message).__name__} was asked for in a child process of the task.",
                hint="Read variables, connections and XComs before starting child processes, "
                "and hand them over.",
            )
        try:
            reply = self._ask(message)
        except (OSError, EOFError) as lost:
            raise errors.InfrastructureError(
                "The control plane cannot be reached: the local host process is gone."
            ) from lost
        return accepted(message, reply)

    def _ask(self, message: Request) -> Reply:
        with self._lock:
            self._last_id += 1
            asked = self._last_id
            self._connection.send(Ask(id=asked, body=msgspec.Raw(encode(message))))
            while (answer := _answer_decoder.decode(self._connection.receive())).id != asked:
                pass
        return reply_decoder.decode(answer.body)

    def tell(self, message: Request) -> None:
        """Send a request whose answer does not matter; do not wait."""
        self._connection.send(Ask(id=0, body=msgspec.Raw(encode(message)), reply=False))


def accepted(message: Request, reply: Reply) -> Reply:
    """The reply, unless it is a refusal; secrets in it are masked in logs from now on.

    Raises the `TradewindError` that fits a `Failure`.
    """
    comms.accepted(reply)
    _note_secrets(message, reply)
    return reply


def _note_secrets(message: Request, reply: Reply) -> None:
    if isinstance(reply, ConnectionReply) and reply.connection is not None:
        masker.add(connection_secrets(reply.connection.password, reply.connection.extra))
    elif isinstance(reply, VariableReply) and isinstance(message, GetVariable):
        masker.add([reply.value] if reply.value and is_sensitive(message.key) else [])
