"""A task makes a run of a DAG, or sets an existing one going again."""

import secrets
import string
from datetime import datetime

from tradewind.core import clearing, params, run_ids
from tradewind.core.changes import DeleteTrigger
from tradewind.core.dag import (
    CronPartition,
    PartitionedAssets,
    PartitionedAtRuntime,
    SerializedDag,
    decode,
)
from tradewind.core.errors import Conflict, NotFound, UserError
from tradewind.core.instances import RunFacts
from tradewind.core.plan import plan
from tradewind.core.protocol import DagRunReply, TriggerDagRun
from tradewind.core.states import DagRunState, DagRunType
from tradewind.core.timetables import manual_interval
from tradewind.store import bundles, dags, listings, runs, task_instances, triggers
from tradewind.store.engine import AnyRow
from tradewind.taskapi.call import Call
from tradewind.taskapi.runs import run_info

_TYPE = DagRunType.OPERATOR_TRIGGERED


def trigger_dag_run(call: Call, message: TriggerDagRun) -> DagRunReply:
    call.check_fence()
    row, document = _runnable(call, message.dag_id)
    _check(document, message)
    run_after = message.run_after or call.now
    run_id = message.run_id or _generate_id(run_after, message.logical_date)
    existing = _existing(call, message, run_id)
    if existing is not None and message.reset:
        run_id = existing.run_id
        _start_over(call, existing)
    elif existing is not None or not _create(call, message, row, document, run_id, run_after):
        raise Conflict(
            f"A run of the DAG {message.dag_id} with the id {run_id} or its logical date exists.",
            hint="Choose another run id or logical date, or let the operator reset the run.",
        )
    call.store.notify(call.tx, "scheduler")
    made = listings.run(call.tx, listings.RunFilter(dag_id=message.dag_id, run_ids=[run_id]))
    assert made is not None  # written above, in this transaction
    return DagRunReply(run=run_info(made))


def _runnable(call: Call, dag_id: str) -> tuple[AnyRow, SerializedDag]:
    row = dags.get(call.tx, dag_id)
    document = dags.document(call.tx, dag_id)
    if row is None or row.is_stale or document is None:
        raise NotFound(f"There is no DAG {dag_id}.", hint="`tradewind dags list` shows them.")
    if bundles.has_import_error(call.tx, row.bundle_name, row.file):
        raise UserError(
            f"The DAG {dag_id} has import errors and cannot be triggered.",
            hint="`tradewind dags list-import-errors` shows them.",
        )
    return row, document


def _check(document: SerializedDag, message: TriggerDagRun) -> None:
    allowed = document.allowed_run_types
    if allowed is not None and _TYPE not in allowed:
        raise UserError(f"The DAG {document.dag_id} does not allow runs that operators trigger.")
    params.validate_conf(document.params, message.conf)
    partitioned = CronPartition | PartitionedAssets | PartitionedAtRuntime
    if message.partition_key is not None and not isinstance(document.timetable, partitioned):
        raise UserError(
            f"The DAG {document.dag_id} is not partitioned, so its runs have no partition key.",
            hint="Leave the partition key out, or give the DAG a partitioned schedule.",
        )
    if message.run_id is not None:
        run_ids.check(message.run_id, _TYPE)


def _generate_id(run_after: datetime, logical_date: datetime | None) -> str:
    letters = string.ascii_letters + string.digits
    suffix = "".join(secrets.choice(letters) for _ in range(8)) if logical_date is None else None
    return run_ids.generate(_TYPE, run_after, suffix=suffix)


def _existing(call: Call, message: TriggerDagRun, run_id: str) -> AnyRow | None:
    """The run that the new one would collide with."""
    found = runs.find(call.tx, message.dag_id, run_id)
    if found is not None or message.logical_date is None or message.partition_key is not None:
        return found
    same_date = runs.by_logical_dates(call.tx, message.dag_id, [message.logical_date])
    return next((row for row in same_date if row.partition_key is None), None)


def _create(
    call: Call,
    message: TriggerDagRun,
    row: AnyRow,
    document: SerializedDag,
    run_id: str,
    run_after: datetime,
) -> bool:
    """False: somebody else was quicker to make it."""
    interval = (
        None if message.logical_date is None else manual_interval(document.timetable, run_after)
    )
    made = runs.insert_new(
        call.tx,
        [
            {
                "dag_id": document.dag_id,
                "run_id": run_id,
                "run_type": _TYPE.value,
                "state": DagRunState.QUEUED.value,
                "version_id": row.version_id,
                "bundle_name": row.bundle_name,
                "digest": row.digest,
                "logical_date": message.logical_date,
                "interval_start": interval and interval.start,
                "interval_end": interval and interval.end,
                "run_after": run_after,
                "queued_at": call.now,
                "conf": message.conf,
                "partition_key": message.partition_key,
                "note": message.note,
                "triggering_user": _user_behind(call, message.triggered_by_attempt),
            }
        ],
    )
    return bool(made)


def _user_behind(call: Call, attempt_id: int | None) -> str | None:
    """Who triggered the run that triggers: the person at the head of the chain."""
    if attempt_id is None:
        return None
    instance = listings.instance_of_attempt(call.tx, attempt_id)
    if instance is None:
        return None
    user: str | None = runs.by_pks(call.tx, [instance.run_pk])[0].triggering_user
    return user


def _start_over(call: Call, row: AnyRow) -> None:
    """Clear every task instance of the run; what runs is ended by the scheduler that leases it."""
    (version,) = runs.versions(call.tx, [row.version_id])
    facts = RunFacts(
        dag_id=row.dag_id,
        run_id=row.run_id,
        run_type=DagRunType(row.run_type),
        state=DagRunState(row.state),
        logical_date=row.logical_date,
        start_date=row.start_date,
        end_date=row.end_date,
        queued_at=row.queued_at,
    )
    instances = task_instances.of_runs(call.tx, [row.id])[row.id]
    everything = clearing.Request()
    changes = clearing.clear(plan(decode(version.document)), facts, instances, everything, call.now)
    task_instances.save(call.tx, changes.changed)
    waiting = [effect.ti.id for effect in changes.effects if isinstance(effect, DeleteTrigger)]
    triggers.remove_of_instances(call.tx, [pk for pk in waiting if pk is not None])
    runs.bump(
        call.tx,
        row.id,
        state=facts.state.value,
        start_date=facts.start_date,
        end_date=facts.end_date,
        queued_at=facts.queued_at,
    )
