from datetime import timedelta

from support.documents import NOW, add_run, document, publish, task
from tradewind.core.dag import (
    AssetAliasRef,
    AssetAny,
    AssetNameRef,
    AssetRef,
    AssetSchedule,
    AssetUriRef,
)
from tradewind.core.protocol import OutletEvent
from tradewind.store import asset_events, assets, dags, runs
from tradewind.store.asset_events import EventFilter, Source
from tradewind.store.engine import Store

X = AssetRef(name="x", uri="s3://x", group="g", extra={"k": 1})
Y = AssetRef(name="y", uri="s3://y")


def event(ref: AssetRef, **fields: object) -> OutletEvent:
    return OutletEvent(asset_name=ref.name, asset_uri=ref.uri, **fields)  # type: ignore[arg-type]


def producer(dag_id: str, *outlets: AssetRef | AssetAliasRef) -> object:
    return document(dag_id, task("t", outlets=list(outlets)))


def test_assets_are_those_that_published_dags_use(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("p", task("t", outlets=[X], inlets=[Y])))
        publish(tx, document("c", timetable=AssetSchedule(condition=X)))
        rows = assets.listing(tx)
        assert [(row.name, row.uri, row.group, row.extra) for row in rows] == [
            ("x", "s3://x", "g", {"k": 1}),
            ("y", "s3://y", "asset", {}),
        ]
        found = assets.find(tx, name="x")
        assert found is not None
        assert [(r.dag_id, r.task_id, r.role) for r in assets.references(tx, found.id)] == [
            ("p", "t", "outlet"),
            ("c", None, "schedule"),
        ]
        publish(tx, document("p", task("t", outlets=[X])))  # y is used no more
        assert [row.name for row in assets.listing(tx)] == ["x"]
        assert [row.name for row in assets.listing(tx, with_inactive=True)] == ["x", "y"]
        dags.mark_stale(tx, "main", ["p.py", "c.py"])
        assert assets.listing(tx) == []
        publish(tx, document("p", task("t", outlets=[X])))
        assert [row.name for row in assets.listing(tx)] == ["x"]


def test_of_two_assets_that_claim_one_uri_the_first_is_active(store: Store) -> None:
    rival = AssetRef(name="rival", uri=X.uri)
    with store.begin() as tx:
        publish(tx, document("p", task("t", outlets=[X])))
        publish(tx, document("q", task("t", outlets=[rival])))
        assert [row.name for row in assets.listing(tx)] == ["x"]
        assert [(r.name, r.uri) for r in assets.inactive_of_task(tx, "q", "t")] == [
            ("rival", "s3://x")
        ]
        assert assets.inactive_of_task(tx, "p", "t") == []
        publish(tx, document("p"))  # the name is free again
        assert [row.name for row in assets.listing(tx)] == ["rival"]


def test_both_claims_in_one_file(store: Store) -> None:
    rival = AssetRef(name=X.name, uri="s3://other")
    with store.begin() as tx:
        publish(tx, document("p", task("t", outlets=[X, rival])))
        assert [row.uri for row in assets.listing(tx)] == ["s3://x"]


def test_events_find_their_consumers(store: Store) -> None:
    schedules = {
        "by_asset": X,
        "by_name": AssetNameRef(name="x"),
        "by_uri": AssetUriRef(uri="s3://x"),
        "by_alias": AssetAliasRef(name="al"),
        "either": AssetAny(conditions=[X, Y]),
        "other": Y,
        "paused": X,
        "gone": X,
    }
    with store.begin() as tx:
        for dag_id, condition in schedules.items():
            publish(tx, document(dag_id, timetable=AssetSchedule(condition=condition)))
        dags.set_paused(tx, ["paused"], True)
        dags.mark_stale(tx, "main", ["gone.py"])
        source = Source(dag_id="p", task_id="t", run_id="r", map_index=2)
        plain, aliased, fresh = asset_events.add_events(
            tx,
            source,
            [
                event(X, extra={"rows": 3}),
                event(X, alias="al"),
                OutletEvent(asset_name="new", asset_uri="s3://new", alias="al"),
            ],
            now=NOW,
        )
        assert plain.consumers == ("by_asset", "by_name", "by_uri", "either")
        assert aliased.consumers == ("by_alias", "by_asset", "by_name", "by_uri", "either")
        assert fresh.consumers == ("by_alias",)
        assert [row.name for row in assets.listing(tx)] == ["new", "x", "y"]
        refs = asset_events.aliased_assets(tx, ["al", "none"])
        assert {alias: [ref.name for ref in found] for alias, found in refs.items()} == {
            "al": ["new", "x"]
        }
        (read,) = asset_events.events(tx, EventFilter(name="new"))
    assert (read.asset_name, read.alias_names, read.timestamp) == ("new", ["al"], NOW)
    assert (read.source_dag_id, read.source_task_id, read.source_run_id) == ("p", "t", "r")
    assert read.source_map_index == 2


def test_events_wait_until_a_run_takes_them_once(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("c", timetable=AssetSchedule(condition=X)))
        stored = asset_events.add_events(tx, Source(), [event(X), event(X)], now=NOW)
        ids = [e.id for e in stored]
        asset_events.queue(tx, [("c", pk) for pk in ids])
        asset_events.queue(tx, [("c", ids[0])])  # again: as before
        waiting = asset_events.queued(tx)
        assert [(row.dag_id, row.event_id, row.asset_name) for row in waiting] == [
            ("c", ids[0], "x"),
            ("c", ids[1], "x"),
        ]
        assert asset_events.dequeue(tx, "c", ids)
        assert not asset_events.dequeue(tx, "c", ids)
        run = add_run(tx, "c", "r")
        runs.add_consumed_events(tx, run, ids)
        assert [e.id for e in asset_events.consumed_by(tx, run)] == ids
        asset_events.queue(tx, [("c", ids[0])])
        assert asset_events.clear_queue(tx, "c") == 1
        assert asset_events.queued(tx, ["c"]) == []


def test_partitions_gather_their_upstream_keys_and_are_taken_once(store: Store) -> None:
    with store.begin() as tx:
        publish(tx, document("c", timetable=AssetSchedule(condition=X)))
        first, second = asset_events.add_events(
            tx, Source(), [event(X, partition_key="h1"), event(X, partition_key="h1")], now=NOW
        )
        row = {"dag_id": "c", "partition_key": "d1", "asset_name": "x", "upstream_key": "h1"}
        asset_events.add_partition_progress(tx, [{**row, "event_id": first.id}])
        asset_events.add_partition_progress(tx, [{**row, "event_id": second.id}])
        progress = asset_events.partitions_in_progress(tx, ["c"])
        assert [(p.partition_key, p.upstream_key, p.event_id) for p in progress] == [
            ("d1", "h1", second.id)
        ]
        assert asset_events.finish_partition(tx, "c", "d1") == [second.id]
        assert asset_events.finish_partition(tx, "c", "d1") == []


def test_no_events_are_no_work(store: Store) -> None:
    with store.begin() as tx:
        assert asset_events.add_events(tx, Source(), [], now=NOW) == []


def test_events_by_filter(store: Store) -> None:
    with store.begin() as tx:
        for minutes, ref in enumerate((X, Y, X)):
            asset_events.add_events(
                tx,
                Source(),
                [event(ref, partition_key=f"k{minutes}")],
                now=NOW + timedelta(minutes=minutes),
            )

        def keys(wanted: EventFilter, limit: int | None = None, ascending: bool = True) -> list:
            found = asset_events.events(tx, wanted, limit=limit, ascending=ascending)
            return [e.partition_key for e in found]

        assert keys(EventFilter()) == ["k0", "k1", "k2"]
        assert keys(EventFilter(name="x")) == ["k0", "k2"]
        assert keys(EventFilter(name="x", uri="s3://x"), ascending=False) == ["k2", "k0"]
        assert keys(EventFilter(uri="s3://y")) == ["k1"]
        assert keys(EventFilter(alias="none")) == []
        assert keys(EventFilter(partition_key="k2")) == ["k2"]
        assert keys(EventFilter(after=NOW + timedelta(minutes=1))) == ["k1", "k2"]
        assert keys(EventFilter(before=NOW)) == ["k0"]
        assert keys(EventFilter(), limit=1, ascending=False) == ["k2"]
