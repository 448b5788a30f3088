"""Creating and upgrading the tables."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from tradewind.core.errors import UnsupportedSchema, UserError
from tradewind.store.engine import Store

_FOLDER = Path(__file__).with_name("migrations")
_LOCK = 0x747261646577  # "tradew": several processes may be started on one database at once
_RUN_MIGRATE = "Run `tradewind db migrate`."


def head() -> str:
    """The newest revision that this version knows. Revisions are numbered: "0001", "0002", …"""
    return max(path.name[:4] for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def current(store: Store) -> str | None:
    """The database's revision; None if it has no tables yet."""
    with store.read() as tx:
        return _revision(tx)


def check(store: Store) -> None:
    """Raise UserError if the tables must be migrated first, UnsupportedSchema if they are newer."""
    revision = current(store)
    _refuse_newer(store, revision)
    if revision is None:
        raise UserError(f"{store} has no tables yet.", hint=_RUN_MIGRATE)
    if revision != head():
        raise UserError(
            f"{store} has tables of revision {revision}; this version needs {head()}.",
            hint=_RUN_MIGRATE,
        )


def migrate(store: Store, progress: Callable[[str], None] = lambda line: None) -> str:
    """Bring the tables to the newest revision, in one transaction; returns the revision.

    Safe to call from several processes at once: the later ones wait and find nothing to do.
    `progress` gets a line for each revision that is applied.
    """
    with store.begin() as tx:
        if store.dialect == "postgresql":
            tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        revision = _revision(tx)
        _refuse_newer(store, revision)
        if revision != head():
            _upgrade(tx, progress)
    return head()


def _revision(tx: Connection) -> str | None:
    if not sa.inspect(tx).has_table("alembic_version"):
        return None
    revision: str | None = tx.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _refuse_newer(store: Store, revision: str | None) -> None:
    if revision is not None and revision > head():
        raise UnsupportedSchema(
            f"{store} has tables of revision {revision}; this version knows them up to {head()}.",
            hint="Upgrade this component to the version that migrated the database.",
        )


def _upgrade(tx: Connection, progress: Callable[[str], None]) -> None:
    from alembic import command  # heavy, and most starts find nothing to do
    from alembic.config import Config

    config = Config(attributes={"connection": tx, "progress": progress})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")
