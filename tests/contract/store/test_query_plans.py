"""The statements that run all the time find their rows through an index, on both databases.

A history of finished runs lies beside a few live ones, so that reading a table from end to end is
what goes wrong first.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, event

from support.documents import NOW, document, publish
from tradewind.core.dag import AssetRef, AssetSchedule, Slot
from tradewind.core.protocol import OutletEvent
from tradewind.store import (
    asset_events,
    attempts,
    callbacks,
    dags,
    deadlines,
    inbox,
    limits,
    listings,
    pools,
    rendered,
    runs,
    schema,
    task_instances,
    triggers,
    xcoms,
)
from tradewind.store.engine import Store
from tradewind.store.glance import glance
from tradewind.store.xcoms import XComName

X = AssetRef(name="x0", uri="s3://x0")
DAGS, RUNS_EACH, TASKS_EACH = 20, 300, 2


@dataclass(frozen=True)
class Case:
    """`on`: the tables that must not be read from end to end."""

    name: str
    act: Callable[[Connection], object]
    on: tuple[str, ...]


CASES = [
    Case(
        "due DAGs",
        lambda tx: dags.due(tx, now=NOW, limit=5),
        ("dag",),
    ),
    Case(
        "whether there is anything to do",
        lambda tx: glance(tx, "me", now=NOW),
        ("dag_run", "deadline"),
    ),
    Case(
        "take over runs",
        lambda tx: runs.claim_leases(tx, "me", now=NOW, seconds=9, limit=5),
        ("dag_run",),
    ),
    Case(
        "renew leases of runs",
        lambda tx: runs.renew_leases(tx, "s", now=NOW, seconds=9),
        ("dag_run",),
    ),
    Case("runs that somebody wrote to", lambda tx: runs.take_attention(tx, "s"), ("dag_run",)),
    Case("runs by key", lambda tx: runs.by_pks(tx, [5, 6]), ("dag_run",)),
    Case("a run by id", lambda tx: runs.find(tx, "d1", "r1"), ("dag_run",)),
    Case(
        "DAGs with runs to start",
        lambda tx: runs.lock_dags_with_startable(tx, now=NOW),
        ("dag_run",),
    ),
    Case(
        "runs to start",
        lambda tx: runs.startable(tx, ["d1"], now=NOW, limit=9),
        ("dag_run",),
    ),
    Case("queued runs", lambda tx: runs.queued_counts(tx, ["d1", "d2"]), ("dag_run",)),
    Case(
        "the run before",
        lambda tx: runs.previous(tx, "d1", NOW, without_manual=False),
        ("dag_run",),
    ),
    Case("the last runs' states", lambda tx: runs.last_states(tx, "d1", 3), ("dag_run",)),
    Case("instances of a run", lambda tx: task_instances.of_runs(tx, [5]), ("task_instance",)),
    Case(
        "states in a run",
        lambda tx: task_instances.states_in_run(tx, 5, ["t1"]),
        ("task_instance",),
    ),
    Case("renew attempts", lambda tx: attempts.renew(tx, "e", now=NOW, seconds=9), ("attempt",)),
    Case("lost attempts", lambda tx: attempts.expired(tx, "s", now=NOW), ("attempt", "dag_run")),
    Case(
        "attempts to end",
        lambda tx: attempts.unwanted(tx, [5, 6]),
        ("attempt", "task_instance"),
    ),
    Case("leases still held", lambda tx: runs.leased_to(tx, "s", [5, 6]), ("dag_run",)),
    Case(
        "runs of a DAG to read again",
        lambda tx: runs.call_attention(tx, "d1", besides="s"),
        ("dag_run",),
    ),
    Case(
        "tasks known from earlier runs",
        lambda tx: task_instances.known_before(tx, "d1", NOW, ["t1"]),
        ("dag_run", "task_instance"),
    ),
    Case(
        "instances by key",
        lambda tx: task_instances.by_ids(tx, [5, 6]),
        ("task_instance",),
    ),
    Case("live attempts", lambda tx: attempts.live_of_runs(tx, [5]), ("attempt",)),
    Case(
        "superseded attempts",
        lambda tx: attempts.superseded(tx, [5], besides="s", now=NOW),
        ("attempt",),
    ),
    Case("leases given up", lambda tx: attempts.give_up(tx, [5, 6], now=NOW), ("attempt",)),
    Case("attempts so far", lambda tx: attempts.counts(tx, [5]), ("attempt",)),
    Case(
        "what was reported",
        lambda tx: inbox.of_leased_runs(tx, "s", limit=9),
        ("dag_run",),
    ),
    Case("pools counted again", limits.recount_pools, ("task_instance",)),
    Case("limits counted again", limits.recount_tasks, ("task_instance",)),
    Case("active runs counted again", limits.recount_active_runs, ("dag_run",)),
    Case("pools' use", pools.usage, ("task_instance",)),
    Case(
        "the instance of an attempt",
        lambda tx: listings.instance_of_attempt(tx, 5, current_only=True, lock=True),
        ("attempt", "task_instance"),
    ),
    Case(
        "rendered fields",
        lambda tx: rendered.put(tx, 5, {"a": 1}),
        ("attempt", "task_instance"),
    ),
    Case(
        "an XCom",
        lambda tx: xcoms.values(tx, XComName("d1", "r1", "t1", "k")),
        ("xcom", "dag_run"),
    ),
    Case(
        "an earlier XCom",
        lambda tx: xcoms.newest_values(tx, XComName("d1", "r1", "t1", "k")),
        ("xcom", "dag_run"),
    ),
    Case("XComs of instances", lambda tx: xcoms.clear(tx, [(5, "t1", -1)]), ("xcom",)),
    Case(
        "a trigger's end",
        lambda tx: triggers.remove_of_instances(tx, [5, 6]),
        ("trigger",),
    ),
    Case("due deadlines", lambda tx: deadlines.due(tx, now=NOW, limit=5), ("deadline",)),
    Case("callbacks of a run", lambda tx: callbacks.of_run(tx, 5), ("callback",)),
    Case(
        "consumers of an event",
        lambda tx: asset_events.add_events(
            tx,
            asset_events.Source(),
            [OutletEvent(asset_name="x0", asset_uri="s3://x0")],
            now=NOW,
        ),
        ("asset", "asset_reference", "asset_event", "asset_alias_event"),
    ),
    Case(
        "a run by logical date",
        lambda tx: listings.run(tx, listings.RunFilter(dag_id="d1", logical_dates=[NOW])),
        ("dag_run",),
    ),
    Case(
        "states of an external task",
        lambda tx: listings.instances(
            tx,
            listings.RunFilter(dag_id="d1", logical_dates=[NOW]),
            listings.InstanceFilter(task_ids=["t1"]),
        ),
        ("dag_run", "task_instance"),
    ),
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """One database for all cases; each case rolls back."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        path = tmp_path_factory.mktemp("plans") / "t.db"
        shutil.copy(template, path)
        store = Store(f"sqlite:///{path}")
    else:
        server = request.getfixturevalue("postgres")
        name = server.new_database(request.getfixturevalue("postgres_template"))
        store = Store(server.url(name))
    with store.begin() as tx:
        fill(tx)
        if request.param == "postgresql":  # which does so by itself, as SQLite does not
            tx.execute(sa.text("ANALYZE"))
    yield store
    store.close()


def fill(tx: Connection) -> None:
    for number in range(DAGS):
        asset = AssetRef(name=f"x{number}", uri=f"s3://x{number}")
        publish(tx, document(f"d{number}", timetable=AssetSchedule(condition=asset)))
        at = NOW + timedelta(hours=number)
        slot = Slot(logical_date=at, interval_start=at, interval_end=at, run_after=at)
        dags.set_next_slots(tx, {f"d{number}": slot})
    versions = dict(tx.execute(sa.select(schema.dag.c.dag_id, schema.dag.c.version_id)).all())
    tx.execute(schema.dag_run.insert(), list(_runs(versions)))
    keys = tx.execute(
        sa.select(schema.dag_run.c.id, schema.dag_run.c.state).order_by(schema.dag_run.c.id)
    ).all()
    tx.execute(schema.task_instance.insert(), [row for key in keys for row in _instances(key)])
    instances = tx.execute(
        sa.select(
            schema.task_instance.c.id,
            schema.task_instance.c.run_pk,
            schema.task_instance.c.state,
        )
    ).all()
    tx.execute(schema.attempt.insert(), [_attempt(row) for row in instances])
    tx.execute(
        schema.xcom.insert(),
        [
            {
                "run_pk": row.run_pk,
                "task_id": f"t{row.id % TASKS_EACH}",
                "map_index": row.id,
                "key": "k",
                "value": 1,
                "timestamp": NOW,
            }
            for row in instances
        ],
    )
    some = instances[:500]
    tx.execute(
        schema.trigger.insert(),
        [
            {
                "task_instance_id": row.id,
                "run_pk": row.run_pk,
                "classpath": "x.T",
                "kwargs": {},
                "bundle_name": "main",
                "digest": "d",
                "created_at": NOW,
            }
            for row in some
        ],
    )
    tx.execute(
        schema.deadline.insert(),
        [
            {"run_pk": row.run_pk, "position": 0, "due_at": NOW, "missed": row.id % 50 != 0}
            for row in some
        ],
    )
    callbacks.add(
        tx,
        [
            {
                "run_pk": row.run_pk,
                "task_instance_id": row.id,
                "kinds": ["on_failure"],
                "reason": "",
                "created_at": NOW,
            }
            for row in some
        ],
    )


def _runs(versions: dict[str, int]) -> Iterator[dict[str, Any]]:
    for dag_id, version in versions.items():
        for number in range(RUNS_EACH):
            live = {RUNS_EACH - 1: "queued", RUNS_EACH - 2: "running"}
            at = NOW - timedelta(hours=number)
            yield {
                "dag_id": dag_id,
                "run_id": f"r{number}",
                "run_type": "scheduled",
                "state": live.get(number, "success"),
                "version_id": version,
                "bundle_name": "main",
                "digest": "d1",
                "logical_date": at,
                "run_after": at,
                "queued_at": at,
                "lease_owner": "s",
                "lease_until": NOW,
                "needs_attention": False,
            }


def _instances(run: Any) -> Iterator[dict[str, Any]]:
    for number in range(TASKS_EACH):
        state = "running" if run.state == "running" and number == 0 else "success"
        yield {"run_pk": run.id, "task_id": f"t{number}", "state": state, "pool": "default_pool"}


def _attempt(instance: Any) -> dict[str, Any]:
    return {
        "task_instance_id": instance.id,
        "run_pk": instance.run_pk,
        "try_number": 1,
        "generation": 1,
        "state": "running" if instance.state == "running" else "ended",
        "executor": "local",
        "owner": "e",
        "lease_until": NOW,
        "queued_at": NOW,
    }


class Explainer:
    """Collects the plan of every statement that a connection executes."""

    def __init__(self, tx: Connection) -> None:
        self.tx = tx
        self.plans: list[str] = []

    def __enter__(self) -> "Explainer":
        if self.tx.dialect.name == "postgresql":
            self.tx.execute(sa.text("SET LOCAL enable_seqscan = off"))
        event.listen(self.tx, "before_cursor_execute", self._explain)
        return self

    def __exit__(self, *_error: object) -> None:
        event.remove(self.tx, "before_cursor_execute", self._explain)

    def _explain(
        self,
        _tx: Connection,
        _cursor: object,
        statement: str,
        parameters: Any,
        _context: object,
        executemany: bool,
    ) -> None:
        is_sqlite = self.tx.dialect.name == "sqlite"
        cursor = self.tx.connection.cursor()
        cursor.execute(
            ("EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN ") + statement,
            parameters[0] if executemany else parameters,
        )
        rows = cursor.fetchall()
        self.plans.append("\n".join(row[3] if is_sqlite else row[0] for row in rows))
        cursor.close()


def reads_all_of(plan: str, table: str) -> bool:
    """Whether the plan goes through a table, or one of its indexes, from end to end."""
    lines = plan.splitlines()
    for number, line in enumerate(lines):
        words = line.replace("(", " ").split()
        if words[:2] == ["SCAN", table]:  # SQLite
            return True
        if "Seq Scan on " + table + " " in line + " ":
            return True
        is_index_scan = "Index" in line and f" on {table} " in line + " "
        follow = " ".join(lines[number + 1 : number + 3])
        if is_index_scan and "Index Cond" not in follow and not _is_partial(line):
            return True
    return False


def _is_partial(line: str) -> bool:
    """An index over the live rows alone: all of it is little."""
    return any(
        name in line
        for name in ("ix_dag_run_active", "ix_task_instance_live", "ix_attempt_live", "ix_deadline")
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_the_plan_uses_an_index(filled: Store, case: Case) -> None:
    with filled.engine.connect() as tx, Explainer(tx) as explained:
        case.act(tx)
        tx.rollback()
    assert explained.plans
    for plan in explained.plans:
        for table in case.on:
            assert not reads_all_of(plan, table), plan


def test_the_tests_notice_a_scan(filled: Store) -> None:
    with filled.engine.connect() as tx, Explainer(tx) as explained:
        tx.execute(sa.select(schema.dag_run).where(schema.dag_run.c.note == "x")).all()
        tx.execute(sa.select(schema.dag_run.c.id).order_by(schema.dag_run.c.id)).all()
        tx.rollback()
    by_note, by_key = explained.plans[-2:]
    assert reads_all_of(by_note, "dag_run")
    assert reads_all_of(by_key, "dag_run")
