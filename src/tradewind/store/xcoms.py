"""Statements about XComs. Values are in the XCom encoding, or SQL NULL for a pushed None."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Select, bindparam, delete, func, select, tuple_

from tradewind.core.protocol import Json
from tradewind.store.bulk import Given, insertion
from tradewind.store.engine import Rows, insert_of
from tradewind.store.schema import dag_run, xcom

_KEY = ("run_pk", "task_id", "map_index", "key")

InstanceKey = tuple[int, str, int]  # run_pk, task_id, map_index


@dataclass(frozen=True)
class XComName:
    """Which XCom of which task; its instances push one each."""

    dag_id: str
    run_id: str
    task_id: str
    key: str


def put(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Store values; each row has `run_pk`, `task_id`, `map_index`, `key`, `value`, `timestamp`.

    One that exists is replaced. No two rows may be of the same key.
    """
    if rows:
        _given.execute(tx, _put(tx.dialect.name), rows)


_given = Given({name: xcom.c[name] for name in (*_KEY, "value", "timestamp")})


@cache
def _put(dialect: str) -> Insert:
    """Made once: with `excluded` SQLAlchemy copies the whole table."""
    into = insert_of(dialect, xcom)
    into = into.on_conflict_do_update(
        index_elements=_KEY,
        set_={"value": into.excluded.value, "timestamp": into.excluded.timestamp},
    )
    return insertion(dialect, _given, into)


def remove(tx: Connection, instance: InstanceKey, key: str) -> bool:
    """False if there is no such XCom."""
    run_pk, task_id, map_index = instance
    return (
        tx.execute(
            delete(xcom).where(
                xcom.c.run_pk == run_pk,
                xcom.c.task_id == task_id,
                xcom.c.map_index == map_index,
                xcom.c.key == key,
            )
        ).rowcount
        > 0
    )


def clear(tx: Connection, instances: Collection[InstanceKey]) -> None:
    """Everything that these instances pushed."""
    if instances:
        tx.execute(_clear, {"instances": sorted(instances)})


_clear = delete(xcom).where(
    tuple_(xcom.c.run_pk, xcom.c.task_id, xcom.c.map_index).in_(
        bindparam("instances", expanding=True)
    )
)


def values(tx: Connection, name: XComName) -> dict[int, Json]:
    """The run's values by map index, in index order."""
    return _by_index(tx, _select(name).where(dag_run.c.run_id == name.run_id))


def newest_values(tx: Connection, name: XComName) -> dict[int, Json]:
    """As `values`, of the run itself or the newest before it that has any."""
    moment = func.coalesce(dag_run.c.logical_date, dag_run.c.run_after)
    own = (
        select(moment)
        .where(dag_run.c.dag_id == name.dag_id, dag_run.c.run_id == name.run_id)
        .scalar_subquery()
    )
    run_pk = tx.execute(
        select(dag_run.c.id)
        .join(xcom, xcom.c.run_pk == dag_run.c.id)
        .where(
            dag_run.c.dag_id == name.dag_id,
            moment <= own,
            xcom.c.task_id == name.task_id,
            xcom.c.key == name.key,
        )
        .order_by(moment.desc(), dag_run.c.id.desc())
        .limit(1)
    ).scalar()
    return {} if run_pk is None else _by_index(tx, _select(name).where(dag_run.c.id == run_pk))


def count(tx: Connection, name: XComName) -> int:
    """How many instances pushed it."""
    matching = _select(name).where(dag_run.c.run_id == name.run_id).subquery()
    found: int = tx.execute(select(func.count()).select_from(matching)).scalar_one()
    return found


def of_run(tx: Connection, run_pk: int, *, task_id: str | None = None) -> Rows:
    """All XComs of a run or of one of its tasks, by task, index and key."""
    statement = (
        select(xcom)
        .where(xcom.c.run_pk == run_pk)
        .order_by(xcom.c.task_id, xcom.c.map_index, xcom.c.key)
    )
    if task_id is not None:
        statement = statement.where(xcom.c.task_id == task_id)
    return tx.execute(statement).all()


def _select(name: XComName) -> Select[int, Json]:
    return (
        select(xcom.c.map_index, xcom.c.value)
        .join(dag_run, dag_run.c.id == xcom.c.run_pk)
        .where(
            dag_run.c.dag_id == name.dag_id,
            xcom.c.task_id == name.task_id,
            xcom.c.key == name.key,
        )
    )


def _by_index(tx: Connection, statement: Select[int, Json]) -> dict[int, Json]:
    rows = tx.execute(statement.order_by(xcom.c.map_index))
    return {row.map_index: row.value for row in rows}
