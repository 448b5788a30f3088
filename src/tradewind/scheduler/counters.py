"""What the limits count, before and after the changes of one transaction.

Only the difference goes to the database: a finish and a claim that need equal slots cost nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from tradewind.core.states import OCCUPYING_STATES, TaskInstanceState
from tradewind.scheduler.models import RunModel
from tradewind.store import limits
from tradewind.store.limits import EVERYTHING, Moved, TaskKey

_DEFERRED = TaskInstanceState.DEFERRED


@dataclass(slots=True)
class Deltas:
    """By how much the transaction moves each counter so far."""

    pools: Counter[str] = field(default_factory=Counter)
    tasks: Counter[TaskKey] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)

    def move(
        self,
        model: RunModel,
        task_id: str,
        before: TaskInstanceState,
        after: TaskInstanceState,
        deferred_pools: Collection[str],
    ) -> None:
        """An instance of the task goes from one state to another."""
        spec = model.version.plan.tasks[task_id].spec
        step = (after in OCCUPYING_STATES) - (before in OCCUPYING_STATES)
        pool_step = step
        if spec.pool in deferred_pools:
            pool_step += (after is _DEFERRED) - (before is _DEFERRED)
        if pool_step:
            self.pools[spec.pool] += pool_step * spec.pool_slots
        if step:
            self.tasks[EVERYTHING] += step
            if spec.max_active_tis_per_dag is not None:
                self.tasks[(model.dag_id, task_id)] += step


def settle(models: Iterable[RunModel], deferred_pools: Collection[str], deltas: Deltas) -> None:
    """Add what the unsaved changes of these models move, each change once."""
    for model in models:
        changes = model.unsaved.changes
        for ti in (*changes.new, *changes.changed):
            before, after = model.take_held(ti)
            if before is not after:
                deltas.move(model, ti.task_id, before, after, deferred_pools)
        step = model.take_running_step()
        if step:
            deltas.runs[model.dag_id] += step


def store(tx: Connection, deltas: Deltas, allowed: dict[TaskKey, int]) -> Moved:
    """Move the counters in the database.

    Always in the same order, so that two transactions do not wait for each other in a circle.
    """
    limits.move_active_runs(tx, {key: step for key, step in deltas.runs.items() if step})
    pools = {name: step for name, step in deltas.pools.items() if step}
    tasks = {key: (step, allowed.get(key, 0)) for key, step in deltas.tasks.items() if step}
    of_pools = limits.move_pools(tx, pools)
    of_tasks = limits.move_tasks(tx, tasks) if of_pools.done else Moved()
    return Moved(
        done=of_pools.done and of_tasks.done,
        made_room=of_pools.made_room or of_tasks.made_room,
    )
