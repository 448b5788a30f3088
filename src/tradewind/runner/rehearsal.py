"""A small task carried out inside the host, some times, before anything is forked from it.

Python learns while it runs: it specialises its code, fills caches and makes what is made once. A
fork inherits all that; otherwise each attempt would do it again, and copy the memory it writes to.
"""

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tradewind.core.protocol import DagSource, RunInfo, WorkOrder
from tradewind.core.states import DagRunType
from tradewind.runner import logs
from tradewind.runner.job import run_job
from tradewind.runner.masking import masker
from tradewind.runner.wire import Connection, frame
from tradewind.sdk import DAG, task
from tradewind.sdk.comms import set_channel

_TIMES = 10  # code is specialised after eight calls


def rehearse() -> None:
    """Leaves the process as it was, for whoever looks from outside."""
    with _restored():
        for _ in range(_TIMES):
            log = logs.capture()  # to no file
            stage, audience = socket.socketpair()
            with audience:
                audience.sendall(frame(_order()))
                audience.shutdown(socket.SHUT_WR)  # a request would fail, not wait for ever
                connection = Connection(stage, guard=True)
                run_job(connection, log, [_piece()])
                connection.close()


def _piece() -> DAG:
    with DAG("rehearsal") as dag:
        task(_play)()
    return dag


def _play() -> int:
    return 1


def _order() -> WorkOrder:
    now = datetime.now(UTC)
    run = RunInfo(
        dag_id="rehearsal",
        run_id="rehearsal",
        run_type=DagRunType.MANUAL,
        run_after=now,
        logical_date=now,
    )
    source = DagSource(bundle="", digest="", file="", root=os.getcwd())
    return WorkOrder(
        attempt_id=0, task_instance_id=0, source=source, run=run, task_id="_play", log_file=""
    )


@contextmanager
def _restored() -> Iterator[None]:
    """Undo what an attempt does to its process, which is its own otherwise."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    streams = sys.stdout, sys.stderr
    environment = dict(os.environ)
    on_term = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.stdout, sys.stderr = streams
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        signal.signal(signal.SIGTERM, on_term)
        masker.on_new = None
        set_channel(None)
