from datetime import timedelta

import pytest
from sqlalchemy import func, select

from support.documents import NOW, add_attempt, add_instance, add_run, document, publish, task
from tradewind.core.dag import AssetRef, AssetSchedule
from tradewind.core.errors import UserError
from tradewind.core.protocol import OutletEvent
from tradewind.store import asset_events, bundles, cleanup, event_log, listings, schema, xcoms
from tradewind.store.asset_events import Source
from tradewind.store.engine import Store

DAY = timedelta(days=1)
X = AssetRef(name="x", uri="s3://x")


def test_old_finished_runs_go_with_all_that_is_theirs(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        for day in range(6):
            end = NOW + day * DAY
            run = add_run(tx, "a", f"r{day}", state="success", end_date=end, run_after=end)
            instance = add_instance(tx, run, "t")
            add_attempt(tx, run, instance)
            row = {"run_pk": run, "task_id": "t", "map_index": -1, "key": "k", "value": 1}
            xcoms.put(tx, [{**row, "timestamp": end}])
        add_run(tx, "a", "unfinished", state="running", run_after=NOW)
    before = NOW + 3 * DAY
    assert cleanup.count(store, before=before, tables=["dag_run"]) == {"dag_run": 3}
    heard: list[tuple[str, int]] = []
    deleted = cleanup.clean(
        store,
        before=before,
        tables=["dag_run"],
        batch=2,
        progress=lambda table, rows: heard.append((table, rows)),
    )
    assert deleted == {"dag_run": 3}
    assert heard == [("dag_run", 2), ("dag_run", 3)]
    with store.read() as tx:
        left = {row.run_id for row in listings.runs(tx, listings.RunFilter())}
        assert left == {"r3", "r4", "r5", "unfinished"}
        for table in (schema.task_instance, schema.attempt, schema.xcom):
            assert tx.execute(select(func.count()).select_from(table)).scalar_one() == 3


def test_the_newest_scheduled_run_stays_because_the_schedule_goes_on_from_it(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"))
        for day in range(2):
            end = NOW + day * DAY
            for run_type in ("scheduled", "manual"):
                add_run(
                    tx,
                    "a",
                    f"{run_type}{day}",
                    run_type=run_type,
                    state="success",
                    end_date=end,
                    run_after=end,
                )
    cleanup.clean(store, before=NOW + 9 * DAY, tables=["dag_run"])
    with store.read() as tx:
        assert [r.run_id for r in listings.runs(tx, listings.RunFilter())] == ["scheduled1"]


def test_what_is_still_in_use_stays(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("a"), digest="d1")
        add_run(tx, "a", "r", state="running")
        publish(tx, document("a", task("t"), task("u")), digest="d2")
        publish(tx, document("a", task("t"), task("v")), digest="d3")
        for digest in ("d1", "d2", "d3"):
            bundles.add_snapshot(
                tx, digest, bundle_name="main", version=None, size_bytes=1, now=NOW
            )
        publish(tx, document("c", timetable=AssetSchedule(condition=X)), digest="d3")
        events = asset_events.add_events(
            tx, Source(), [OutletEvent(asset_name="x", asset_uri="s3://x")] * 2, now=NOW
        )
        asset_events.queue(tx, [("c", events[1].id)])
        event_log.add(tx, "old", now=NOW)
    totals = cleanup.clean(store, before=NOW + DAY)
    assert {table: number for table, number in totals.items() if number} == {
        "dag_version": 1,
        "snapshot": 1,
        "asset_event": 1,
        "event_log": 1,
    }
    with store.read() as tx:
        assert bundles.get_snapshot(tx, "d1") is not None
        assert bundles.get_snapshot(tx, "d2") is None
        assert [row.event_id for row in asset_events.queued(tx)] == [events[1].id]


def test_every_table_can_be_counted(store: Store) -> None:
    assert cleanup.count(store, before=NOW) == dict.fromkeys(cleanup.TABLES, 0)


def test_an_unknown_table_is_refused_with_the_known_ones(store: Store) -> None:
    with pytest.raises(UserError, match="no table jobs to clean") as refused:
        cleanup.count(store, before=NOW, tables=["jobs"])
    assert "dag_run" in (refused.value.hint or "")
