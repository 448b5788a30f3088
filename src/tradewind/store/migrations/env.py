"""Alembic's entry: `store.migrate` hands in a connection; developers name a database.

A new revision, after `schema.py` has changed, is made against a database of the last one:

    TRADEWIND_DATABASE__URL=sqlite:////tmp/t.db tradewind db migrate
    alembic -x url=sqlite:////tmp/t.db revision --autogenerate --rev-id 0002 -m "what changed"
"""

from collections.abc import Collection
from typing import Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import Connection

from tradewind.store.engine import Store
from tradewind.store.schema import metadata
from tradewind.store.types import Int32, UserText, UtcDateTime


def render_item(kind: str, item: object, autogen: AutogenContext) -> str | Literal[False]:
    """Column types of ours become the plain ones below them: a revision must not change later."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, UserText):
        return f"sa.String({item.length or ''})"
    if isinstance(item, Int32):
        return "sa.Integer()"
    if isinstance(item, sa.BigInteger) and "sqlite" in item._variant_mapping:
        return "_ID"
    return False


def run(connection: Connection) -> None:
    progress = context.config.attributes.get("progress")

    def applied(
        ctx: MigrationContext, step: MigrationInfo, heads: Collection[object], run_args: object
    ) -> None:
        if progress is not None:
            for script in context.script.get_revisions(step.up_revision_ids):
                progress(f"{script.revision}: {script.doc}")

    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        render_item=render_item,
        on_version_apply=applied,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    store = Store(context.get_x_argument(as_dictionary=True)["url"])
    with store.begin() as tx:
        run(tx)
