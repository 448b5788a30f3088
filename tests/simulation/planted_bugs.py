"""Five bugs as somebody might write them, each in place of a few lines of the engine."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, select, update

from tradewind.core import run_ids
from tradewind.core.states import AttemptState
from tradewind.scheduler import run_creation
from tradewind.scheduler.scheduler import Scheduler
from tradewind.scheduler.transaction import Transaction
from tradewind.store import attempts, dags, limits, runs
from tradewind.store.glance import Glance
from tradewind.store.schema import attempt, dag_run, pool, task_limit


@contextmanager
def no_fence() -> Iterator[None]:
    """A run is written without asking whether it is still as it was read."""

    def advance(tx: Connection, rows: list[dict[str, Any]], *, owner: str | None = None) -> bool:
        for row in rows:
            values = {name: row[name] for name in runs.FENCED_COLUMNS}
            values["revision"] = dag_run.c.revision + 1
            tx.execute(update(dag_run).where(dag_run.c.id == row["pk"]).values(values))
        return True

    with patch.object(runs, "advance_revision", advance):
        yield


@contextmanager
def no_lease_check() -> Iterator[None]:
    """An attempt of another scheduler counts as lost although its lease goes on."""

    def expired(tx: Connection, scheduler: str, *, now: datetime) -> Any:
        return tx.execute(
            select(attempt.c.id, attempt.c.run_pk)
            .join(dag_run, dag_run.c.id == attempt.c.run_pk)
            .where(
                dag_run.c.lease_owner == scheduler,
                attempt.c.state.in_([AttemptState.QUEUED.value, AttemptState.RUNNING.value]),
                attempt.c.owner != scheduler,
            )
        ).all()

    with patch.object(attempts, "expired", expired):
        yield


@contextmanager
def limit_read_before_the_claim() -> Iterator[None]:
    """Counters are read before the transaction, and raised in it without a condition."""
    seen: dict[str, Any] = {}

    def lock_pools(_tx: Connection, names: Any) -> dict[str, Any]:
        return {name: row for name, row in seen["pools"].items() if name in names}

    def lock_tasks(_tx: Connection, keys: Any) -> dict[Any, int]:
        for key in keys:
            _tx.execute(
                task_limit.insert().prefix_with("OR IGNORE").values(dag_id=key[0], task_id=key[1])
            )
        return {key: seen["tasks"].get(key, 0) for key in keys}

    def move_pools(tx: Connection, changes: Mapping[str, int]) -> limits.Moved:
        for name, change in changes.items():
            values = {"occupied": pool.c.occupied + change}
            tx.execute(update(pool).where(pool.c.name == name).values(values))
        return limits.Moved()

    def move_tasks(tx: Connection, changes: Mapping[Any, tuple[int, int]]) -> limits.Moved:
        for (dag_id, task_id), (change, _) in changes.items():
            mine = (task_limit.c.dag_id == dag_id) & (task_limit.c.task_id == task_id)
            values = {"occupied": task_limit.c.occupied + change}
            tx.execute(update(task_limit).where(mine).values(values))
        return limits.Moved()

    def read(tx: Connection) -> None:
        seen["pools"] = {row.name: row for row in tx.execute(select(pool))}
        rows = tx.execute(select(task_limit))
        seen["tasks"] = {(row.dag_id, row.task_id): row.occupied for row in rows}

    with (
        patch.multiple(
            limits,
            lock_pools=lock_pools,
            lock_tasks=lock_tasks,
            move_pools=move_pools,
            move_tasks=move_tasks,
        ),
        _reading_before(read),
    ):
        yield


@contextmanager
def no_safety_net() -> Iterator[None]:
    """Nobody looks around who has not been notified; and notifications get lost."""

    def only_timers(self: Transaction, seen: Glance) -> None:
        timers = (seen.next_due_at, seen.next_queued_at)
        never = self.now + timedelta(days=365)
        self.done.next_look = min(
            (moment for moment in timers if moment is not None), default=never
        )

    with patch.object(Transaction, "_set_timers", only_timers):
        yield


@contextmanager
def double_create() -> Iterator[None]:
    """What is due is read before the transaction, and nothing keeps a slot from a second run."""
    seen: dict[str, Any] = {}

    def due(_tx: Connection, *, now: datetime, limit: int) -> Any:
        return [row for row in seen["due"] if row.next_run_after <= now]

    def glance(self: Transaction) -> Glance:
        return real_glance(self)._replace(has_due_dags=True)

    def read(tx: Connection) -> None:
        far = datetime.max.replace(tzinfo=UTC)
        seen["due"] = real_due(tx, now=far, limit=100)

    numbers = iter(range(10**9))

    def generate(*args: Any, **more: Any) -> str:
        return f"{real_generate(*args, **more)} {next(numbers)}"

    def insert_new(tx: Connection, rows: list[dict[str, Any]]) -> Any:
        tx.exec_driver_sql("DROP INDEX IF EXISTS uq_dag_run_dag_id_logical_date")
        return real_insert(tx, rows)

    real_due, real_generate, real_insert = dags.due, run_ids.generate, runs.insert_new
    real_glance = Transaction._glance
    with ExitStack() as stack:
        stack.enter_context(patch.object(Transaction, "_glance", glance))
        stack.enter_context(patch.object(dags, "due", due))
        stack.enter_context(patch.object(run_creation.run_ids, "generate", generate))
        stack.enter_context(patch.object(runs, "insert_new", insert_new))
        stack.enter_context(_reading_before(read))
        yield


@contextmanager
def _reading_before(read: Any) -> Iterator[None]:
    """Have each of a scheduler's transactions begin with a look from outside of it."""
    real = Scheduler._transact

    def transact(self: Scheduler, now: datetime) -> None:
        with self._store.read() as tx:
            read(tx)
        real(self, now)

    with patch.object(Scheduler, "_transact", transact):
        yield
