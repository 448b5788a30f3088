"""Which scheduled instances start now: by priority over all runs, within every limit.

Limits that other schedulers share (pools, tasks, all tasks together) are counters in the database.
They are locked and read only if there is more to claim than this transaction releases anyway.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf

from sqlalchemy import Connection

from tradewind.core.runs.instances import TaskInstance
from tradewind.core.runs.ready import Lane
from tradewind.scheduler.counters import Deltas
from tradewind.scheduler.models import RunModel
from tradewind.scheduler.quarantine import BrokenRun
from tradewind.store import limits
from tradewind.store.limits import EVERYTHING, TaskKey

_LAST = datetime.max.replace(tzinfo=UTC)

Key = tuple[int, datetime, int]  # -weight of the first instance, logical date, run


class WaitingRuns:
    """The runs with something to claim, best first. As Airflow: by weight, then logical date."""

    def __init__(self) -> None:
        self._keys: dict[int, Key] = {}
        self._heap: list[Key] = []

    def __bool__(self) -> bool:
        return bool(self._keys)

    def put(self, model: RunModel) -> None:
        """Take in where the run stands now."""
        first = model.run.claimable(1)
        if first:
            self.put_as(key_of(model, first[0]))
        else:
            self.remove(model.pk)

    def remove(self, pk: int) -> None:
        self._keys.pop(pk, None)

    def pop(self) -> int | None:
        """The best run, taken out."""
        while self._heap:
            key = heapq.heappop(self._heap)
            if self._keys.get(key[2]) == key:
                del self._keys[key[2]]
                return key[2]
        return None

    def best(self) -> Key | None:
        while self._heap and self._keys.get(self._heap[0][2]) != self._heap[0]:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None

    def put_as(self, key: Key) -> None:
        if self._keys.get(key[2]) != key:
            self._keys[key[2]] = key
            heapq.heappush(self._heap, key)


def key_of(model: RunModel, ti: TaskInstance) -> Key:
    weight = model.version.plan.tasks[ti.task_id].spec.weight
    return -weight, model.facts.logical_date or _LAST, model.pk


@dataclass(slots=True)
class Budget:
    """How much of everything is left.

    `asked` are the counters that something was held back by without their having been read.
    `crowded`: counters above their limit, which somebody has lowered; what is given back there may
    only be taken again after a look at them. `ending`: instances whose superseded process has not
    ended yet; the next one waits for that.
    """

    executors: dict[str, int]
    parallelism: int
    default_executor: str
    pools: dict[str, float] = field(default_factory=dict)
    tasks: dict[TaskKey, float] = field(default_factory=dict)
    read: set[str | TaskKey] = field(default_factory=set)
    asked: set[str | TaskKey] = field(default_factory=set)
    crowded: Collection[str | TaskKey] = ()
    ending: Collection[int | None] = ()
    moved: set[str | TaskKey] = field(default_factory=set)  # by what the transaction gives back

    @classmethod
    def of_released(
        cls,
        executors: dict[str, int],
        parallelism: int,
        default_executor: str,
        deltas: Deltas,
        crowded: Collection[str | TaskKey],
    ) -> "Budget":
        """Only what this transaction gives back: safe without asking the database."""
        budget = cls(executors, parallelism, default_executor, crowded=crowded)
        budget.moved = {*deltas.pools, *deltas.tasks}
        budget.pools = {name: -step for name, step in deltas.pools.items()}
        budget.tasks = {key: -step for key, step in deltas.tasks.items()}
        return budget

    def has_executor(self) -> bool:
        return any(free > 0 for free in self.executors.values())

    def blocks(self, model: RunModel) -> Callable[[Lane], bool]:
        """Whether something holds the run's instances of a lane back."""

        def blocked(lane: Lane) -> bool:
            if self.executors.get(lane.executor or self.default_executor, 0) <= 0:
                return True
            needs: dict[str | TaskKey, int] = {EVERYTHING: 1, lane.pool: lane.pool_slots}
            if key := limited_key(model, lane.limited_task):
                needs[key] = 1
            short = {key for key, need in needs.items() if self._free(key) < need}
            self.asked |= short - self.read
            return bool(short)

        return blocked

    def take(self, model: RunModel, ti: TaskInstance) -> None:
        spec = model.version.plan.tasks[ti.task_id].spec
        self.executors[spec.executor or self.default_executor] -= 1
        self.pools[spec.pool] = self.pools.get(spec.pool, 0) - spec.pool_slots
        keys = [EVERYTHING]
        if key := limited_key(model, ti.task_id):
            keys.append(key)
        for key in keys:
            self.tasks[key] = self.tasks.get(key, 0) - 1

    def _free(self, key: str | TaskKey) -> float:
        if key in self.crowded and key not in self.read:
            return 0
        return self.pools.get(key, 0) if isinstance(key, str) else self.tasks.get(key, 0)

    def read_asked(self, tx: Connection, allowed: Mapping[TaskKey, int]) -> None:
        """Lock and read the counters that something was held back by."""
        names = {key for key in self.asked if isinstance(key, str)}
        keys = {key for key in self.asked if not isinstance(key, str)}
        self.read |= self.asked
        self.asked = set()
        if names:
            for name, row in limits.lock_pools(tx, names).items():
                free = inf if row.slots < 0 else row.slots - row.occupied
                self.pools[name] = self.pools.get(name, 0) + free
        if keys:
            for key, occupied in limits.lock_tasks(tx, keys).items():
                self.tasks[key] = self.tasks.get(key, 0) + allowed[key] - occupied


def limited_key(model: RunModel, task_id: str | None) -> TaskKey | None:
    """The counter of a task with max_active_tis_per_dag."""
    if task_id is None:
        return None
    spec = model.version.plan.tasks[task_id].spec
    return None if spec.max_active_tis_per_dag is None else (model.dag_id, task_id)


def claim(
    tx: Connection,
    waiting: WaitingRuns,
    models: Mapping[int, RunModel],
    budget: Budget,
    *,
    now: datetime,
) -> list[RunModel]:
    """Claim what the budget allows; the models in which something was claimed.

    The claimed instances are `unsaved.claims`; their attempts get their ids when they are stored.
    """
    touched: dict[int, RunModel] = {}
    while True:
        _claim_within(waiting, models, budget, touched, now)
        if not budget.asked or not budget.has_executor():
            return list(touched.values())
        if not budget.read:  # what is moved anyway is locked as well, so that all schedulers lock
            budget.asked |= budget.moved  # in one order: pools before tasks
        budget.read_asked(tx, _allowances(budget, models))


def _claim_within(
    waiting: WaitingRuns,
    models: Mapping[int, RunModel],
    budget: Budget,
    touched: dict[int, RunModel],
    now: datetime,
) -> None:
    held_back: list[RunModel] = []
    while budget.has_executor() and (pk := waiting.pop()) is not None:
        model = models[pk]
        found = _first(model, budget)
        if not found:
            held_back.append(model)
            continue
        key, best = key_of(model, found[0]), waiting.best()
        if best is not None and best < key:  # its best instances are held back: not its turn yet
            waiting.put_as(key)
            held_back.append(model)
            continue
        model.run.claimed(found[0], 0, now)
        model.unsaved.claims.append(found[0])
        budget.take(model, found[0])
        touched[pk] = model
        waiting.put(model)
    for model in held_back:
        waiting.put(model)


def _first(model: RunModel, budget: Budget) -> list[TaskInstance]:
    try:
        found = model.run.claimable(1 + len(budget.ending), budget.blocks(model))
    except Exception as error:
        raise BrokenRun(model.pk) from error
    return [ti for ti in found if ti.id not in budget.ending]


def _allowances(budget: Budget, models: Mapping[int, RunModel]) -> dict[TaskKey, int]:
    wanted = {key for key in budget.asked if not isinstance(key, str)}
    return allowances(models.values(), budget.parallelism, wanted)


def allowances(
    models: Iterable[RunModel], parallelism: int, wanted: set[TaskKey]
) -> dict[TaskKey, int]:
    """What each of these counters may reach. The newest version's word holds."""
    found: dict[TaskKey, int] = {EVERYTHING: parallelism}
    versions: dict[TaskKey, int] = {}
    for model in models if wanted - {EVERYTHING} else ():
        for key in wanted:
            if key[0] != model.dag_id or versions.get(key, -1) >= model.version.id:
                continue
            task = model.version.plan.tasks.get(key[1])
            if task is not None and task.spec.max_active_tis_per_dag is not None:
                found[key] = task.spec.max_active_tis_per_dag
                versions[key] = model.version.id
    return found
