"""The history is kept by run, and knows instances and runs beside attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "history",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("run_pk", _ID, nullable=False),
        sa.Column("task_instance_id", _ID, nullable=True),
        sa.Column("attempt_id", _ID, nullable=True),
        sa.Column("event", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_pk"], ["dag_run.id"], name=op.f("fk_history_run_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    with op.batch_alter_table("history", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_history_run_pk"), ["run_pk"], unique=False)
    # What was written before told of attempts only; nothing can be proven from it any more.
    op.drop_table("attempt_event")
    op.execute(
        "INSERT INTO history (run_pk, event, at) SELECT id, 'unknown', queued_at FROM dag_run"
    )
    # On SQLite as on PostgreSQL no id is ever used again, so that nobody takes a late report of an
    # attempt which has been deleted with its run for one of another attempt.
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table(
        "attempt",
        recreate="always" if on_sqlite else "never",
        table_kwargs={"sqlite_autoincrement": True} if on_sqlite else {},
    ) as batch_op:
        batch_op.add_column(
            sa.Column("renewals", sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
