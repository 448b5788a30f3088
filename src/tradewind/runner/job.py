"""What a forked child does: read its order, carry it out, say how it went."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from tradewind.core.errors import NotFound
from tradewind.core.protocol import CallbackOrder, Failed, Finished, Started, WorkOrder
from tradewind.runner import logs
from tradewind.runner.attempt import Attempt
from tradewind.runner.callbacks import run_ordered
from tradewind.runner.channel import HostChannel
from tradewind.runner.masking import masker
from tradewind.runner.messages import CallbackDone, Secrets
from tradewind.runner.wire import Connection
from tradewind.sdk.comms import set_channel

if TYPE_CHECKING:
    from tradewind.sdk.dag import DAG

_order_decoder = msgspec.msgpack.Decoder(WorkOrder | CallbackOrder)


def run_job(connection: Connection, log: logs.LogFile, dags: "Sequence[DAG]") -> int:
    """Returns the process's exit code: 0 when it has reported, whatever it has reported."""
    masker.on_new = lambda values: connection.send(Secrets(values=values))
    if masker.secrets:  # seen while the file was imported
        masker.on_new(sorted(masker.secrets))
    order = _order_decoder.decode(connection.receive())
    try:
        if isinstance(order, WorkOrder):
            _run_attempt(order, connection, log, dags)
        else:
            _run_callbacks(order, connection, dags)
    finally:
        logs.finish_streams()
    return 0


def find_dag(dags: "Sequence[DAG]", dag_id: str, file: str) -> "DAG":
    for dag in dags:
        if dag.dag_id == dag_id:
            return dag
    found = ", ".join(repr(dag.dag_id) for dag in dags) or "none"
    raise NotFound(
        f"{file} defines no DAG {dag_id!r} when it is imported for a task; it defines: {found}.",
        hint="The DAGs that a file makes must not depend on the moment or machine of its import.",
    )


def _run_attempt(
    order: WorkOrder, connection: Connection, log: logs.LogFile, dags: "Sequence[DAG]"
) -> None:
    log.phase(
        f"Try {order.try_number} of {order.run.dag_id}.{order.task_id} in run {order.run.run_id}",
        phase="start",
        attempt_id=order.attempt_id,
    )
    try:
        dag = find_dag(dags, order.run.dag_id, order.source.file)
        if order.task_id not in dag.task_dict:
            raise NotFound(
                f"DAG {dag.dag_id!r} in {order.source.file} has no task {order.task_id!r}."
            )
    except NotFound as missing:
        _report_missing(order, connection, log, missing)
        return
    attempt = Attempt(order, dag.task_dict[order.task_id], connection, log)
    set_channel(attempt.channel)
    attempt.run()


def _report_missing(
    order: WorkOrder, connection: Connection, log: logs.LogFile, missing: NotFound
) -> None:
    log.write("error", f"{missing} {missing.hint or ''}".rstrip(), source="tradewind")
    connection.send(
        Started(
            attempt_id=order.attempt_id,
            pid=os.getpid(),
            hostname=order.hostname,
            started_at=datetime.now(UTC),
        )
    )
    outcome = Failed(error_type=type(missing).__name__, message=str(missing))
    connection.send(Finished(attempt_id=order.attempt_id, outcome=outcome))


def _run_callbacks(order: CallbackOrder, connection: Connection, dags: "Sequence[DAG]") -> None:
    import logging

    channel = HostChannel(connection)
    set_channel(channel)
    try:
        dag = find_dag(dags, order.run.dag_id, order.source.file)
        error = run_ordered(order, dag, channel, logging.getLogger("airflow.task"))
    except Exception as failed:
        print(f"Callbacks could not be run: {failed}", file=sys.stderr)
        error = str(failed)
    connection.send(CallbackDone(callback_id=order.callback_id, error=error))
