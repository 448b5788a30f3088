"""What tasks do when they run: decided by the seed and by which time it is, not by the schedule."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from simulation.case import Case
from tradewind.core.dag import AssetRef, SerializedDag, TaskSpec
from tradewind.core.protocol import (
    Deferred,
    Failed,
    Outcome,
    OutletEvent,
    Rescheduled,
    Skipped,
    Succeeded,
    WorkOrder,
    XComValue,
)
from tradewind.core.runs.plan import DagPlan

DURATIONS = [0.0, 0.05, 0.2, 0.2, 1.0, 3.0]
_LONG_SECONDS = 18.0  # longer than any lease, now and then
_TRIGGERS = ["fires", "fires", "twice", "fails", "never"]


@dataclass(frozen=True)
class Script:
    """What one process does. `outcome` None: it vanishes without a report."""

    seconds: float
    outcome: Outcome | None


class Scripts:
    """`of` an order, the script of its process: the same for the same try of the same case."""

    def __init__(self, case: Case) -> None:
        self._seed = case.seed
        self._tasks = {(dag.dag_id, task.task_id): task for dag in case.dags for task in dag.tasks}
        self._children = {dag.dag_id: _children(dag) for dag in case.dags}
        self._times: Counter[tuple[int, int]] = Counter()

    def of(self, order: WorkOrder, now: datetime) -> Script:
        which = (order.task_instance_id, order.try_number)
        self._times[which] += 1
        where = f"{order.run.dag_id} {order.run.run_type} {order.task_id} {order.map_index}"
        chance = Random(f"{self._seed} {where} {order.try_number} {self._times[which]}")
        seconds = _LONG_SECONDS if chance.random() < 0.02 else chance.choice(DURATIONS)
        return Script(seconds, self._outcome(order, chance, now))

    def _outcome(self, order: WorkOrder, chance: Random, now: datetime) -> Outcome | None:
        task = self._tasks.get((order.run.dag_id, order.task_id))
        luck = chance.random()
        if luck < 0.03:
            return None
        if luck < 0.18:
            return Failed(error_type="ValueError", message="no", retryable=luck < 0.16)
        if luck < 0.24:
            return Skipped()
        first = self._times[order.task_instance_id, order.try_number] == 1
        if task is not None and task.operator == "defer" and order.resume is None:
            return _deferred(chance)
        if task is not None and task.operator == "sensor" and (first or chance.random() < 0.3):
            return Rescheduled(at=now + timedelta(seconds=chance.choice([0.0, 0.5, 3.0])))
        return self._success(order, task, chance)

    def _success(self, order: WorkOrder, task: TaskSpec | None, chance: Random) -> Succeeded:
        length = chance.randint(0, 3)
        skip: list[str] = []
        if task is not None and task.operator == "branch":
            children = self._children[order.run.dag_id][order.task_id]
            skip = [child for child in children if chance.random() < 0.5]
        return Succeeded(
            xcoms=[XComValue(key="return_value", value=[0] * length, length=length)],
            skip=skip,
            outlet_events=[
                OutletEvent(asset_name=asset.name, asset_uri=asset.uri)
                for asset in (task.outlets if task is not None else ())
                if isinstance(asset, AssetRef)
            ],
        )


def _deferred(chance: Random) -> Deferred:
    how = chance.choice(_TRIGGERS)
    timeout = chance.choice([2.0, 5.0]) if how == "never" or chance.random() < 0.3 else None
    return Deferred(
        trigger_classpath="simulation.Trigger",
        trigger_kwargs={"how": how, "seconds": chance.choice([0.1, 2.0])},
        method="go_on",
        timeout_seconds=timeout,
    )


def _children(dag: SerializedDag) -> dict[str, list[str]]:
    return dict(DagPlan(dag).downstream)
