"""Schedulers at the same time in threads, and their own loop, on the machine's clock."""

import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import select

from support.fake_executor import FakeExecutor
from support.scheduling import Plan, World, chain, make_dag, task
from tradewind.core.clock import SystemClock
from tradewind.scheduler.scheduler import Scheduler
from tradewind.scheduler.settings import SchedulerSettings
from tradewind.store.engine import Store
from tradewind.store.schema import attempt, dag_run


@pytest.fixture
def world(store: Store) -> World:
    world = World(store)
    world.clock = store.clock = SystemClock()  # type: ignore[assignment]
    return world


def wait_for(done: Callable[[], bool]) -> None:
    for _ in range(6000):
        if done():
            return
        time.sleep(0.01)
    raise AssertionError("it never came about")


def test_three_schedulers_share_pools_tasks_and_runs(
    world: World, open_store: Callable[[], Store]
) -> None:
    """Every claim and release goes through shared counters; none is ever exceeded."""
    world.add_pool("p", 3)
    tasks = [task(f"t{n}", pool="p", max_active_tis_per_dag=2) for n in range(4)]
    for number in range(16):
        world.publish(make_dag(f"d{number}", *tasks))
    stop = threading.Event()
    broken: list[BaseException] = []
    executors = []

    def work(name: str) -> None:
        store = open_store()
        executor = FakeExecutor(world.clock, slots=4, script=lambda order: Plan(seconds=0.005))
        executors.append(executor)
        scheduler = Scheduler(
            store,
            {"local": executor},
            world.clock,
            SchedulerSettings(poll_seconds=0.05, flush_seconds=0.005, batch=1),
            name,
            locate=str,
        )
        scheduler.open()
        try:
            while not stop.is_set():
                time.sleep(min(scheduler.step(), 0.003))
        except BaseException as error:
            broken.append(error)

    for number in range(16):
        world.trigger(f"d{number}", f"r{number}")
    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: bool(broken) or not world.active_runs())
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert broken == []
    assert set(world.run_states().values()) == {"success"}
    assert set(world.occupied().values()) == {0}
    orders = [order.attempt_id for executor in executors for order in executor.orders]
    assert len(orders) == len(set(orders)) == 64
    rows = world.query(select(attempt))
    assert all(row.state == "ended" for row in rows)
    if world.store.dialect == "postgresql":
        assert len({row.owner for row in rows}) > 1


def test_run_works_until_it_is_stopped(world: World) -> None:
    world.publish(chain("d", 3))
    executor = FakeExecutor(world.clock, script=lambda order: Plan(seconds=None))
    scheduler = Scheduler(
        world.store,
        {"local": executor},
        world.clock,
        SchedulerSettings(drain_seconds=30),
        "a",
        locate=str,
    )
    stop = threading.Event()
    thread = threading.Thread(target=scheduler.run, args=(stop,))
    thread.start()
    try:
        with world.store.begin() as tx:
            world.store.notify(tx, "scheduler")
        world.trigger("d")
        with world.store.begin() as tx:
            world.store.notify(tx, "scheduler")
        wait_for(lambda: bool(executor.running))
    finally:
        stop.set()
        scheduler.wake()
    wait_for(lambda: scheduler._draining)
    executor.finish(next(iter(executor.running)))
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert executor.closed
    assert executor.started_tasks() == ["t000"]  # draining: what ended led to nothing new
    assert world.states() == {"t000": "success", "t001": "scheduled", "t002": "none"}
    (row,) = world.query(dag_run.select())
    assert (row.state, row.lease_owner) == ("running", None)
