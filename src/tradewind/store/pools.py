"""Statements about pools as people see them; their slots are claimed in `limits`."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, case, delete, func, select

from tradewind.core.errors import Conflict
from tradewind.core.states import OCCUPYING_STATES, TaskInstanceState
from tradewind.store import event_log
from tradewind.store.engine import AnyRow, Rows, insert_of
from tradewind.store.history import POOL_CHANGED
from tradewind.store.schema import pool, task_instance

DEFAULT_POOL = "default_pool"


def get(tx: Connection, name: str) -> AnyRow | None:
    return tx.execute(select(pool).where(pool.c.name == name)).one_or_none()


def put(
    tx: Connection,
    name: str,
    slots: int,
    *,
    description: str | None = None,
    include_deferred: bool = False,
) -> None:
    """Create a pool or change its size; -1 slots: no limit. Running tasks keep their slots."""
    row = {
        "name": name,
        "slots": slots,
        "description": description,
        "include_deferred": include_deferred,
    }
    tx.execute(_put(tx.dialect.name), row)


@cache
def _put(dialect: str) -> Insert:
    statement = insert_of(dialect, pool)
    columns = ("slots", "description", "include_deferred")
    changed = {name: statement.excluded[name] for name in columns}
    return statement.on_conflict_do_update(index_elements=["name"], set_=changed)


def change(tx: Connection, name: str, slots: int, *, now: datetime, **values: Any) -> None:
    """`put`, on record: the history must know which size held when."""
    before = get(tx, name)
    put(tx, name, slots, **values)
    _record(tx, name, slots if before is None else before.slots, slots, now)


def _record(tx: Connection, name: str, before: int, slots: int, now: datetime) -> None:
    told = {"name": name, "before": before, "slots": slots}
    event_log.add(tx, POOL_CHANGED, now=now, extra=told)


def remove(tx: Connection, name: str, *, now: datetime) -> bool:
    """False if there is no such pool. Raises Conflict for the default pool."""
    if name == DEFAULT_POOL:
        raise Conflict(
            f"The pool {DEFAULT_POOL} cannot be deleted.",
            hint="Tasks that name no pool use it. Change its slots instead.",
        )
    slots = tx.execute(delete(pool).where(pool.c.name == name).returning(pool.c.slots)).scalar()
    if slots is not None:
        _record(tx, name, slots, slots, now)
    return slots is not None


def listing(tx: Connection) -> Rows:
    return tx.execute(_listing).all()


_listing = select(pool).order_by(pool.c.name)


def usage(tx: Connection) -> Rows:
    """What each pool's task instances hold: `pool`, and the slots of those that are `running`,
    `queued` and `deferred`. Pools that nothing uses are left out."""
    states = {
        "running": [TaskInstanceState.RUNNING.value, TaskInstanceState.RESTARTING.value],
        "queued": [TaskInstanceState.QUEUED.value],
        "deferred": [TaskInstanceState.DEFERRED.value],
    }
    shown = {*OCCUPYING_STATES, TaskInstanceState.DEFERRED}
    return tx.execute(
        select(
            task_instance.c.pool,
            *(
                func.sum(
                    case((task_instance.c.state.in_(members), task_instance.c.pool_slots), else_=0)
                ).label(name)
                for name, members in states.items()
            ),
        )
        .where(task_instance.c.state.in_(sorted(state.value for state in shown)))
        .group_by(task_instance.c.pool)
        .order_by(task_instance.c.pool)
    ).all()
