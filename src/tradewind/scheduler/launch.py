"""Work orders: all that a runner needs, put together from a run's model. No I/O."""

from collections.abc import Callable
from typing import Any

from msgspec import structs

from tradewind.core.protocol import AssetEvent, CallbackOrder, DagSource, RunInfo, WorkOrder
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.states import DagRunState, DagRunType
from tradewind.scheduler.models import Attempt, RunModel, Tries, Version

Locate = Callable[[str], str]
"""Where the snapshot with that digest is unpacked on this machine."""


def work_order(model: RunModel, attempt: Attempt, locate: Locate) -> WorkOrder:
    ti = model.by_id[attempt.task_instance_id]
    spec = model.version.plan.tasks[ti.task_id].spec
    return WorkOrder(
        attempt_id=attempt.id,
        task_instance_id=attempt.task_instance_id,
        source=dag_source(model.row, model.version, locate),
        run=run_info(model.row, model.version.number, model.consumed, model.run.facts),
        task_id=ti.task_id,
        map_index=ti.map_index,
        try_number=ti.try_number,
        max_tries=ti.max_tries,
        first_start_date=ti.first_start_date,
        resume=ti.resume,
        upstream_map_indexes=model.run.upstream_map_indexes(ti),
        log_file=attempt.log_file,
        queue=spec.queue,
        pool=spec.pool,
    )


def dag_source(row: Any, version: Version, locate: Locate) -> DagSource:
    """The DAG's file in the snapshot that the run (a row of `dag_run`) is pinned to."""
    return DagSource(
        bundle=row.bundle_name,
        digest=row.digest,
        file=version.dag.file,
        root=locate(row.digest),
    )


def run_info(row: Any, number: int, consumed: list[AssetEvent], moved: Any = None) -> RunInfo:
    """A row of `dag_run` as tasks see it. `number`: of the DAG version that it is pinned to.

    `moved`: the run's `RunFacts`, when they are newer than the row.
    """
    newest = moved or row
    return RunInfo(
        dag_id=row.dag_id,
        run_id=row.run_id,
        run_type=DagRunType(row.run_type),
        run_after=row.run_after,
        start_date=newest.start_date,
        logical_date=row.logical_date,
        interval_start=row.interval_start,
        interval_end=row.interval_end,
        end_date=newest.end_date,
        state=DagRunState(newest.state),
        conf=row.conf,
        partition_key=row.partition_key,
        note=row.note,
        triggering_user=row.triggering_user,
        version_number=number,
        consumed_asset_events=consumed,
    )


def callback_order(
    row: Any, run: RunInfo, source: DagSource, ti: TaskInstance | None
) -> CallbackOrder:
    """For a row of `callback`; without `ti` it is about the run."""
    folder = f"dag_id={run.dag_id}/run_id={run.run_id}"
    order = CallbackOrder(
        callback_id=row.id,
        source=source,
        run=run,
        kinds=row.kinds,
        reason=row.reason,
        log_file=f"{folder}/callback={row.id}.log",
    )
    if ti is None:
        return order
    return structs.replace(
        order,
        task_id=ti.task_id,
        map_index=ti.map_index,
        try_number=ti.try_number,
        max_tries=ti.max_tries,
        log_file=f"{instance_folder(run.dag_id, run.run_id, ti)}/callback={row.id}.log",
    )


def instance_folder(dag_id: str, run_id: str, ti: TaskInstance) -> str:
    """As Airflow's `log_filename_template`."""
    folder = f"dag_id={dag_id}/run_id={run_id}/task_id={ti.task_id}"
    return folder if ti.map_index < 0 else f"{folder}/map_index={ti.map_index}"


def log_file(dag_id: str, run_id: str, ti: TaskInstance, tries: Tries) -> str:
    """Of the attempt that `tries` counts last. A try's later attempts are told apart by their
    generation, so that none overwrites what another one wrote."""
    suffix = "" if tries.in_try <= 1 else f".{tries.generation}"
    return f"{instance_folder(dag_id, run_id, ti)}/attempt={ti.try_number}{suffix}.log"
