"""What people do, cleaning up, and schedules: breaches are found, and there are no false alarms."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from contract.scheduler.test_history import broken, found
from support.scheduling import Plan, World, chain, fails_first, make_dag, task
from tradewind.core.dag import CronTrigger
from tradewind.core.history.vocabulary import Statement
from tradewind.core.runs.clearing import Request
from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.scheduler import actions
from tradewind.scheduler.actions import RunChoice
from tradewind.store import cleanup, pools, runs
from tradewind.store.engine import Store
from tradewind.store.schema import attempt, dag_run, history

HOUR = timedelta(hours=1)


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


# --- by hand: the fixture `_behaved` checks the history after each ---------------------------


def test_a_run_is_cleared_again_and_again(world: World) -> None:
    world.publish(chain("d", 4))
    world.scheduler(script=lambda order: Plan(seconds=2))
    world.trigger("d")
    for seconds in (1, 3, 5, 30):
        world.run_for(seconds)
        actions.clear(
            world.store,
            RunChoice("d", ["r1"]),
            Request(task_ids=frozenset({"t001"}), downstream=True),
            now=world.clock.now(),
        )
    world.finish_all()
    assert world.run_states() == {"r1": "success"}


def test_what_waits_is_cleared_from_under_what_is_ready(world: World) -> None:
    """`late` has been found ready and waits for a slot when `early` is cleared."""
    world.add_pool("p", 1)
    world.publish(
        make_dag("d", task("early"), task("holds", pool="p"), task("late", "early", pool="p"))
    )
    world.scheduler(script=lambda order: Plan(seconds=20 if order.task_id == "holds" else 2))
    world.trigger("d")
    world.run_until(lambda: world.states()["late"] == "scheduled")
    early = Request(task_ids=frozenset({"early"}))
    actions.clear(world.store, RunChoice("d", ["r1"]), early, now=world.clock.now())
    world.finish_all()
    left_out = found(world.store).left_out
    assert [statement for statement, _ in left_out] == [Statement.TRIGGER_RULE]


@pytest.mark.parametrize("state", [TaskInstanceState.SUCCESS, TaskInstanceState.FAILED])
def test_a_running_task_is_marked(world: World, state: TaskInstanceState) -> None:
    world.publish(chain("d", 3))
    world.scheduler(script=lambda order: Plan(seconds=10))
    world.trigger("d")
    world.run_for(15)
    request = Request(task_ids=frozenset({"t001"}))
    choice = RunChoice("d", ["r1"])
    actions.mark(world.store, choice, request, state, now=world.clock.now())
    world.finish_all()


def test_a_slot_is_free_before_the_run_knows(world: World) -> None:
    """`a` runs what `b` leases. Its only slot is taken again before `b` hears of the end."""
    for dag_id in ("d", "e"):
        world.publish(chain(dag_id, 1))
    world.scheduler("a", slots=1)
    world.trigger("d", "r1")
    world.settle()
    first = world.schedulers.pop("a")
    with world.store.begin() as tx:
        runs.release_leases(tx, "a")
    world.scheduler("b")
    world.settle()
    second = world.schedulers.pop("b")
    world.schedulers["a"] = first
    world.trigger("e", "r2")
    world.run_for(5)
    assert world.run_states() == {"r1": "running", "r2": "success"}
    world.schedulers["b"] = second
    world.finish_all()
    assert world.run_states() == {"r1": "success", "r2": "success"}


def test_a_run_is_cancelled_and_its_dag_deleted(world: World) -> None:
    world.publish(chain("d", 3))
    world.publish(chain("other", 3))
    world.scheduler(script=lambda order: Plan(seconds=10))
    world.trigger("d")
    world.trigger("other", "r2")
    world.run_for(15)
    actions.mark_run(world.store, "d", "r1", DagRunState.FAILED, now=world.clock.now())
    actions.delete_dag(world.store, "d", now=world.clock.now())
    world.finish_all()
    assert world.run_states() == {"r2": "success"}


def test_a_pool_that_shrank_passes_on_what_fits(world: World) -> None:
    world.add_pool("p", 4)
    world.publish(make_dag("d", *(task(f"t{n}", pool="p") for n in range(8))))
    world.scheduler(script=lambda order: Plan(seconds=60))
    world.trigger("d")
    world.run_for(20)
    with world.store.begin() as tx:
        pools.change(tx, "p", 1, now=world.clock.now())
    world.notify()
    world.run_for(50)
    assert len(world.executors["a"].running) == 1  # what the four gave back was not all taken
    world.finish_all()


def test_old_runs_are_cleaned_away(world: World) -> None:
    daily = make_dag(
        "d",
        task("one"),
        timetable=CronTrigger(crons=["@daily"], timezone="UTC"),
        catchup=True,
        start_date=world.clock.now() - timedelta(days=5),
    )
    world.publish(daily)
    world.plan_next(daily)
    world.scheduler()
    world.finish_all()
    cleared = world.query(select(dag_run).order_by(dag_run.c.logical_date))[0].run_id
    world.run_for(3600)
    cutoff = world.clock.now()
    actions.clear(world.store, RunChoice("d", [cleared]), Request(), now=world.clock.now())
    world.finish_all()
    cleanup.clean(world.store, before=cutoff)
    assert len(world.run_states()) == 2  # the cleared one and the newest one


def test_history_of_an_older_version_is_left_out(world: World) -> None:
    world.publish(chain("d", 2))
    world.scheduler()
    world.trigger("d")
    world.finish_all()
    with world.store.begin() as tx:
        tx.execute(delete(history))
        row = tx.execute(select(dag_run)).one()
        values = {"run_pk": row.id, "event": "unknown", "at": row.queued_at}
        tx.execute(insert(history).values(values))
    findings = found(world.store)
    assert findings.violations == []
    assert {why for _, why in findings.left_out} == {"runs of a version that recorded less"}


# --- leases ---------------------------------------------------------------------------------------


def test_nobody_was_there_to_end_it(world: World) -> None:
    """All schedulers were away: what stood without a lease then is nobody's fault."""
    world.publish(chain("d", 2))
    world.scheduler("a", script=lambda order: Plan(seconds=None))
    world.trigger("d")
    world.settle()
    world.kill("a")
    if world.store.dialect == "postgresql":  # whose clock goes on by itself
        with world.store.begin() as tx:
            tx.execute(update(dag_run).values(lease_until=world.clock.now()))
            tx.execute(update(attempt).values(lease_until=world.clock.now()))
    world.clock.advance(7200)
    world.scheduler("b")
    world.finish_all()
    assert {"fenced"} < {row.state for row in world.attempts()}
    left_out = found(world.store).left_out
    assert [why for statement, why in left_out if statement is Statement.LEASES]


# --- schedules ------------------------------------------------------------------------------------

BERLIN = CronTrigger(crons=["30 2 * * *"], timezone="Europe/Berlin")


@pytest.fixture(params=[datetime(2025, 3, 27, tzinfo=UTC), datetime(2025, 10, 23, tzinfo=UTC)])
def nights(request: pytest.FixtureRequest, world: World) -> World:
    """Half past two, over the nights in which the clocks go forward and back."""
    start: datetime = request.param
    daily = make_dag(
        "d",
        task("one"),
        timetable=BERLIN,
        catchup=True,
        start_date=start,
        end_date=start + timedelta(days=6),
    )
    world.publish(daily)
    world.plan_next(daily)
    world.scheduler()
    world.finish_all()
    return world


def dates(world: World) -> list[datetime]:
    rows = world.query(select(dag_run.c.logical_date).order_by(dag_run.c.logical_date))
    return [row.logical_date for row in rows]


def test_each_night_has_one_run(nights: World) -> None:
    assert found(nights.store).checked[Statement.SLOTS] == len(dates(nights)) == 6


@pytest.mark.tampers
@pytest.mark.parametrize("night", [1, 2, 3, 4])
def test_a_night_without_a_run(nights: World, night: int) -> None:
    missing = dates(nights)[night]

    def tamper(tx: Connection) -> None:
        tx.execute(delete(dag_run).where(dag_run.c.logical_date == missing))

    findings = found(nights.store, tamper)
    assert [each.statement for each in findings.violations] == [Statement.SLOTS]
    assert missing.isoformat() in findings.violations[0].message


@pytest.mark.tampers
@pytest.mark.parametrize("night", [0, 2, 3, 5])
def test_a_night_with_two_runs(nights: World, night: int) -> None:
    """The hour that comes twice, and the one that does not exist, tempt to make a second run."""
    row = nights.query(select(dag_run).order_by(dag_run.c.logical_date))[night]

    def tamper(tx: Connection) -> None:
        twin = {
            **row._mapping,
            "id": 999,
            "run_id": "twin",
            "logical_date": row.logical_date + HOUR,
        }
        tx.execute(insert(dag_run).values(twin))

    assert broken(nights.store, tamper) == {"slots"}


@pytest.mark.tampers
def test_one_date_twice(nights: World) -> None:
    """The index over dates leaves partitioned runs out."""
    row = nights.query(select(dag_run).order_by(dag_run.c.logical_date))[2]

    def tamper(tx: Connection) -> None:
        of = {**row._mapping, "logical_date": None, "partition_key": "p"}
        for number in (998, 999):
            values = {**of, "id": number, "run_id": f"twin{number}"}
            tx.execute(insert(dag_run).values(values))

    found_ = found(nights.store, tamper).violations
    assert any("two runs of the slot" in each.message for each in found_)


# --- choosing -------------------------------------------------------------------------------------


def test_only_about_one_dag_and_since_a_moment(world: World) -> None:
    for dag_id in ("d", "e"):
        world.publish(chain(dag_id, 3))
    world.scheduler(script=fails_first(0))
    world.trigger("d", "r1")
    world.finish_all()
    world.run_for(60)
    since = world.clock.now()
    world.trigger("d", "r2")
    world.trigger("e", "r3")
    world.finish_all()

    def claims(**about: object) -> int:
        return found(world.store, **about).checked[Statement.ONE_AT_A_TIME]

    assert claims() == 9
    assert claims(dag_id="d") == 6
    assert claims(since=since) == 6
    assert claims(dag_id="d", since=since) == 3
