from datetime import timedelta

import pytest

from support.documents import NOW, add_instance, add_run, document, publish, task
from tradewind.core.dag import CustomSchedule, OnceSchedule, Slot
from tradewind.store import bundles, dags, xcoms
from tradewind.store.engine import Store, count_statements
from tradewind.store.glance import glance
from tradewind.store.schema import metadata

HOUR = timedelta(hours=1)


def slot(hours: int) -> Slot:
    at = NOW + hours * HOUR
    return Slot(logical_date=at, interval_start=at, interval_end=at + HOUR, run_after=at + HOUR)


# --- publishing -----------------------------------------------------------------------------------


def test_a_dag_gets_a_version_when_its_structure_changes_and_only_then(store: Store) -> None:
    with store.begin() as tx:
        (first,) = publish(tx, document("a"))
        (same,) = publish(tx, document("a"), digest="d2")
        (other,) = publish(tx, document("a", task("t"), task("u", "t")), digest="d3")
        (back,) = publish(tx, document("a"), digest="d4")
    assert [p.number for p in (first, same, other, back)] == [1, 1, 2, 3]
    assert [p.is_new_version for p in (first, same, other, back)] == [True, False, True, True]
    assert [p.is_new_dag for p in (first, same, other, back)] == [True, False, False, False]
    with store.read() as tx:
        row = dags.get(tx, "a")
        found = dags.versions(tx, "a")
        stored = dags.document(tx, "a")
    assert row is not None
    assert (row.version_id, row.digest, row.last_parsed_at) == (back.version_id, "d4", NOW)
    assert [(v.number, v.digest) for v in found] == [(3, "d4"), (2, "d3"), (1, "d1")]
    assert stored == document("a")


def test_what_moves_by_itself_is_brought_up_without_a_new_version(store: Store) -> None:
    earlier = document("a", timetable=CustomSchedule(classpath="x.T", upcoming=[slot(1)]))
    later = document("a", timetable=CustomSchedule(classpath="x.T", upcoming=[slot(2)]))
    with store.begin() as tx:
        publish(tx, earlier)
        dags.set_next_slots(tx, {"a": None}, dry=["a"])
        assert [row.dag_id for row in dags.needing_slots(tx, "main")] == ["a"]
        (again,) = publish(tx, later)
        assert not again.is_new_version
        assert dags.document(tx, "a") == later
        assert dags.needing_slots(tx, "main") == []


def test_listing_columns_come_from_the_document(store: Store) -> None:
    with store.begin() as tx:
        publish(
            tx,
            document(
                "a",
                description="what it does",
                timetable_summary="@daily",
                owners=["ann", "bob"],
                tags=["z", "etl"],
                max_active_runs=3,
            ),
        )
        row = dags.get(tx, "a")
    assert row is not None
    assert (row.description, row.timetable_summary, row.owners, row.tags, row.max_active_runs) == (
        "what it does",
        "@daily",
        "ann, bob",
        ["etl", "z"],
        3,
    )


@pytest.mark.parametrize(
    ("own", "default", "paused"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_new_dags_are_paused_as_they_or_the_setting_say(
    store: Store, own: bool | None, default: bool, paused: bool
) -> None:
    with store.begin() as tx:
        publish(tx, document("a", is_paused_upon_creation=own), paused_at_creation=default)
        row = dags.get(tx, "a")
        assert row is not None
        assert row.is_paused == paused
        dags.set_paused(tx, ["a"], not paused)
        publish(tx, document("a", is_paused_upon_creation=own), paused_at_creation=default)
        row = dags.get(tx, "a")
        assert row is not None
        assert row.is_paused == (not paused)  # a person's decision stands


def test_dags_that_left_their_file_are_stale_until_they_return(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"), document("b"), file="f.py")
        dags.set_next_slots(tx, {"b": slot(0)})
        publish(tx, document("a"), file="f.py")
        assert [row.dag_id for row in dags.listing(tx)] == ["a"]
        gone = dags.get(tx, "b")
        assert gone is not None
        assert gone.is_stale
        assert dags.next_slot(gone) is None
        publish(tx, document("a"), document("b"), file="f.py")
        assert [row.dag_id for row in dags.listing(tx)] == ["a", "b"]


def test_a_dag_that_moves_to_another_file_is_not_made_stale_by_the_old_one(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"), file="old.py")
        publish(tx, document("a"), file="new.py")
        assert dags.mark_stale(tx, "main", ["old.py"]) == []
        assert dags.mark_stale(tx, "main", ["new.py"]) == ["a"]


def test_dags_of_bundles_that_are_not_configured_any_more_are_stale(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"), bundle_name="one")
        publish(tx, document("b"), bundle_name="two")
        assert dags.mark_stale_outside(tx, ["two"]) == ["a"]


def test_publishing_an_unchanged_file_takes_few_statements(store: Store) -> None:
    documents = [document(f"d{n}", file="f.py") for n in range(20)]
    with store.begin() as tx:
        publish(tx, *documents)
    with count_statements(store) as counter, store.begin() as tx:
        publish(tx, *documents)
    assert counter.count <= 5 + len(documents)  # each version's document is compared


# --- what is to run next --------------------------------------------------------------------------


def test_due_dags_come_most_overdue_first_without_paused_and_stale_ones(store: Store) -> None:
    with store.begin() as tx:
        for name in ("a", "b", "c", "d", "e"):
            publish(tx, document(name))
        dags.set_next_slots(tx, {name: slot(-n) for n, name in enumerate("abcde", start=1)})
        dags.set_next_slots(tx, {"a": slot(5)})
        dags.set_paused(tx, ["c"], True)
        dags.mark_stale(tx, "main", ["d.py"])
        assert [row.dag_id for row in dags.due(tx, now=NOW, limit=9)] == ["e", "b"]
        assert [row.dag_id for row in dags.due(tx, now=NOW, limit=1)] == ["e"]
        assert glance(tx, "s", now=NOW).next_due_at == NOW + 6 * HOUR
        row = dags.get(tx, "e")
        assert row is not None
        assert dags.next_slot(row) == slot(-5)
        dags.set_next_slots(tx, {"e": None, "b": None})
        assert dags.due(tx, now=NOW, limit=9) == []


def test_two_schedulers_never_get_the_same_due_dag(postgresql_url: str) -> None:
    one, two = Store(postgresql_url), Store(postgresql_url)
    with one.begin() as tx:
        publish(tx, document("a"))
        dags.set_next_slots(tx, {"a": slot(-5)})
    with one.begin() as tx, two.begin() as other:
        assert [row.dag_id for row in dags.due(tx, now=NOW, limit=9)] == ["a"]
        assert dags.due(other, now=NOW, limit=9) == []
    one.close()
    two.close()


def test_the_last_automated_slot_is_that_of_the_newest_logical_date(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        publish(tx, document("b"))
        for hours, run_type in ((1, "scheduled"), (3, "backfill"), (2, "scheduled"), (9, "manual")):
            at = slot(hours)
            add_run(
                tx,
                "a",
                f"r{hours}",
                run_type=run_type,
                logical_date=at.logical_date,
                interval_start=at.interval_start,
                interval_end=at.interval_end,
                run_after=at.run_after,
            )
        assert dags.last_automated_slots(tx, ["a", "b"]) == {"a": slot(3)}


# --- people ---------------------------------------------------------------------------------------


def test_pausing_tells_what_changed(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        publish(tx, document("b"))
        assert dags.set_paused(tx, ["a", "b", "nobody"], True) == ["a", "b"]
        assert dags.set_paused(tx, ["a"], True) == []
        assert [row.dag_id for row in dags.listing(tx, paused=True)] == ["a", "b"]
        assert dags.listing(tx, paused=False) == []


def test_listing_filters(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a", tags=["x"]), bundle_name="one")
        publish(tx, document("b", tags=["x", "y"]), bundle_name="two")
        assert [row.dag_id for row in dags.listing(tx, tag="y")] == ["b"]
        assert [row.dag_id for row in dags.listing(tx, bundle_name="one")] == ["a"]
        assert [row.dag_id for row in dags.listing(tx, file="b.py")] == ["b"]
        assert set(dags.get_many(tx, ["a", "b", "c"])) == {"a", "b"}


def test_deleting_a_dag_leaves_nothing_of_it(store: Store) -> None:
    with store.begin() as tx:
        empty = {table.name: _count(tx, table) for table in metadata.sorted_tables}
        publish(tx, document("a", timetable=OnceSchedule()))
        run = add_run(tx, "a", "r")
        add_instance(tx, run, "t")
        row = {"run_pk": run, "task_id": "t", "map_index": -1, "key": "k"}
        xcoms.put(tx, [{**row, "value": 1, "timestamp": NOW}])
        bundles.put_import_error(
            tx, "main", "a.py", message="m", stacktrace="s", line=1, hint=None, now=NOW
        )
        assert dags.remove(tx, "a")
        assert {table.name: _count(tx, table) for table in metadata.sorted_tables} == empty
        assert not dags.remove(tx, "a")


def _count(tx: object, table: object) -> int:
    from sqlalchemy import func, select

    number: int = tx.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[attr-defined, arg-type]
    return number
