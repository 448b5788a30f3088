"""Every request of user code gets its answer, and only the current attempt may write."""

import queue
from datetime import timedelta
from typing import Any, get_args

import pytest
import sqlalchemy as sa

from support.documents import NOW, add_attempt, add_instance, add_run, document, publish, task
from tradewind.core import protocol
from tradewind.core.dag import (
    AssetRef,
    AssetSchedule,
    CronInterval,
    DeadlineSpec,
    GroupSpec,
    ParamSpec,
    PartitionedAtRuntime,
)
from tradewind.core.protocol import (
    AnswerHitl,
    CountDagRuns,
    CountTaskInstances,
    CreateHitl,
    DeleteState,
    DeleteVariable,
    DeleteXCom,
    Failure,
    GetAssetEvents,
    GetConnection,
    GetDag,
    GetDagRun,
    GetHitl,
    GetInactiveAssets,
    GetPreviousDagRun,
    GetState,
    GetTaskStates,
    GetVariable,
    GetXCom,
    GetXComLength,
    HitlReply,
    Ok,
    OutletEvent,
    SetRenderedFields,
    SetState,
    SetVariable,
    SetXCom,
    TriggerDagRun,
)
from tradewind.core.states import DagRunState, DagRunType, TaskInstanceState
from tradewind.store import (
    asset_events,
    bundles,
    connections,
    dags,
    hitl,
    listings,
    rendered,
    runs,
    triggers,
)
from tradewind.store.asset_events import Source
from tradewind.store.engine import Store, count_statements
from tradewind.store.glance import glance
from tradewind.store.schema import attempt, task_instance, task_state
from tradewind.taskapi.handler import TaskApi

S = TaskInstanceState


class World:
    """DAG "a" with the running run "r", whose task "t" is executed by an attempt."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.api = TaskApi(store)
        with store.begin() as tx:
            publish(tx, document("a", task("t"), task("u", "t")))
            self.run = add_run(tx, "a", "r", triggering_user="ann")
            self.instance = add_instance(tx, self.run, "t", state="running", try_number=1)
            self.attempt = add_attempt(tx, self.run, self.instance)

    def ask(self, message: Any, *, attempt_id: int | None = None) -> Any:
        return self.api.handle(message, attempt_id=attempt_id or self.attempt)

    def supersede(self) -> None:
        with self.store.begin() as tx:
            add_attempt(tx, self.run, self.instance, generation=2)

    def end(self) -> None:
        with self.store.begin() as tx:
            tx.execute(sa.update(attempt).values(state="ended"))


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def refused(reply: Any, kind: str, says: str = "") -> None:
    assert isinstance(reply, Failure), reply
    assert reply.kind == kind
    assert says in reply.message


# --- the fence ------------------------------------------------------------------------------------


def writes(world: World) -> list[Any]:
    me = world.attempt
    return [
        SetXCom(attempt_id=me, key="k", value=1),
        DeleteXCom(attempt_id=me, key="k"),
        SetVariable(key="k", value="v"),
        DeleteVariable(key="k"),
        SetRenderedFields(attempt_id=me, fields={}),
        SetState(attempt_id=me, key="k", value=1),
        DeleteState(attempt_id=me),
        CreateHitl(attempt_id=me, subject="s", options=["o"]),
        TriggerDagRun(dag_id="a", run_id="triggered"),
    ]


def test_every_request_has_an_answer(world: World) -> None:
    from tradewind.taskapi import handler

    answered = handler._READS.keys() | handler._WRITES.keys()
    assert answered == set(get_args(protocol.Request))
    fenced = {type(message) for message in writes(world)}
    assert handler._WRITES.keys() - fenced == {AnswerHitl}  # asked by a trigger's process


def test_the_current_attempt_may_write(world: World) -> None:
    for message in writes(world):
        assert not isinstance(world.ask(message), Failure), message


def test_a_superseded_attempt_writes_nothing(world: World) -> None:
    world.supersede()
    for message in writes(world):
        refused(world.ask(message), "superseded")
    with world.store.read() as tx:
        assert runs.find(tx, "a", "triggered") is None
        assert rendered.get(tx, world.instance) is None


def test_an_attempt_that_has_ended_writes_nothing(world: World) -> None:
    world.end()
    for message in writes(world):
        refused(world.ask(message), "superseded")


def test_nobody_writes_in_anothers_name(world: World) -> None:
    world.supersede()
    refused(
        world.ask(SetXCom(attempt_id=world.attempt, key="k", value=1), attempt_id=999), "invalid"
    )


def test_processes_without_an_attempt_may_write_variables(world: World) -> None:
    assert world.api.handle(SetVariable(key="k", value="v"), attempt_id=None) == Ok()


def test_the_fence_holds_until_the_write_is_stored(postgresql_url: str) -> None:
    """The scheduler cannot supersede an attempt between the check and the commit of a write."""
    world = World(Store(postgresql_url))
    with world.store.begin() as tx:
        listings.instance_of_attempt(tx, world.attempt, current_only=True, lock=True)
        with world.store.begin() as other:
            other.execute(sa.text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
                other.execute(sa.update(task_instance).values(attempt_id=None))
            other.rollback()
    world.store.close()


# --- XComs ----------------------------------------------------------------------------------------


def test_xcoms_of_an_unmapped_task(world: World) -> None:
    get = GetXCom(dag_id="a", run_id="r", task_id="t", key="k")
    assert world.ask(get) == protocol.XComReply(found=False)
    world.ask(SetXCom(attempt_id=world.attempt, key="k", value={"x": [1]}))
    assert world.ask(get) == protocol.XComReply(found=True, value={"x": [1]})
    world.ask(SetXCom(attempt_id=world.attempt, key="k", value=None))
    assert world.ask(get) == protocol.XComReply(found=True, value=None)
    world.ask(DeleteXCom(attempt_id=world.attempt, key="k"))
    assert not world.ask(get).found


def test_xcoms_of_a_mapped_task(world: World) -> None:
    with world.store.begin() as tx:
        for index, value in ((2, "c"), (0, "a"), (1, None), (3, "d")):
            pk = add_attempt(tx, world.run, add_instance(tx, world.run, "m", index))
            world.attempt = pk
            values = {"run_pk": world.run, "task_id": "m", "map_index": index, "key": "k"}
            from tradewind.store import xcoms

            xcoms.put(tx, [{**values, "value": value, "timestamp": NOW}])

    def get(map_index: int | list[int] | None) -> tuple[bool, Any]:
        message = GetXCom(dag_id="a", run_id="r", task_id="m", key="k", map_index=map_index)
        reply = world.ask(message)
        return reply.found, reply.value

    assert get(None) == (True, ["a", "c", "d"])
    assert get(3) == (True, "d")
    assert get(1) == (True, None)
    assert get(-1) == (False, None)
    assert get([3, 1, 0]) == (True, ["d", "a"])
    length = GetXComLength(dag_id="a", run_id="r", task_id="m", key="k")
    assert world.ask(length).count == 4


def test_xcoms_of_earlier_runs(world: World) -> None:
    with world.store.begin() as tx:
        add_run(tx, "a", "later", run_after=NOW + timedelta(days=1))
    world.ask(SetXCom(attempt_id=world.attempt, key="k", value=7))
    get = GetXCom(dag_id="a", run_id="later", task_id="t", key="k", include_prior_dates=True)
    assert world.ask(get).value == 7
    assert not world.ask(GetXCom(dag_id="a", run_id="later", task_id="t", key="k")).found


# --- variables and connections --------------------------------------------------------------------


def test_variables(world: World) -> None:
    assert world.ask(GetVariable(key="k")) == protocol.VariableReply(found=False)
    world.ask(SetVariable(key="k", value="v", description="d"))
    assert world.ask(GetVariable(key="k")) == protocol.VariableReply(found=True, value="v")
    world.ask(DeleteVariable(key="k"))
    assert not world.ask(GetVariable(key="k")).found


def test_what_postgresql_cannot_store_is_refused_and_nothing_breaks(postgresql_url: str) -> None:
    world = World(Store(postgresql_url))
    refused(world.ask(SetVariable(key="k", value="a\0b")), "invalid", "cannot be stored")
    refused(world.ask(SetVariable(key="k" * 300, value="v")), "invalid", "too long")
    assert world.ask(SetVariable(key="k", value="v")) == Ok()
    world.store.close()


def test_connections(world: World) -> None:
    value = protocol.ConnectionValue(conn_id="c", conn_type="http", password="secret", port=80)
    with world.store.begin() as tx:
        connections.put(tx, value)
    assert world.ask(GetConnection(conn_id="c")).connection == value
    assert world.ask(GetConnection(conn_id="none")).connection is None


# --- state stores ---------------------------------------------------------------------------------


def test_task_and_asset_state(world: World) -> None:
    me = world.attempt
    assert not world.ask(GetState(attempt_id=me, key="k")).found
    world.ask(SetState(attempt_id=me, key="k", value=1))
    world.ask(SetState(attempt_id=me, key="k", value=2, asset_name="x"))
    assert world.ask(GetState(attempt_id=me, key="k")).value == 1
    assert world.ask(GetState(attempt_id=me, key="k", asset_name="x")).value == 2
    world.supersede()  # reading is no matter of the fence
    assert world.ask(GetState(attempt_id=me, key="k")).value == 1
    refused(world.api.handle(GetState(attempt_id=999, key="k"), attempt_id=None), "not_found")


def test_state_is_kept_as_long_as_it_or_the_setting_says(world: World) -> None:
    for key, seconds in (("default", None), ("ever", 0), ("minute", 60.0)):
        world.ask(SetState(attempt_id=world.attempt, key=key, value=1, retention_seconds=seconds))
    with world.store.read() as tx:
        kept = {
            row.key: None if row.expires_at is None else row.expires_at - row.updated_at
            for row in tx.execute(sa.select(task_state))
        }
    assert kept == {"default": timedelta(days=30), "ever": None, "minute": timedelta(minutes=1)}


def test_deleting_state(world: World) -> None:
    me = world.attempt
    for key in ("k", "l"):
        world.ask(SetState(attempt_id=me, key=key, value=1))
        world.ask(SetState(attempt_id=me, key=key, value=1, asset_name="x"))
    world.ask(DeleteState(attempt_id=me, key="k"))
    assert not world.ask(GetState(attempt_id=me, key="k")).found
    assert world.ask(GetState(attempt_id=me, key="l")).found
    world.ask(DeleteState(attempt_id=me, all_map_indexes=True))
    assert not world.ask(GetState(attempt_id=me, key="l")).found
    world.ask(DeleteState(attempt_id=me, asset_name="x"))
    assert not world.ask(GetState(attempt_id=me, key="l", asset_name="x")).found


# --- rendered fields and questions ----------------------------------------------------------------


def test_rendered_fields_cost_one_statement(world: World) -> None:
    with count_statements(world.store) as counter:
        reply = world.ask(SetRenderedFields(attempt_id=world.attempt, fields={"cmd": "echo"}))
    assert reply == Ok()
    assert counter.count == 1
    with world.store.read() as tx:
        assert rendered.get(tx, world.instance) == {"cmd": "echo"}


def test_a_question_and_its_answer(world: World) -> None:
    get = GetHitl(task_instance_id=world.instance)
    assert world.ask(get) == HitlReply(answered=False)
    world.ask(
        CreateHitl(
            attempt_id=world.attempt,
            subject="Ship it?",
            options=["yes", "no"],
            defaults=["no"],
            assignees=[{"id": "ann"}],
        )
    )
    assert world.ask(get) == HitlReply(answered=False)
    with world.store.begin() as tx:
        hitl.answer(tx, world.instance, chosen=["yes"], params={"p": 1}, by="ann", now=NOW)
    answered = HitlReply(answered=True, chosen=["yes"], params={"p": 1}, by="ann")
    assert world.ask(get) == answered
    late = AnswerHitl(task_instance_id=world.instance, chosen=["no"])
    assert world.api.handle(late, attempt_id=None) == answered  # a person's answer stands


def test_the_trigger_answers_with_the_defaults(world: World) -> None:
    world.ask(CreateHitl(attempt_id=world.attempt, subject="s", options=["yes", "no"]))
    message = AnswerHitl(task_instance_id=world.instance, chosen=["no"], params={"p": 2})
    assert world.api.handle(message, attempt_id=None) == HitlReply(
        answered=True, chosen=["no"], params={"p": 2}
    )


# --- DAGs, runs, task instances -------------------------------------------------------------------


def test_dags(world: World) -> None:
    with world.store.begin() as tx:
        publish(
            tx,
            document(
                "g",
                task("g1.x", group_id="g1"),
                groups=[GroupSpec(group_id="g1", label="g1")],
            ),
        )
        dags.set_paused(tx, ["g"], True)
    assert world.ask(GetDag(dag_id="none")) == protocol.DagReply(exists=False)
    assert world.ask(GetDag(dag_id="a", task_ids=["t", "missing"])) == protocol.DagReply(
        exists=True, missing_task_ids=["missing"]
    )
    assert world.ask(GetDag(dag_id="g", task_group_id="g1")) == protocol.DagReply(
        exists=True, is_paused=True
    )
    assert not world.ask(GetDag(dag_id="g", task_group_id="g2")).has_task_group
    with world.store.begin() as tx:
        dags.mark_stale(tx, "main", ["g.py"])
    assert not world.ask(GetDag(dag_id="g")).exists


def test_runs(world: World) -> None:
    with world.store.begin() as tx:
        publish(tx, document("c", timetable=AssetSchedule(condition=AssetRef(name="x", uri="x"))))
        pk = add_run(tx, "c", "c1", logical_date=NOW, state="success", conf={"k": 1}, note="n")
        add_run(tx, "c", "c2", logical_date=NOW + timedelta(days=1), state="failed")
        events = asset_events.add_events(
            tx, Source(dag_id="a"), [OutletEvent(asset_name="x", asset_uri="x")], now=NOW
        )
        runs.add_consumed_events(tx, pk, [events[0].id])
    found = world.ask(GetDagRun(dag_id="c", run_id="c1")).run
    assert (found.run_id, found.state, found.conf, found.note) == (
        "c1",
        DagRunState.SUCCESS,
        {"k": 1},
        "n",
    )
    assert found.version_number == 1
    assert [e.source_dag_id for e in found.consumed_asset_events] == ["a"]
    assert world.ask(GetDagRun(dag_id="c", logical_date=NOW)).run.run_id == "c1"
    assert world.ask(GetDagRun(dag_id="c", run_id="none")).run is None
    refused(world.ask(GetDagRun(dag_id="c")), "invalid")

    def previous(**fields: Any) -> str | None:
        before = NOW + timedelta(days=5)
        reply = world.ask(GetPreviousDagRun(dag_id="c", before=before, **fields))
        return reply.run.run_id if reply.run else None

    assert previous() == "c2"
    assert previous(state=DagRunState.SUCCESS) == "c1"
    assert previous(state=DagRunState.RUNNING) is None

    def count(**fields: Any) -> int:
        number: int = world.ask(CountDagRuns(dag_id="c", **fields)).count
        return number

    assert count() == 2
    assert count(states=[DagRunState.FAILED]) == 1
    assert count(run_ids=["c1", "x"]) == 1
    assert count(logical_dates=[NOW]) == 1


@pytest.fixture
def grouped(world: World) -> World:
    with world.store.begin() as tx:
        publish(
            tx,
            document(
                "g",
                task("x"),
                task("o.y", group_id="o"),
                task("o.i.z", group_id="o.i"),
                groups=[
                    GroupSpec(group_id="o", label="o"),
                    GroupSpec(group_id="o.i", label="i", parent="o"),
                ],
            ),
        )
        run = add_run(tx, "g", "r", logical_date=NOW)
        add_instance(tx, run, "x", state="success")
        add_instance(tx, run, "o.y", state="failed")
        for index in range(2):
            add_instance(tx, run, "o.i.z", index, state="success")
    return world


def test_task_instances_are_counted(grouped: World) -> None:
    def count(**fields: Any) -> int:
        number: int = grouped.ask(CountTaskInstances(dag_id="g", **fields)).count
        return number

    assert count() == 4
    assert count(task_ids=["x", "o.y"]) == 2
    assert count(task_ids=["x", "o.y"], states=[S.SUCCESS]) == 1
    assert count(task_group_id="o") == 3
    assert count(task_group_id="o.i", map_index=1) == 1
    assert count(task_group_id="o", task_ids=["x", "o.y"]) == 1
    assert count(logical_dates=[NOW], run_ids=["r"]) == 4
    assert count(run_ids=["other"]) == 0
    refused(grouped.ask(CountTaskInstances(dag_id="g", task_group_id="no")), "not_found")


def test_task_states(grouped: World) -> None:
    states = grouped.ask(GetTaskStates(dag_id="g", task_ids=["x"], task_group_id="o.i")).states
    assert states == {"r": {"x": S.SUCCESS, "o.i.z_0": S.SUCCESS, "o.i.z_1": S.SUCCESS}}
    assert grouped.ask(GetTaskStates(dag_id="g", map_index=0)).states == {
        "r": {"o.i.z_0": S.SUCCESS}
    }
    assert grouped.ask(GetTaskStates(dag_id="none")).states == {}


def test_asset_events(world: World) -> None:
    with world.store.begin() as tx:
        for minutes in range(3):
            event = OutletEvent(asset_name="x", asset_uri="u", alias="al", extra={"n": minutes})
            asset_events.add_events(tx, Source(), [event], now=NOW + timedelta(minutes=minutes))

    def numbers(**fields: Any) -> list[int]:
        return [event.extra["n"] for event in world.ask(GetAssetEvents(**fields)).events]

    assert numbers(asset_name="x") == [0, 1, 2]
    assert numbers(asset_uri="u", limit=2, ascending=False) == [2, 1]
    assert numbers(alias="al", after=NOW + timedelta(minutes=1)) == [1, 2]
    refused(world.ask(GetAssetEvents()), "invalid")


# --- triggering -----------------------------------------------------------------------------------


def test_assets_that_lost_their_name_or_uri(world: World) -> None:
    winner, loser = AssetRef(name="x", uri="s3://x"), AssetRef(name="y", uri="s3://x")
    with world.store.begin() as tx:
        publish(tx, document("first", task("t", outlets=[winner])))
        publish(tx, document("second", task("t", inlets=[loser]), task("u")))

    def inactive(dag_id: str, task_id: str) -> Any:
        return world.ask(GetInactiveAssets(dag_id=dag_id, task_id=task_id)).assets

    assert inactive("second", "t") == [("y", "s3://x")]
    assert inactive("first", "t") == inactive("second", "u") == []


def test_a_task_triggers_a_run(world: World) -> None:
    with world.store.begin() as tx:
        publish(tx, document("b", timetable=CronInterval(cron="0 0 * * *")), digest="d7")
    heard: queue.Queue[str] = queue.Queue()
    listener = world.store.listen(["scheduler"], heard.put)
    reply = world.ask(
        TriggerDagRun(
            dag_id="b",
            run_id="mine",
            conf={"k": 1},
            logical_date=NOW,
            run_after=NOW,
            note="n",
            triggered_by_attempt=world.attempt,
        )
    )
    assert heard.get(timeout=30) == "scheduler"
    listener.close()
    run = reply.run
    assert (run.run_id, run.run_type, run.state) == (
        "mine",
        DagRunType.OPERATOR_TRIGGERED,
        DagRunState.QUEUED,
    )
    assert (run.logical_date, run.conf, run.note, run.triggering_user) == (
        NOW,
        {"k": 1},
        "n",
        "ann",
    )
    assert run.interval_end == NOW.replace(hour=0)
    assert run.interval_start == run.interval_end - timedelta(days=1)
    with world.store.read() as tx:
        row = runs.find(tx, "b", "mine")
    assert row is not None
    assert (row.digest, row.needs_attention) == ("d7", True)


def test_a_run_without_a_logical_date_gets_an_id_of_its_own(world: World) -> None:
    first, second = (world.ask(TriggerDagRun(dag_id="a", run_after=NOW)).run for _ in range(2))
    assert first.run_id.startswith("operator_triggered__2026-03-01T12:00:00+00:00_")
    assert first.run_id != second.run_id
    assert first.logical_date is None
    assert first.interval_start is None


def test_an_existing_run_is_a_conflict(world: World) -> None:
    message = TriggerDagRun(dag_id="a", run_id="new", logical_date=NOW)
    assert world.ask(message).run.run_id == "new"
    refused(world.ask(message), "conflict", "id new")
    refused(world.ask(TriggerDagRun(dag_id="a", run_id="other", logical_date=NOW)), "conflict")


def test_an_existing_run_is_set_going_again(world: World) -> None:
    with world.store.begin() as tx:
        publish(tx, document("b", task("t", retries=2), task("u", "t"), task("v", "t")))
        pk = add_run(tx, "b", "r", state="failed", start_date=NOW, end_date=NOW)
        done = add_instance(tx, pk, "t", state="failed", try_number=3, end_date=NOW)
        add_instance(tx, pk, "u", state="upstream_failed")
        waiting = add_instance(tx, pk, "v", state="deferred")
        triggers.add(
            tx,
            [
                {
                    "task_instance_id": waiting,
                    "run_pk": pk,
                    "classpath": "x.T",
                    "kwargs": {},
                    "bundle_name": "main",
                    "digest": "d1",
                    "created_at": NOW,
                }
            ],
        )
        before = runs.find(tx, "b", "r")
        assert before is not None
    run = world.ask(TriggerDagRun(dag_id="b", run_id="r", reset=True)).run
    assert (run.state, run.start_date, run.end_date) == (DagRunState.QUEUED, None, None)
    with world.store.read() as tx:
        rows = listings.instances(tx, listings.RunFilter(dag_id="b"))
        assert {row.task_id: row.state for row in rows} == dict.fromkeys("tuv", "none")
        assert {row.id: row.max_tries for row in rows}[done] == 5
        assert triggers.counts(tx) == {}
        after = runs.find(tx, "b", "r")
    assert after is not None
    assert after.revision == before.revision + 1
    assert after.needs_attention


@pytest.mark.parametrize(
    ("fields", "message", "kind", "says"),
    [
        ({}, {"dag_id": "none"}, "not_found", "no DAG 'none'"),
        ({"allowed_run_types": ["manual"]}, {}, "invalid", "does not allow"),
        ({"params": {"p": ParamSpec(has_default=False)}}, {}, "invalid", "param p"),
        (
            {"params": {"p": ParamSpec(default=1, schema={"type": "integer"})}},
            {"conf": {"p": "x"}},
            "invalid",
            "param p",
        ),
        ({}, {"run_id": "a/b"}, "invalid", "not allowed"),
        ({}, {"partition_key": "k"}, "invalid", "not partitioned"),
    ],
)
def test_runs_that_may_not_be(
    world: World, fields: dict[str, Any], message: dict[str, Any], kind: str, says: str
) -> None:
    with world.store.begin() as tx:
        publish(tx, document("b", **fields))
    refused(world.ask(TriggerDagRun(**{"dag_id": "b"} | message)), kind, says)


def test_what_runs_in_a_run_that_starts_over_starts_again(world: World) -> None:
    reply = world.ask(TriggerDagRun(dag_id="a", run_id="r", reset=True))  # its own run, even
    assert reply.run.state is DagRunState.RUNNING
    with world.store.read() as tx:
        (row,) = listings.instances(tx, listings.RunFilter(dag_id="a"))
    assert row.state == "restarting"


def test_a_triggered_run_has_its_deadlines(world: World) -> None:
    spec = DeadlineSpec(reference="DagRunQueuedAtDeadline", interval_seconds=60.0)
    with world.store.begin() as tx:
        publish(tx, document("b", deadlines=[spec]))
    world.ask(TriggerDagRun(dag_id="b"))
    with world.store.read() as tx:
        due_at = glance(tx, "s", now=NOW).next_deadline_at
    assert due_at is not None
    assert due_at > NOW


def test_a_partitioned_dag_takes_a_key(world: World) -> None:
    with world.store.begin() as tx:
        publish(tx, document("b", timetable=PartitionedAtRuntime()))
    assert world.ask(TriggerDagRun(dag_id="b", partition_key="k")).run.partition_key == "k"


def test_a_dag_with_import_errors_is_not_triggered(world: World) -> None:
    with world.store.begin() as tx:
        bundles.put_import_error(
            tx, "main", "a.py", message="m", stacktrace="s", line=None, hint=None, now=NOW
        )
    refused(world.ask(TriggerDagRun(dag_id="a")), "invalid", "cannot be imported")
