"""A task makes a run of a DAG, or sets an existing one going again."""

from datetime import datetime
from random import SystemRandom

from tradewind.core import params, run_ids
from tradewind.core.dag import (
    CronPartition,
    PartitionedAssets,
    PartitionedAtRuntime,
    SerializedDag,
    Slot,
)
from tradewind.core.errors import Conflict, Superseded, UserError
from tradewind.core.protocol import DagRunReply, TriggerDagRun
from tradewind.core.runs import clearing
from tradewind.core.states import DagRunType
from tradewind.core.timetables import manual_interval
from tradewind.scheduler.actions import runnable_dag, store_by_hand
from tradewind.scheduler.models import Documents, load
from tradewind.scheduler.run_creation import allows, insert_runs, new_run, suffix
from tradewind.store import listings, runs
from tradewind.store.engine import AnyRow, DatabaseError
from tradewind.taskapi.call import Call
from tradewind.taskapi.runs import reply

_TYPE = DagRunType.OPERATOR_TRIGGERED


def trigger_dag_run(call: Call, message: TriggerDagRun) -> DagRunReply:
    call.check_fence()
    row, dag = runnable_dag(call.tx, message.dag_id)
    _check(dag, message)
    run_after = message.run_after or call.now
    run_id = message.run_id or _generate_id(run_after, message.logical_date)
    existing = _existing(call, message, run_id)
    if existing is not None and message.reset:
        run_id = existing.run_id
        _start_over(call, existing)
    elif existing is not None or not _create(call, message, row, dag, run_id, run_after):
        raise Conflict(
            f"A run of the DAG {message.dag_id} with the id {run_id} or its logical date exists.",
            hint="Choose another run id or logical date, or let the operator reset the run.",
        )
    call.store.notify(call.tx, "scheduler")
    made = listings.run(call.tx, listings.RunFilter(dag_id=message.dag_id, run_ids=[run_id]))
    assert made is not None  # written above, in this transaction
    return reply(made)


def _check(dag: SerializedDag, message: TriggerDagRun) -> None:
    if not allows(dag, _TYPE):
        raise UserError(
            f"The DAG {dag.dag_id} does not allow runs that operators trigger.",
            hint=f"Its allowed_run_types are: {', '.join(dag.allowed_run_types or [])}.",
        )
    params.validate_conf(dag.params, message.conf)
    partitioned = CronPartition | PartitionedAssets | PartitionedAtRuntime
    if message.partition_key is not None and not isinstance(dag.timetable, partitioned):
        raise UserError(
            f"The DAG {dag.dag_id} is not partitioned, so its runs have no partition key.",
            hint="Leave the partition key out, or give the DAG a partitioned schedule.",
        )
    if message.run_id is not None:
        run_ids.check(message.run_id, _TYPE)


def _generate_id(run_after: datetime, logical_date: datetime | None) -> str:
    unique = suffix(SystemRandom()) if logical_date is None else None
    return run_ids.generate(_TYPE, run_after, suffix=unique)


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
    dag: SerializedDag,
    run_id: str,
    run_after: datetime,
) -> bool:
    """False: somebody else was quicker to make it.

    The data interval is the one at the moment of triggering, whatever the logical date, as in
    Airflow.
    """
    dated = message.logical_date is not None
    interval = manual_interval(dag.timetable, run_after) if dated else None
    run = new_run(
        row,
        run_type=_TYPE,
        run_id=run_id,
        slot=Slot(
            logical_date=message.logical_date,
            interval_start=interval and interval.start,
            interval_end=interval and interval.end,
            run_after=run_after,
            partition_key=message.partition_key,
        ),
        now=call.now,
        conf=message.conf,
        note=message.note,
        triggering_user=_user_behind(call, message.triggered_by_attempt),
    )
    return bool(insert_runs(call.tx, dag, [run], call.now))


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
    """Clear every task instance of the run."""
    (model,) = load(call.tx, [row.id], Documents(), infra_budget=0)
    run = model.run
    model.add(clearing.clear(run.plan, run.facts, run.instances(), clearing.Request(), call.now))
    try:
        store_by_hand(call.store, call.tx, [model], now=call.now)
    except Superseded as error:  # of the run, not of the attempt that asks: read it again
        raise DatabaseError(f"The run {row.run_id} moved meanwhile.", transient=True) from error
