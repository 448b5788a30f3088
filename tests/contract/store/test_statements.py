"""The smaller nouns: what is put can be got, filtered and removed, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from support.documents import NOW, add_attempt, add_instance, add_run, document, publish, task
from tradewind.core.errors import Conflict
from tradewind.core.protocol import ConnectionValue
from tradewind.store import (
    bundles,
    callbacks,
    connections,
    deadlines,
    event_log,
    hitl,
    listings,
    pools,
    processes,
    rendered,
    states,
    triggers,
    variables,
    xcoms,
)
from tradewind.store.engine import Store
from tradewind.store.glance import glance
from tradewind.store.listings import InstanceFilter, RunFilter
from tradewind.store.xcoms import XComName

MINUTE = timedelta(minutes=1)


# --- bundles --------------------------------------------------------------------------------------


def test_a_bundle_remembers_its_last_refresh_and_its_error(store: Store) -> None:
    with store.begin() as tx:
        bundles.record_refresh(tx, "main", kind="folder", digest="d1", version="v", now=NOW)
        bundles.record_error(tx, "main", kind="folder", error="unreadable")
        row = bundles.get(tx, "main")
        assert row is not None
        assert (row.digest, row.version, row.error) == ("d1", "v", "unreadable")
        bundles.record_refresh(tx, "main", kind="folder", digest="d2", version=None, now=NOW)
        row = bundles.get(tx, "main")
        assert row is not None
        assert (row.digest, row.version, row.error) == ("d2", None, None)
        bundles.add_snapshot(tx, "d2", bundle_name="main", version=None, size_bytes=5, now=NOW)
        bundles.add_snapshot(tx, "d2", bundle_name="else", version=None, size_bytes=9, now=NOW)
        snapshot = bundles.get_snapshot(tx, "d2")
        assert snapshot is not None
        assert (snapshot.bundle_name, snapshot.size_bytes) == ("main", 5)


def test_files_and_their_errors(store: Store) -> None:
    def file(path: str, **values: Any) -> dict[str, Any]:
        return {"bundle_name": "main", "path": path, "dag_count": 1, "parse_seconds": 0.1, **values}

    with store.begin() as tx:
        bundles.record_refresh(tx, "main", kind="folder", digest=None, version=None, now=NOW)
        bundles.put_files(tx, [file("a.py"), file("b.py", parse_seconds=2.0)])
        bundles.put_files(tx, [file("a.py", dag_count=3)])
        assert [(f.path, f.dag_count) for f in bundles.files(tx, "main")] == [
            ("a.py", 3),
            ("b.py", 1),
        ]
        assert [f.path for f in bundles.all_files(tx)] == ["b.py", "a.py"]
        for path in ("a.py", "b.py", "a.py"):
            bundles.put_import_error(
                tx, "main", path, message="m\0", stacktrace="s", line=7, hint="h", now=NOW
            )
        errors = bundles.import_errors(tx, bundle_name="main")
        assert [(e.path, e.line, e.message) for e in errors] == [
            ("a.py", 7, "m\ufffd"),
            ("b.py", 7, "m\ufffd"),
        ]
        assert bundles.has_import_error(tx, "main", "a.py")
        bundles.clear_import_errors(tx, "main", ["a.py"])
        assert not bundles.has_import_error(tx, "main", "a.py")
        bundles.remove_files(tx, "main", ["b.py"])
        assert [f.path for f in bundles.files(tx, "main")] == ["a.py"]
        assert bundles.import_errors(tx) == []
        bundles.remove_outside(tx, ["other"])
        assert bundles.listing(tx) == []
        assert bundles.files(tx, "main") == []


# --- variables, connections, pools ----------------------------------------------------------------


def test_variables(store: Store) -> None:
    with store.begin() as tx:
        variables.put(tx, "k", "1", "what it is for")
        variables.put(tx, "k", "2")
        assert variables.get(tx, "k") == "2"
        assert [(v.key, v.value, v.description) for v in variables.listing(tx)] == [
            ("k", "2", "what it is for")
        ]
        assert variables.existing(tx, ["k", "other"]) == {"k"}
        assert variables.remove(tx, "k")
        assert not variables.remove(tx, "k")
        assert variables.get(tx, "k") is None


def test_connections_are_replaced_as_a_whole(store: Store) -> None:
    full = ConnectionValue(
        conn_id="c",
        conn_type="http",
        host="h",
        schema="s",
        login="l",
        password="p",
        port=1,
        extra="{}",
        description="d",
    )
    bare = ConnectionValue(conn_id="c", conn_type="fs")
    with store.begin() as tx:
        connections.put(tx, full)
        assert connections.get(tx, "c") == full
        connections.put(tx, bare)
        assert connections.get(tx, "c") == bare
        assert connections.listing(tx, conn_type="http") == []
        assert connections.listing(tx) == [bare]
        assert connections.existing(tx, ["c", "x"]) == {"c"}
        assert connections.remove(tx, "c")
        assert not connections.remove(tx, "c")
        assert connections.get(tx, "c") is None


def test_pools(store: Store) -> None:
    with store.begin() as tx:
        pools.put(tx, "p", 3, description="d", include_deferred=True)
        pools.put(tx, "p", 5)
        row = pools.get(tx, "p")
        assert row is not None
        assert (row.slots, row.occupied, row.include_deferred) == (5, 0, False)
        assert [pool.name for pool in pools.listing(tx)] == ["default_pool", "p"]
        assert pools.remove(tx, "p", now=NOW)
        assert not pools.remove(tx, "p", now=NOW)
        with pytest.raises(Conflict, match="default_pool"):
            pools.remove(tx, "default_pool", now=NOW)


def test_pool_usage_counts_slots_by_state(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        run = add_run(tx, "a", "r")
        for index, (state, slots) in enumerate(
            [("running", 2), ("restarting", 1), ("queued", 4), ("deferred", 8), ("success", 16)]
        ):
            add_instance(tx, run, "t", index, state=state, pool="p", pool_slots=slots)
        usage = pools.usage(tx)
    assert [(u.pool, u.running, u.queued, u.deferred) for u in usage] == [("p", 3, 4, 8)]


# --- XComs ----------------------------------------------------------------------------------------


def test_xcoms_by_run_index_and_key(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        run = add_run(tx, "a", "r")

        def put(map_index: int, value: object, key: str = "k") -> None:
            row = {"run_pk": run, "task_id": "t", "map_index": map_index, "key": key}
            xcoms.put(tx, [{**row, "value": value, "timestamp": NOW}])

        name = XComName("a", "r", "t", "k")
        assert xcoms.values(tx, name) == {}
        for index in (2, 0, 1):
            put(index, index)
        put(1, None)
        put(0, {"z": 1, "a": [1.5, "\0"]})
        put(0, "other", key="other")
        values = xcoms.values(tx, name)
        assert values == {0: {"z": 1, "a": [1.5, "\0"]}, 1: None, 2: 2}
        assert list(values) == [0, 1, 2]
        assert list(values[0]) == ["z", "a"]  # the order is the user's
        assert xcoms.count(tx, name) == 3
        assert [(x.map_index, x.key) for x in xcoms.of_run(tx, run, task_id="t")] == [
            (0, "k"),
            (0, "other"),
            (1, "k"),
            (2, "k"),
        ]
        assert xcoms.remove(tx, (run, "t", 2), "k")
        assert not xcoms.remove(tx, (run, "t", 2), "k")
        xcoms.clear(tx, [(run, "t", 0), (run, "t", 1)])
        assert xcoms.of_run(tx, run) == []


def test_numbers_stay_what_they_are(store: Store) -> None:
    numbers = [1.0, 0.5, 2**63, 2**64 - 1, -(2**63), 1e300]
    with store.begin() as tx:
        publish(tx, document("a"))
        row = {"run_pk": add_run(tx, "a", "r"), "task_id": "t", "key": "k", "timestamp": NOW}
        xcoms.put(tx, [{**row, "map_index": i, "value": n} for i, n in enumerate(numbers)])
        values = list(xcoms.values(tx, XComName("a", "r", "t", "k")).values())
    assert values == numbers
    assert list(map(type, values)) == list(map(type, numbers))


def test_the_newest_earlier_xcom(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        for day in range(4):
            pk = add_run(tx, "a", f"r{day}", logical_date=NOW + timedelta(days=day))
            if day in (0, 1, 3):
                row = {"run_pk": pk, "task_id": "t", "map_index": -1, "key": "k"}
                xcoms.put(tx, [{**row, "value": day, "timestamp": NOW}])
        found = [xcoms.newest_values(tx, XComName("a", f"r{day}", "t", "k")) for day in range(4)]
        assert found == [{-1: 0}, {-1: 1}, {-1: 1}, {-1: 3}]
        assert xcoms.newest_values(tx, XComName("a", "r3", "other", "k")) == {}
        assert xcoms.newest_values(tx, XComName("a", "unknown run", "t", "k")) == {}


# --- triggers, callbacks, deadlines ---------------------------------------------------------------


def trigger_row(**values: Any) -> dict[str, Any]:
    return {
        "task_instance_id": None,
        "run_pk": None,
        "classpath": "x.T",
        "kwargs": {"a": 1},
        "bundle_name": "main",
        "digest": "d",
        "created_at": NOW,
        **values,
    }


def test_triggers_are_leased_renewed_and_taken_over(store: Store) -> None:
    """Leases of the past and the far future, because PostgreSQL's own clock judges them."""
    with store.begin() as tx:
        publish(tx, document("a"))
        run = add_run(tx, "a", "r")
        instance = add_instance(tx, run, "t")
        triggers.add(tx, [trigger_row(task_instance_id=instance, run_pk=run), trigger_row()])
    now = store.clock.now()

    def claim(owner: str, seconds: float = 3600, **more: Any) -> list[int]:
        with store.begin() as tx:
            return triggers.claim(tx, owner, now=now, seconds=seconds, limit=9, **more)

    assert claim("one", queues=["gpu"]) == []
    first, second = claim("one", seconds=-60)  # its lease is over at once
    assert claim("two", queues=["default"]) == [first, second]
    assert claim("three") == []
    with store.begin() as tx:
        assert triggers.renew(tx, "one", now=now, seconds=60) == set()
        assert triggers.renew(tx, "two", now=now, seconds=60) == {first, second}
        assert triggers.counts(tx) == {"two": 2}
        assert triggers.remove(tx, [second, second + 1]) == {second}
        triggers.release(tx, "two")
        assert triggers.counts(tx) == {None: 1}
        triggers.remove_of_instances(tx, [instance])
        assert triggers.counts(tx) == {}


def test_two_triggerers_share_without_waiting(postgresql_url: str) -> None:
    one, two = Store(postgresql_url), Store(postgresql_url)
    with one.begin() as tx:
        triggers.add(tx, [trigger_row() for _ in range(4)])
    with one.begin() as tx, two.begin() as other:
        mine = triggers.claim(tx, "one", now=NOW, seconds=60, limit=2)
        theirs = triggers.claim(other, "two", now=NOW, seconds=60, limit=9)
    assert len(mine) == 2
    assert len(theirs) == 2
    assert not set(mine) & set(theirs)
    one.close()
    two.close()


def test_callbacks_are_run_again_when_their_owner_is_lost(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        run = add_run(tx, "a", "r")
        row = {"run_pk": run, "task_instance_id": None, "reason": "r", "created_at": NOW}
        callbacks.add(tx, [{**row, "kinds": ["on_failure"]}, {**row, "kinds": ["on_success"]}])
    now = store.clock.now()
    with store.begin() as tx:
        first, second = callbacks.claim(tx, "one", now=now, seconds=-60, limit=9)
        assert (first.kinds, first.tries, second.kinds) == (["on_failure"], 1, ["on_success"])
    with store.begin() as tx:
        again, _ = callbacks.claim(tx, "two", now=now, seconds=60, limit=9)
        assert (again.id, again.tries) == (first.id, 2)
        assert callbacks.claim(tx, "three", now=now, seconds=60, limit=9) == []
        callbacks.renew(tx, "two", now=now, seconds=60)
        assert callbacks.finish(tx, [first.id], owner="one", error=None, now=now) == 0
        assert callbacks.finish(tx, [first.id], owner="two", error="boom", now=now) == 1
        assert callbacks.finish(tx, [second.id], owner="two", error=None, now=now) == 1
        rows = callbacks.of_run(tx, run)
    assert [(row.state, row.error, row.lease_owner) for row in rows] == [
        ("failed", "boom", None),
        ("success", None, None),
    ]


def test_deadlines(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        run, other = add_run(tx, "a", "r"), add_run(tx, "a", "s")
        deadlines.add(
            tx,
            [
                {"run_pk": run, "position": 0, "due_at": NOW + 2 * MINUTE},
                {"run_pk": run, "position": 1, "due_at": NOW + MINUTE},
                {"run_pk": other, "position": 0, "due_at": NOW + 9 * MINUTE},
            ],
        )
        assert glance(tx, "s", now=NOW).next_deadline_at == NOW + MINUTE
        due = deadlines.due(tx, now=NOW + 2 * MINUTE, limit=9)
        assert [row.position for row in due] == [1, 0]
        deadlines.mark_missed(tx, [due[0].id])
        assert [row.position for row in deadlines.due(tx, now=NOW + 2 * MINUTE, limit=9)] == [0]
        deadlines.remove_open_of_runs(tx, [run])
        assert glance(tx, "s", now=NOW).next_deadline_at == NOW + 9 * MINUTE


# --- of task instances ----------------------------------------------------------------------------


def test_questions_are_answered_once_and_put_anew_by_another_try(store: Store) -> None:
    def ask(subject: str, minutes: int, queued: int) -> None:
        hitl.ask(
            tx,
            instance,
            attempt_queued_at=NOW + queued * MINUTE,
            subject=subject,
            options=["yes", "no"],
            created_at=NOW + minutes * MINUTE,
        )

    with store.begin() as tx:
        publish(tx, document("a"))
        instance = add_instance(tx, add_run(tx, "a", "r"), "t")
        assert not hitl.answer(tx, instance, chosen=["yes"], params={}, by="ann", now=NOW)
        ask("first", 1, 0)
        ask("the same attempt again", 2, 0)
        (question,) = hitl.listing(tx)
        assert (question.subject, question.dag_id, question.task_id) == ("first", "a", "t")
        assert hitl.answer(tx, instance, chosen=["yes"], params={"p": 1}, by="ann", now=NOW)
        assert not hitl.answer(tx, instance, chosen=["no"], params={}, by="bob", now=NOW)
        ask("late repetition", 3, 0)
        row = hitl.get(tx, instance)
        assert row is not None
        assert (row.subject, row.chosen, row.answered_by) == ("first", ["yes"], "ann")
        assert hitl.listing(tx) == []
        assert len(hitl.listing(tx, open_only=False)) == 1
        ask("the next try", 6, 5)
        row = hitl.get(tx, instance)
        assert row is not None
        assert (row.subject, row.chosen, row.answered_at) == ("the next try", None, None)


def test_states_expire_and_are_removed(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        run = add_run(tx, "a", "r")
        for index in (0, 1):
            states.put_task(tx, run, "t", index, "k", index, now=NOW, expires_at=NOW + MINUTE)
            states.put_task(tx, run, "t", index, "k", [index], now=NOW, expires_at=NOW + MINUTE)
        states.put_task(tx, run, "t", 0, "kept", None, now=NOW, expires_at=None)
        states.put_asset(tx, "x", "k", {"a": 1}, now=NOW, expires_at=None)
        states.put_asset(tx, "x", "old", 1, now=NOW, expires_at=NOW)
        assert states.get_task(tx, run, "t", 0, "k", now=NOW) == (True, [0])
        assert states.get_task(tx, run, "t", 0, "k", now=NOW + MINUTE) == (False, None)
        assert states.get_task(tx, run, "t", 0, "kept", now=NOW) == (True, None)
        assert states.get_asset(tx, "x", "k", now=NOW) == (True, {"a": 1})
        assert states.remove_expired(tx, now=NOW) == 1
        states.remove_task(tx, run, "t", 0, "k")
        assert states.get_task(tx, run, "t", 0, "k", now=NOW) == (False, None)
        assert states.get_task(tx, run, "t", 1, "k", now=NOW) == (True, [1])
        states.remove_task(tx, run, "t", None, None)
        assert states.get_task(tx, run, "t", 0, "kept", now=NOW) == (False, None)
        assert states.get_task(tx, run, "t", 1, "k", now=NOW) == (False, None)
        states.remove_asset(tx, "x", None)
        assert states.get_asset(tx, "x", "k", now=NOW) == (False, None)


def test_only_the_current_attempt_may_store_rendered_fields(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        run = add_run(tx, "a", "r")
        instance = add_instance(tx, run, "t")
        first = add_attempt(tx, run, instance)
        assert rendered.put(tx, first, {"cmd": "one"})
        assert rendered.put(tx, first, {"cmd": "again"})
        add_attempt(tx, run, instance, generation=2)
        assert not rendered.put(tx, first, {"cmd": "late"})
        assert rendered.get(tx, instance) == {"cmd": "again"}
        assert rendered.get(tx, instance + 1) is None


# --- runs and instances by filter -----------------------------------------------------------------


def test_runs_by_filter(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        publish(tx, document("b"))
        for day, state in enumerate(["success", "failed", "running"]):
            at = NOW + timedelta(days=day)
            add_run(tx, "a", f"r{day}", state=state, logical_date=at, run_after=at)
        add_run(tx, "a", "bare", state="success", run_type="scheduled", run_after=NOW - MINUTE)
        add_run(tx, "b", "r0")

        def found(**wanted: Any) -> list[str]:
            return [row.run_id for row in listings.runs(tx, RunFilter(**{"dag_id": "a"} | wanted))]

        assert found() == ["r2", "r1", "r0", "bare"]
        assert found(states=["success"]) == ["r0", "bare"]
        assert found(run_ids=["r1", "r0"]) == ["r1", "r0"]
        assert found(logical_dates=[NOW]) == ["r0"]
        assert found(run_type="scheduled") == ["bare"]
        assert found(after=NOW + timedelta(days=1)) == ["r2", "r1"]
        assert found(before=NOW) == ["r0", "bare"]
        assert found(dag_id="b") == ["r0"]
        assert [r.run_id for r in listings.runs(tx, RunFilter(dag_id="a"), limit=1)] == ["r2"]
        newest = listings.run(tx, RunFilter(dag_id="a"))
        assert newest is not None
        assert (newest.run_id, newest.version_number) == ("r2", 1)
        assert listings.count_runs(tx, RunFilter(dag_id="a")) == 4
        later = NOW + timedelta(days=9)
        before = listings.run_before(tx, "a", later)
        assert before is not None
        assert before.run_id == "r2"
        before = listings.run_before(tx, "a", later, state="success")
        assert before is not None
        assert before.run_id == "r0"
        assert listings.run_before(tx, "a", NOW) is None


def test_instances_by_filter(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a", task("t"), task("u")))
        run, other = add_run(tx, "a", "r"), add_run(tx, "a", "s", run_after=NOW - MINUTE)
        for index in range(3):
            add_instance(tx, run, "t", index, state="success" if index else "failed")
        add_instance(tx, other, "u", state="running")

        def found(**wanted: Any) -> list[tuple[str, int]]:
            rows = listings.instances(tx, RunFilter(dag_id="a"), InstanceFilter(**wanted))
            return [(row.task_id, row.map_index) for row in rows]

        assert found() == [("u", -1), ("t", 0), ("t", 1), ("t", 2)]
        assert found(task_ids=["u"]) == [("u", -1)]
        assert found(map_index=1) == [("t", 1)]
        assert found(states=["failed", "running"]) == [("u", -1), ("t", 0)]
        in_run = RunFilter(dag_id="a", run_ids=["r"])
        assert listings.count_instances(tx, in_run, InstanceFilter(states=["success"])) == 2
        first = listings.instances(tx, in_run, limit=1)
        assert [(row.run_id, row.map_index) for row in first] == [("r", 0)]


# --- administration -------------------------------------------------------------------------------


def test_the_event_log(store: Store) -> None:
    with store.begin() as tx:
        event_log.add(tx, "pause", now=NOW, dag_id="a", owner="ann", extra={"k": 1})
        event_log.add(tx, "clear", now=NOW + MINUTE, dag_id="a", run_id="r")
        event_log.add(tx, "pause", now=NOW, dag_id="b")
        assert [row.event for row in event_log.listing(tx, dag_id="a")] == ["clear", "pause"]
        assert [row.event for row in event_log.listing(tx, run_id="r")] == ["clear"]
        assert len(event_log.listing(tx, limit=2)) == 2


def test_processes_register_beat_and_are_forgotten(store: Store) -> None:
    with store.begin() as tx:
        processes.register(tx, "s1", role="scheduler", hostname="h", pid=1, now=NOW)
        processes.register(tx, "t1", role="triggerer", hostname="h", pid=2, now=NOW, info={"n": 1})
        processes.beat(tx, "s1", now=NOW + MINUTE, info={"runs": 3})
        processes.beat(tx, "t1", now=NOW)
        assert [(p.name, p.info) for p in processes.listing(tx)] == [
            ("s1", {"runs": 3}),
            ("t1", {"n": 1}),
        ]
        assert [p.name for p in processes.listing(tx, role="triggerer")] == ["t1"]
        assert processes.remove_silent(tx, before=NOW + MINUTE) == ["t1"]
        processes.remove(tx, "s1")
        assert processes.listing(tx) == []
