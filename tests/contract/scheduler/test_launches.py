"""Between claim and launch: whatever stops there, an attempt is launched once or given up."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event

from support.scheduling import Plan, World, chain, make_dag, task, wide
from tradewind.store.engine import DatabaseError, Store


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture(autouse=True)
def _no_listeners(store: Store) -> Iterator[None]:
    yield
    store.engine.dispose()


def test_a_crash_between_commit_and_launch_loses_no_attempt(world: World) -> None:
    world.publish(chain("d", 2))
    scheduler = world.scheduler("a")
    scheduler._launch = lambda model, attempt: None  # type: ignore[method-assign]  # dies here
    world.trigger("d")
    scheduler.step()
    assert [row.state for row in world.attempts()] == ["queued"]
    world.kill("a")
    world.scheduler("b")
    world.clock.advance(60)
    world.end_leases()
    world.finish_all()
    assert world.run_states() == {"r1": "success"}
    assert [row.state for row in world.attempts()] == ["fenced", "ended", "ended"]
    assert world.instance("t000").try_number == 1


def test_an_ambiguous_commit_launches_the_attempt_all_the_same(world: World) -> None:
    """The commit succeeded, but its answer was lost."""
    world.publish(chain("d", 2))
    scheduler = world.scheduler()
    world.trigger("d")
    begin = world.store.begin
    failures = iter([True, True, False])

    class Ambiguous:
        def __init__(self) -> None:
            self.inner = begin()

        def __enter__(self) -> Any:
            return self.inner.__enter__()

        def __exit__(self, *error: Any) -> Any:
            answer = self.inner.__exit__(*error)
            if error[0] is None and next(failures, False):
                from tradewind.store.errors import DatabaseError

                raise DatabaseError("the server closed the connection", transient=True)
            return answer

    world.store.begin = Ambiguous  # type: ignore[method-assign,assignment]
    scheduler.step()
    world.finish_all()
    assert world.run_states() == {"r1": "success"}
    assert world.executors["a"].started_tasks() == ["t000", "t001"]


def test_a_scheduler_that_is_stopped_between_commit_and_launch(
    world: World, open_store: Callable[[], Store]
) -> None:
    """It launches what is still its own, and nothing that another one has taken over."""
    claims: list[str] = []

    def notice(_tx: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO attempt "):
            claims.append(statement)

    def stop(_tx: Any) -> None:
        if claims:
            claims.clear()
            world.clock.advance(20)

    own = world.store.engine
    event.listen(own, "before_cursor_execute", notice)
    event.listen(own, "commit", stop)
    world.publish(make_dag("d", task("t")))
    world.trigger("d")
    stopped = world.scheduler("a", script=lambda order: Plan(seconds=None))
    while not world.attempts():
        stopped.step()
    assert world.executors["a"].orders == []
    world.settle()
    assert len(world.executors["a"].orders) == 1

    world.trigger("d", "r2")
    while len(world.attempts()) == 1:
        stopped.step()
    taken = world.executors["a"]
    world.schedulers.pop("a")
    world.end_leases()
    world.clock.advance(60)
    world.scheduler("b", store=open_store(), script=lambda order: Plan(seconds=None))
    world.settle()
    world.schedulers["a"] = stopped
    world.run_for(60)
    assert [order.run.run_id for order in taken.orders] == ["r1"]
    assert {order.run.run_id for order in world.executors["b"].orders} == {"r1", "r2"}


def test_what_is_launched_late_takes_its_slot_first(world: World) -> None:
    """What was claimed right before a stop waits for its lease; its slot is not free meanwhile."""
    claims: list[str] = []

    def notice(_tx: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO attempt "):
            claims.append(statement)

    def stop(_tx: Any) -> None:
        if len(claims) == 1:
            claims.append("the scheduler was stopped")
            world.clock.advance(20)

    event.listen(world.store.engine, "before_cursor_execute", notice)
    event.listen(world.store.engine, "commit", stop)
    world.publish(wide("d", 2))
    world.trigger("d")
    world.scheduler(slots=1)
    world.finish_all()
    assert "the scheduler was stopped" in claims
    assert world.executors["a"].most_running == 1
    assert world.run_states() == {"r1": "success"}


def test_a_run_that_is_read_for_longer_than_a_lease_holds_is_launched_all_the_same(
    world: World,
) -> None:
    def read_slowly(_tx: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT task_instance.run_pk"):
            world.clock.advance(20)

    event.listen(world.store.engine, "before_cursor_execute", read_slowly)
    world.publish(make_dag("d", task("t")))
    world.trigger("d")
    scheduler = world.scheduler("a", script=lambda order: Plan(seconds=None))
    for _ in range(10):
        scheduler.step()
    assert len(world.attempts()) == 1
    assert len(world.executors["a"].orders) == 1


def test_intents_found_anew_take_their_slots_first(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit seemed to fail: what it claimed is launched after all, and counts as running."""
    world.publish(wide("d", 3))
    world.scheduler(slots=1)
    world.trigger("d")
    real, answers = store.begin, iter([False])

    @contextmanager
    def begin() -> Iterator[Connection]:
        with real() as tx:
            yield tx
        if not next(answers, True):
            raise DatabaseError("The answer to the commit was lost.", hint="", transient=True)

    monkeypatch.setattr(store, "begin", begin)
    world.finish_all()
    assert world.executors["a"].most_running == 1
    assert set(world.states().values()) == {"success"}
