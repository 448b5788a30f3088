"""Statements about rendered templates, kept for people to look at."""

from sqlalchemy import Connection, select

from tradewind.core.protocol import Json
from tradewind.store.engine import insert
from tradewind.store.schema import rendered_fields


def put(tx: Connection, task_instance_id: int, fields: dict[str, Json]) -> None:
    """What the newest attempt's templates came to."""
    tx.execute(
        insert(tx, rendered_fields)
        .values(task_instance_id=task_instance_id, fields=fields)
        .on_conflict_do_update(index_elements=["task_instance_id"], set_={"fields": fields})
    )


def get(tx: Connection, task_instance_id: int) -> dict[str, Json] | None:
    found: dict[str, Json] | None = tx.execute(
        select(rendered_fields.c.fields).where(
            rendered_fields.c.task_instance_id == task_instance_id
        )
    ).scalar()
    return found
