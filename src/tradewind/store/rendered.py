"""Statements about rendered templates, kept for people to look at."""

from sqlalchemy import Connection, literal, select

from tradewind.core.protocol import Json
from tradewind.store.engine import insert
from tradewind.store.listings import is_current
from tradewind.store.schema import attempt, rendered_fields, task_instance


def put(tx: Connection, attempt_id: int, fields: dict[str, Json]) -> bool:
    """What the attempt's templates came to; False if the attempt is no longer its instance's own.

    One statement, because nearly every task does this once.
    """
    mine = (
        select(task_instance.c.id, literal(fields, rendered_fields.c.fields.type))
        .join(attempt, attempt.c.task_instance_id == task_instance.c.id)
        .where(attempt.c.id == attempt_id, is_current())
    )
    statement = insert(tx, rendered_fields).from_select(["task_instance_id", "fields"], mine)
    written = tx.execute(
        statement.on_conflict_do_update(
            index_elements=["task_instance_id"], set_={"fields": statement.excluded.fields}
        ).returning(rendered_fields.c.task_instance_id)
    )
    return written.first() is not None


def get(tx: Connection, task_instance_id: int) -> dict[str, Json] | None:
    found: dict[str, Json] | None = tx.execute(
        select(rendered_fields.c.fields).where(
            rendered_fields.c.task_instance_id == task_instance_id
        )
    ).scalar()
    return found
