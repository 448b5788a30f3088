"""A control plane in miniature: schedulers with fake executors on one virtual clock."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select

from support.clock import VirtualClock
from support.fake_executor import FakeExecutor, Plan, Script
from tradewind.core.dag import SCHEMA, NullSchedule, SerializedDag, TaskSpec, Timetable
from tradewind.core.protocol import Failed, Succeeded, WorkOrder, XComValue
from tradewind.scheduler.scheduler import Scheduler
from tradewind.scheduler.settings import SchedulerSettings
from tradewind.store import dags, runs
from tradewind.store.engine import Store
from tradewind.store.schema import attempt, dag_run, history, pool, task_instance, task_limit

FAIL = Failed(error_type="ValueError", message="it went wrong")


def task(task_id: str, *upstream: str, **more: Any) -> TaskSpec:
    return TaskSpec(
        task_id=task_id,
        label=task_id,
        operator="PythonOperator",
        upstream=sorted(upstream),
        **more,
    )


def make_dag(
    dag_id: str, *tasks: TaskSpec, timetable: Timetable | None = None, **more: Any
) -> SerializedDag:
    return SerializedDag(
        schema=SCHEMA,
        dag_id=dag_id,
        file=f"{dag_id}.py",
        timetable=timetable or NullSchedule(),
        tasks=list(tasks),
        **more,
    )


def chain(dag_id: str, length: int, **more: Any) -> SerializedDag:
    tasks = [task("t000")]
    tasks += [task(f"t{n:03}", f"t{n - 1:03}") for n in range(1, length)]
    return make_dag(dag_id, *tasks, **more)


def wide(dag_id: str, width: int, **more: Any) -> SerializedDag:
    more.setdefault("max_active_tasks", width)
    return make_dag(dag_id, *(task(f"w{n:04}") for n in range(width)), **more)


def returns(value: Any, length: int | None = None) -> Succeeded:
    return Succeeded(xcoms=[XComValue(key="return_value", value=value, length=length)])


def fails_first(times: int) -> Script:
    """Every task fails that often before it succeeds."""

    def script(order: WorkOrder) -> Plan:
        return Plan(FAIL) if order.try_number <= times else Plan()

    return script


class World:
    """`schedulers` and `executors` go by name; the first of each is `a`."""

    def __init__(self, store: Store, **settings: Any) -> None:
        self.store = store
        self.clock = VirtualClock()
        store.clock = self.clock
        self.settings = SchedulerSettings(**settings)
        self.schedulers: dict[str, Scheduler] = {}
        self.executors: dict[str, FakeExecutor] = {}

    def scheduler(
        self,
        name: str = "a",
        *,
        store: Store | None = None,
        slots: int = 8,
        script: Script | None = None,
        locate: Callable[[str], str] = "/snapshots/{}".format,
    ) -> Scheduler:
        executor = FakeExecutor(self.clock, slots=slots, script=script)
        scheduler = Scheduler(
            store or self.store,
            {"local": executor},
            self.clock,
            self.settings,
            name,
            locate=locate,
            chance=Random(name),
        )
        scheduler.open()
        self.schedulers[name], self.executors[name] = scheduler, executor
        return scheduler

    def end_leases(self) -> None:
        """As if the lease time had passed on the database's own clock, too."""
        past = self.clock.now() - timedelta(seconds=1)
        with self.store.begin() as tx:
            tx.execute(dag_run.update().values(lease_until=past))
            tx.execute(attempt.update().values(lease_until=past))

    def kill(self, name: str) -> FakeExecutor:
        """As `kill -9`: it just takes no more steps."""
        del self.schedulers[name]
        return self.executors.pop(name)

    # --- what people do -------------------------------------------------------------------------

    def publish(self, dag: SerializedDag, *, paused: bool = False, digest: str = "d1") -> None:
        with self.store.begin() as tx:
            dags.publish(
                tx,
                [dag],
                bundle_name="dags",
                file=dag.file,
                digest=digest,
                bundle_version=None,
                now=self.clock.now(),
                paused_at_creation=paused,
            )

    def plan_next(self, dag: SerializedDag) -> None:
        """Plan the first scheduled run, as the DAG processor does."""
        from tradewind.core.timetables import following_slot

        with self.store.begin() as tx:
            dags.set_next_slots(tx, {dag.dag_id: following_slot(dag, None, self.clock.now())})
        self.notify()

    def trigger(
        self, dag_id: str, run_id: str = "r1", *, logical_date: datetime | None = None, **more: Any
    ) -> int:
        """A queued run, as an action or another process would leave it."""
        now = self.clock.now()
        with self.store.begin() as tx:
            row = dags.get(tx, dag_id)
            assert row is not None
            made = runs.insert_new(
                tx,
                [
                    {
                        "dag_id": dag_id,
                        "run_id": run_id,
                        "run_type": "manual",
                        "state": "queued",
                        "version_id": row.version_id,
                        "bundle_name": row.bundle_name,
                        "digest": row.digest,
                        "logical_date": logical_date,
                        "run_after": now,
                        "queued_at": now,
                        **more,
                    }
                ],
            )
        self.notify()
        return made[(dag_id, run_id)]

    def add_pool(self, name: str, slots: int) -> None:
        with self.store.begin() as tx:
            tx.execute(pool.insert().values(name=name, slots=slots))

    def notify(self) -> None:
        for scheduler in self.schedulers.values():
            scheduler.notify()

    # --- time -----------------------------------------------------------------------------------

    def settle(self) -> float:
        """Let every scheduler step until none has anything to do now; seconds until one has."""
        for _ in range(100_000):
            waits = [scheduler.step() for scheduler in self.schedulers.values()]
            if all(wait > 0 for wait in waits) and not self._events_due():
                return min(waits)
        raise AssertionError("the schedulers never come to rest")

    def _events_due(self) -> bool:
        now = self.clock.now()
        dues = [executor.next_due() for executor in self.executors.values()]
        return any(due is not None and due <= now for due in dues)

    def run_until(self, done: Callable[[], bool], *, seconds: float = 3600) -> None:
        """Let virtual time pass until `done`."""
        deadline = self.clock.now() + timedelta(seconds=seconds)
        while True:
            wait = self.settle()
            if done():
                return
            now = self.clock.now()
            assert now < deadline, self.describe()
            moments = [now + timedelta(seconds=wait)]
            dues = [executor.next_due() for executor in self.executors.values()]
            moments += [due for due in dues if due is not None]
            self.clock.move_to(max(min(moments), now + timedelta(microseconds=1)))

    def run_for(self, seconds: float) -> None:
        end = self.clock.now() + timedelta(seconds=seconds)
        self.run_until(lambda: self.clock.now() >= end, seconds=seconds + 60)

    def finish_all(self, *, seconds: float = 3600) -> None:
        """Until no run is queued or running."""
        self.run_until(lambda: not self.active_runs(), seconds=seconds)

    # --- what is stored -------------------------------------------------------------------------

    def query(self, statement: Any) -> list[Any]:
        with self.store.read() as tx:
            return list(tx.execute(statement).all())

    def active_runs(self) -> list[str]:
        states = ["queued", "running"]
        rows = self.query(select(dag_run.c.run_id).where(dag_run.c.state.in_(states)))
        return [row.run_id for row in rows]

    def run_states(self) -> dict[str, str]:
        rows = self.query(select(dag_run.c.run_id, dag_run.c.state).order_by(dag_run.c.id))
        return {row.run_id: row.state for row in rows}

    def states(self, run_pk: int | None = None) -> dict[str, str]:
        """By task, with the map index in brackets."""
        statement = select(task_instance).order_by(task_instance.c.id)
        if run_pk is not None:
            statement = statement.where(task_instance.c.run_pk == run_pk)
        return {
            row.task_id if row.map_index < 0 else f"{row.task_id}[{row.map_index}]": row.state
            for row in self.query(statement)
        }

    def instance(self, task_id: str, run_pk: int | None = None) -> Any:
        statement = select(task_instance).where(task_instance.c.task_id == task_id)
        if run_pk is not None:
            statement = statement.where(task_instance.c.run_pk == run_pk)
        (row,) = self.query(statement)
        return row

    def attempts(self) -> list[Any]:
        return self.query(select(attempt).order_by(attempt.c.id))

    def history(self, attempt_id: int) -> list[str]:
        rows = self.query(
            select(history.c.event).where(history.c.attempt_id == attempt_id).order_by(history.c.id)
        )
        return [row.event for row in rows]

    def occupied(self) -> dict[str, int]:
        """All counters; the one of everything is named ''."""
        pools = self.query(select(pool.c.name, pool.c.occupied))
        tasks = self.query(select(task_limit))
        return {row.name: row.occupied for row in pools} | {
            row.task_id: row.occupied for row in tasks
        }

    def describe(self) -> str:
        return f"at {self.clock.now()}: runs {self.run_states()}, instances {self.states()}"
