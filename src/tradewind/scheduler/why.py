"""The world around a run, gathered for `core.runs.why`: pools, pauses, limits."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from tradewind.core.errors import NotFound
from tradewind.core.runs.why import PoolUse, Reason, World, why_run
from tradewind.core.runs.why import why as explain
from tradewind.core.states import FINISHED_STATES, DagRunState, TaskInstanceState
from tradewind.scheduler.models import Documents, load
from tradewind.store import dags, limits, pools, processes, runs
from tradewind.store.engine import Store


def why(store: Store, run_pk: int, task_id: str, map_index: int, *, now: datetime) -> list[Reason]:
    """Everything that keeps a task instance from running, the first thing to look at first.

    A run that has not begun has no instances yet; then it is what keeps the run from beginning. How
    many slots the executors have free is known to their schedulers alone, so it is left out.
    Raises `NotFound` when the run has no such instance and is going on or over.
    """
    with store.read() as tx:
        [model] = load(tx, [run_pk], Documents(), infra_budget=0)
        row = dags.get(tx, model.dag_id)
        ti = model.run.instance(task_id, map_index)
        world = World(
            now=now,
            run_after=runs.by_pks(tx, [run_pk])[0].run_after,
            is_paused=row is not None and row.is_paused,
            active_runs=row.active_runs if row is not None else 0,
            pools={
                pool.name: PoolUse(slots=pool.slots, occupied=pool.occupied)
                for pool in pools.listing(tx)
            },
            occupied_per_dag=limits.task_occupied(tx, (model.dag_id, task_id)),
        )
        missing = _missing_roles(store, tx, ti.state if ti else TaskInstanceState.NONE)
    if ti is not None:
        return missing + explain(model.run, ti, world)
    if model.run.facts.state is DagRunState.QUEUED:
        return missing + why_run(model.run, world)
    raise NotFound(
        f"The run {model.run.facts.run_id} has no instance {map_index} of {task_id!r}.",
        hint=f"`tradewind tasks states-for-dag-run {model.dag_id} {model.run.facts.run_id}`"
        " shows all.",
    )


_SILENT = timedelta(seconds=60)  # a process that lives says so every 10 seconds


def _missing_roles(store: Store, tx: Connection, state: TaskInstanceState) -> list[Reason]:
    """The roles that the instance needs and that no living process has."""
    if state in FINISHED_STATES:
        return []
    needed = ["scheduler", *(["triggerer"] if state is TaskInstanceState.DEFERRED else [])]
    since = store.now(tx) - _SILENT
    living = {row.role for row in processes.listing(tx) if row.heartbeat_at >= since}
    return [
        Reason(
            code=f"no_{role}",
            message=f"No {role} is running. `tradewind {role}` starts one, and"
            " `tradewind standalone` starts everything.",
        )
        for role in needed
        if role not in living
    ]
