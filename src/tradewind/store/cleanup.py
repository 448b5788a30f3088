"""Deleting what is old, table by table, in batches that do not hold the others up."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, select, tuple_

from tradewind.core.errors import UserError
from tradewind.core.states import DagRunState, DagRunType
from tradewind.store import event_log, schema
from tradewind.store.engine import Store
from tradewind.store.history import CLEANED, POOL_CHANGED

_ENDED = (DagRunState.SUCCESS.value, DagRunState.FAILED.value)


@dataclass(frozen=True)
class _Rule:
    """`age`: the column that is compared; `also`: what else must hold for a row to go."""

    table: Table
    age: ColumnElement[datetime]
    also: ColumnElement[bool] | None = None

    def condition(self, before: datetime) -> ColumnElement[bool]:
        old = self.age < before
        return old if self.also is None else and_(old, self.also)


def _keep_newest_automated() -> ColumnElement[bool]:
    """A DAG's newest scheduled run tells where its schedule stands, so it stays."""
    run, later = schema.dag_run, schema.dag_run.alias("later")
    newer = exists().where(
        later.c.dag_id == run.c.dag_id,
        later.c.run_type != DagRunType.MANUAL.value,
        later.c.run_after > run.c.run_after,
    )
    return (run.c.run_type == DagRunType.MANUAL.value) | newer


def _unused_version() -> ColumnElement[bool]:
    version = schema.dag_version
    return ~(
        exists().where(schema.dag_run.c.version_id == version.c.id)
        | exists().where(schema.dag.c.version_id == version.c.id)
    )


def _unused_snapshot() -> ColumnElement[bool]:
    digest = schema.snapshot.c.digest
    return ~(
        exists().where(schema.dag_run.c.digest == digest)
        | exists().where(schema.dag.c.digest == digest)
        | exists().where(schema.bundle.c.digest == digest)
    )


def _not_waiting() -> ColumnElement[bool]:
    event = schema.asset_event.c.id
    return ~(
        exists().where(schema.asset_queue.c.event_id == event)
        | exists().where(schema.partition_progress.c.event_id == event)
    )


# Runs take along what belongs to them: task instances, attempts, history, XComs, callbacks and
# deadlines. Order matters: what refers to a row is deleted before it.
_RULES = {
    rule.table.name: rule
    for rule in (
        _Rule(
            schema.dag_run,
            schema.dag_run.c.end_date,
            schema.dag_run.c.state.in_(_ENDED) & _keep_newest_automated(),
        ),
        _Rule(
            schema.xcom,
            schema.xcom.c.timestamp,
            exists().where(
                schema.dag_run.c.id == schema.xcom.c.run_pk, schema.dag_run.c.state.in_(_ENDED)
            ),
        ),
        _Rule(schema.callback, schema.callback.c.ended_at),
        _Rule(
            schema.backfill,
            schema.backfill.c.completed_at,
            ~exists().where(schema.dag_run.c.backfill_id == schema.backfill.c.id),
        ),
        _Rule(schema.asset_event, schema.asset_event.c.timestamp, _not_waiting()),
        _Rule(schema.import_error, schema.import_error.c.timestamp),
        _Rule(
            schema.dag,
            schema.dag.c.last_parsed_at,
            schema.dag.c.is_stale & ~exists().where(schema.dag_run.c.dag_id == schema.dag.c.dag_id),
        ),
        _Rule(schema.dag_version, schema.dag_version.c.created_at, _unused_version()),
        _Rule(schema.snapshot, schema.snapshot.c.created_at, _unused_snapshot()),
        _Rule(schema.task_state, schema.task_state.c.expires_at),
        _Rule(schema.asset_state, schema.asset_state.c.expires_at),
        _Rule(
            schema.event_log,
            schema.event_log.c.at,
            schema.event_log.c.event.not_in((CLEANED, POOL_CHANGED)),  # the history needs them
        ),
        _Rule(schema.process, schema.process.c.heartbeat_at),
    )
}

TABLES = tuple(_RULES)
"""The tables that can be cleaned, in the order in which that is done."""


def _rules(tables: Collection[str] | None) -> list[_Rule]:
    wanted = set(TABLES if tables is None else tables)
    if unknown := sorted(wanted - set(TABLES)):
        raise UserError(
            f"There is no table {', '.join(unknown)} to clean.",
            hint=f"Choose from: {', '.join(TABLES)}.",
        )
    return [rule for name, rule in _RULES.items() if name in wanted]


def count(
    store: Store, *, before: datetime, tables: Collection[str] | None = None
) -> dict[str, int]:
    """How many rows of each table `clean` would delete now (None: all tables).

    Rows that become free only by deleting others are not counted.
    """
    with store.read() as tx:
        return {rule.table.name: _count(tx, rule, before) for rule in _rules(tables)}


def _count(tx: Connection, rule: _Rule, before: datetime) -> int:
    statement = select(func.count()).select_from(rule.table).where(rule.condition(before))
    number: int = tx.execute(statement).scalar_one()
    return number


def clean(
    store: Store,
    *,
    before: datetime,
    tables: Collection[str] | None = None,
    batch: int = 1000,
    progress: Callable[[str, int], None] = lambda table, deleted: None,
) -> dict[str, int]:
    """Delete what is older than `before`, a transaction for each batch of rows.

    `progress` hears the table and how many rows are gone so far. Returns the numbers by table.
    """
    rules = _rules(tables)
    with store.begin() as tx:
        told = {"before": before.isoformat(), "tables": [str(rule.table.name) for rule in rules]}
        event_log.add(tx, CLEANED, now=store.now(tx), extra=told)
    totals = {}
    for rule in rules:
        totals[rule.table.name] = 0
        while deleted := _delete_batch(store, rule, before, batch):
            totals[rule.table.name] += deleted
            progress(rule.table.name, totals[rule.table.name])
    return totals


def _delete_batch(store: Store, rule: _Rule, before: datetime, batch: int) -> int:
    keys = list(rule.table.primary_key)
    with store.begin() as tx:
        chosen = tx.execute(select(*keys).where(rule.condition(before)).limit(batch)).all()
        if chosen:
            tx.execute(delete(rule.table).where(_is_one_of(keys, chosen)))
    return len(chosen)


def _is_one_of(keys: list[Any], chosen: Any) -> ColumnElement[bool]:
    if len(keys) == 1:
        key: ColumnElement[Any] = keys[0]
        return key.in_([row[0] for row in chosen])
    return tuple_(*keys).in_([tuple(row) for row in chosen])
