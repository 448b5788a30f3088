"""Statements about the state stores: what tasks keep between tries, and assets between runs."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, or_, select

from tradewind.core.protocol import Json
from tradewind.store.engine import insert
from tradewind.store.schema import asset_state, task_state


def _of(table: Table, key: dict[str, Any]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]


def _task(run_pk: int, task_id: str, map_index: int) -> dict[str, Any]:
    return {"run_pk": run_pk, "task_id": task_id, "map_index": map_index}


# --- of task instances ----------------------------------------------------------------------------


def get_task(
    tx: Connection, run_pk: int, task_id: str, map_index: int, key: str, *, now: datetime
) -> tuple[bool, Json]:
    """Whether there is such a key (that has not expired), and its value."""
    return _get(tx, task_state, _task(run_pk, task_id, map_index) | {"key": key}, now)


def put_task(
    tx: Connection,
    run_pk: int,
    task_id: str,
    map_index: int,
    key: str,
    value: Json,
    *,
    now: datetime,
    expires_at: datetime | None,
) -> None:
    place = _task(run_pk, task_id, map_index) | {"key": key}
    _put(tx, task_state, place, {"value": value, "updated_at": now, "expires_at": expires_at})


def remove_task(
    tx: Connection, run_pk: int, task_id: str, map_index: int | None, key: str | None
) -> None:
    """`map_index` None: of every instance of the task; `key` None: all of them."""
    place: dict[str, Any] = {"run_pk": run_pk, "task_id": task_id}
    place |= {} if map_index is None else {"map_index": map_index}
    _remove(tx, task_state, place, key)


# --- of assets ------------------------------------------------------------------------------------


def get_asset(tx: Connection, asset_name: str, key: str, *, now: datetime) -> tuple[bool, Json]:
    """As `get_task`."""
    return _get(tx, asset_state, {"asset_name": asset_name, "key": key}, now)


def put_asset(
    tx: Connection,
    asset_name: str,
    key: str,
    value: Json,
    *,
    now: datetime,
    expires_at: datetime | None,
) -> None:
    place = {"asset_name": asset_name, "key": key}
    _put(tx, asset_state, place, {"value": value, "updated_at": now, "expires_at": expires_at})


def remove_asset(tx: Connection, asset_name: str, key: str | None) -> None:
    """`key` None: all of them."""
    _remove(tx, asset_state, {"asset_name": asset_name}, key)


# --- both -----------------------------------------------------------------------------------------


def remove_expired(tx: Connection, *, now: datetime) -> int:
    """Returns how many there were."""
    return sum(
        tx.execute(delete(table).where(table.c.expires_at <= now)).rowcount
        for table in (task_state, asset_state)
    )


def _get(tx: Connection, table: Table, place: dict[str, Any], now: datetime) -> tuple[bool, Json]:
    alive = or_(table.c.expires_at.is_(None), table.c.expires_at > now)
    row = tx.execute(select(table.c.value).where(*_of(table, place), alive)).one_or_none()
    return (False, None) if row is None else (True, row.value)


def _put(tx: Connection, table: Table, place: dict[str, Any], values: dict[str, Any]) -> None:
    tx.execute(
        insert(tx, table)
        .values(**place, **values)
        .on_conflict_do_update(index_elements=list(place), set_=values)
    )


def _remove(tx: Connection, table: Table, place: dict[str, Any], key: str | None) -> None:
    statement = delete(table).where(*_of(table, place))
    tx.execute(statement if key is None else statement.where(table.c.key == key))
