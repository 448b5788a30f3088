"""The world around a run, gathered for `core.why`: pools, pauses, limits."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from tradewind.core.errors import NotFound
from tradewind.core.states import FINISHED_STATES, TaskInstanceState
from tradewind.core.why import PoolUse, Reason, World
from tradewind.core.why import why as explain
from tradewind.scheduler.models import Documents, load
from tradewind.store import dags, limits, pools, processes
from tradewind.store.engine import Store


def why(store: Store, run_pk: int, task_instance_id: int, *, now: datetime) -> list[Reason]:
    """Everything that keeps a task instance from running, the first thing to look at first.

    How many slots the executors have free is known to their schedulers alone, so it is left out.
    """
    with store.read() as tx:
        models = load(tx, [run_pk], Documents(), infra_budget=0)
        ti = models[0].by_id.get(task_instance_id) if models else None
        if ti is None:
            raise NotFound(
                f"There is no task instance {task_instance_id} in the run {run_pk}.",
                hint="`tradewind tasks states-for-dag-run` shows those that there are.",
            )
        row = dags.get(tx, models[0].dag_id)
        world = World(
            now=now,
            is_paused=row is not None and row.is_paused,
            active_runs=row.active_runs if row is not None else 0,
            pools={
                pool.name: PoolUse(slots=pool.slots, occupied=pool.occupied)
                for pool in pools.listing(tx)
            },
            occupied_per_dag=limits.task_occupied(tx, (models[0].dag_id, ti.task_id)),
        )
        missing = _missing_roles(store, tx, ti.state)
    return missing + explain(models[0].run, ti, world)


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
