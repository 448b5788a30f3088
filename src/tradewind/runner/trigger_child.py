"""The process in which user triggers run: one for each bundle snapshot, thousands of triggers each.

`python -m tradewind.runner.trigger_child <socket's descriptor> <snapshot's root> <log folder>`. The
main thread is the event loop; another thread reads the socket, so that a trigger that asks for a
connection inside the loop gets its answer although the loop stands still. Ends with the connection.
"""

import asyncio
import logging
import os
import socket
import sys
import threading
import traceback
from concurrent.futures import Future
from contextvars import ContextVar
from importlib import import_module
from itertools import count
from typing import Any

import msgspec

from tradewind.core.errors import InfrastructureError
from tradewind.core.protocol import Reply, Request
from tradewind.runner.channel import accepted, reply_decoder
from tradewind.runner.load import load_dag_file, module_name, put_on_path
from tradewind.runner.logs import LogFile, RecordHandler, open_log
from tradewind.runner.masking import masker
from tradewind.runner.messages import (
    Answer,
    Ask,
    CancelTrigger,
    RunTrigger,
    ToTriggerChild,
    TriggerFailed,
    TriggerFired,
)
from tradewind.runner.wire import Connection, encode
from tradewind.sdk import masking, serde
from tradewind.sdk.comms import set_channel

_decoder: msgspec.msgpack.Decoder[ToTriggerChild] = msgspec.msgpack.Decoder(ToTriggerChild)
_log_file: ContextVar[str] = ContextVar("log_file", default="")


class TriggerChannel:
    """Requests from any thread, several at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids = count(1)
        self._waiting: dict[int, Future[Reply]] = {}

    def request(self, message: Request) -> Reply:
        asked = next(self._ids)
        answer = self._waiting[asked] = Future()
        try:
            self._connection.send(Ask(id=asked, body=msgspec.Raw(encode(message))))
            return accepted(message, answer.result())
        except OSError as lost:
            raise InfrastructureError("The triggerer cannot be reached.") from lost
        finally:
            del self._waiting[asked]

    def answered(self, answer: Answer) -> None:
        if (waiting := self._waiting.get(answer.id)) is not None:
            waiting.set_result(reply_decoder.decode(answer.body))


class TriggerChild:
    """Runs triggers as tasks of the loop, by trigger id."""

    def __init__(self, connection: Connection, root: str) -> None:
        self._connection = connection
        self._root = root
        self._channel = TriggerChannel(connection)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._triggers: dict[int, Any] = {}
        self._importing = threading.Lock()  # a DAG file must not be imported twice at once

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        closed = asyncio.Event()
        set_channel(self._channel)

        def read() -> None:
            try:
                while True:
                    message = _decoder.decode(self._connection.receive())
                    if isinstance(message, Answer):
                        self._channel.answered(message)
                    else:
                        loop.call_soon_threadsafe(self._ordered, message)
            except (EOFError, OSError):
                loop.call_soon_threadsafe(closed.set)

        threading.Thread(target=read, name="trigger-reader", daemon=True).start()
        await closed.wait()

    def _ordered(self, message: RunTrigger | CancelTrigger) -> None:
        if isinstance(message, CancelTrigger):
            if task := self._tasks.get(message.trigger_id):
                if message.killed:
                    task.set_name("killed")
                task.cancel()
        elif message.trigger_id not in self._tasks:
            task = asyncio.create_task(self._run(message))
            self._tasks[message.trigger_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(message.trigger_id))

    async def _run(self, order: RunTrigger) -> None:
        _log_file.set(order.log_file)
        trigger: Any = None
        try:
            trigger = await asyncio.to_thread(self._build, order)
            await self._watch(order, trigger)
        except asyncio.CancelledError:
            if trigger is not None and _was_killed():
                await trigger.on_kill()
        except BaseException:
            error = traceback.format_exc()
            logging.getLogger("airflow.task").exception("Trigger failed")
            self._connection.send(TriggerFailed(trigger_id=order.trigger_id, error=error))
        finally:
            if trigger is not None:
                await trigger.cleanup()

    async def _watch(self, order: RunTrigger, trigger: Any) -> None:
        events = trigger.run()
        try:
            async for event in events:
                self._connection.send(_fired(order.trigger_id, event))
                if not order.continuous:
                    return
        finally:
            if hasattr(events, "aclose"):
                await events.aclose()
        raise RuntimeError(f"Trigger {order.classpath} ended without sending an event")

    def _build(self, order: RunTrigger) -> Any:
        module_path, _, name = order.classpath.rpartition(".")
        with self._importing:
            put_on_path(self._root, order.file)
            if module_path == module_name(order.file) and module_path not in sys.modules:
                load_dag_file(self._root, order.file)
            trigger_class = getattr(import_module(module_path), name)
        kwargs = {key: serde.decode(value) for key, value in order.kwargs.items()}
        trigger = trigger_class(**kwargs)
        trigger.trigger_id = order.trigger_id
        trigger.task_instance = order.task_instance
        return trigger


def _was_killed() -> bool:
    task = asyncio.current_task()
    return task is not None and task.get_name() == "killed"


def _fired(trigger_id: int, event: Any) -> TriggerFired:
    from tradewind.sdk.triggers.base import BaseTaskEndEvent

    if isinstance(event, BaseTaskEndEvent):
        xcoms = {key: serde.encode(value) for key, value in (event.xcoms or {}).items()}
        state = str(event.task_instance_state)
        return TriggerFired(trigger_id=trigger_id, ends_as=state, xcoms=xcoms)
    return TriggerFired(trigger_id=trigger_id, event=serde.encode(event.payload))


class _TriggerLog(LogFile):
    """The log of the trigger that runs in the current context; opened for each record, since there
    may be more triggers than a process may have open files."""

    def __init__(self, folder: str) -> None:
        super().__init__(-1, masker)
        self._folder = folder

    def write_all(self, lines: list[bytes]) -> None:
        try:
            fd = open_log(self._folder, _log_file.get())
        except OSError:
            return  # a log that cannot be written is no reason to stop the trigger
        try:
            LogFile(fd, self.mask).write_all(lines)
        finally:
            os.close(fd)


def main() -> None:
    from tradewind import compat

    compat.install()
    masking.receiver, masking.redactor = masker.add_value, masker.redact
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.set_inheritable(False)
    root, log_folder = sys.argv[2], sys.argv[3]
    logging.basicConfig(level=logging.INFO, handlers=[RecordHandler(_TriggerLog(log_folder))])
    asyncio.run(TriggerChild(Connection(sock), root).run())


if __name__ == "__main__":
    main()
