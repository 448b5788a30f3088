"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "asset",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(1500), nullable=False),
        sa.Column("uri", sa.String(1500), nullable=False),
        sa.Column("group", sa.String(1500), server_default="asset", nullable=False),
        sa.Column("extra", sa.JSON(none_as_null=True), server_default="{}", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset")),
        sa.UniqueConstraint("name", "uri", name=op.f("uq_asset_name_uri")),
    )
    with op.batch_alter_table("asset", schema=None) as batch_op:
        batch_op.create_index(
            "uq_asset_active_name",
            ["name"],
            unique=True,
            postgresql_where=sa.text("is_active"),
            sqlite_where=sa.text("is_active"),
        )
        batch_op.create_index(
            "uq_asset_active_uri",
            ["uri"],
            unique=True,
            postgresql_where=sa.text("is_active"),
            sqlite_where=sa.text("is_active"),
        )

    op.create_table(
        "asset_alias",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(1500), nullable=False),
        sa.Column("group", sa.String(1500), server_default="asset", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_alias")),
        sa.UniqueConstraint("name", name=op.f("uq_asset_alias_name")),
    )
    op.create_table(
        "asset_state",
        sa.Column("asset_name", sa.String(length=1500), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("asset_name", "key", name=op.f("pk_asset_state")),
    )
    with op.batch_alter_table("asset_state", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_asset_state_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "attempt_event",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("attempt_id", _ID, nullable=False),
        sa.Column("event", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt_event")),
    )
    with op.batch_alter_table("attempt_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_attempt_event_attempt_id"), ["attempt_id"], unique=False
        )

    op.create_table(
        "backfill",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("from_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("conf", sa.JSON(none_as_null=True), server_default="{}", nullable=False),
        sa.Column("reprocess", sa.String(length=20), server_default="none", nullable=False),
        sa.Column("run_backwards", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("max_active_runs", sa.Integer(), server_default=sa.text("(10)"), nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfill")),
    )
    with op.batch_alter_table("backfill", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_backfill_dag_id"), ["dag_id"], unique=False)

    op.create_table(
        "bundle",
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("version", sa.String(250), nullable=True),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_bundle")),
    )
    op.create_table(
        "connection",
        sa.Column("conn_id", sa.String(length=250), nullable=False),
        sa.Column("conn_type", sa.String(length=500), nullable=False),
        sa.Column("host", sa.String(length=500), nullable=True),
        sa.Column("schema", sa.String(length=500), nullable=True),
        sa.Column("login", sa.Text(), nullable=True),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("extra", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("conn_id", name=op.f("pk_connection")),
    )
    op.create_table(
        "dag",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("bundle_name", sa.String(length=250), nullable=False),
        sa.Column("file", sa.String(1000), nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_stale", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("version_id", _ID, nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("last_parsed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("timetable_summary", sa.String(), nullable=True),
        sa.Column("owners", sa.String(2000), server_default="", nullable=False),
        sa.Column("tags", sa.JSON(none_as_null=True), server_default="[]", nullable=False),
        sa.Column("max_active_runs", sa.Integer(), server_default=sa.text("(16)"), nullable=False),
        sa.Column("active_runs", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_logical_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_interval_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_interval_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("needs_slots", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("failed_in_a_row", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", name=op.f("pk_dag")),
    )
    with op.batch_alter_table("dag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dag_next_run_after"), ["next_run_after"], unique=False)

    op.create_table(
        "dag_file",
        sa.Column("bundle_name", sa.String(length=250), nullable=False),
        sa.Column("path", sa.String(1000), nullable=False),
        sa.Column("input_digest", sa.String(length=64), nullable=True),
        sa.Column("inputs", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("parsed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parse_seconds", sa.Float(), nullable=True),
        sa.Column("dag_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.String(length=250), nullable=True),
        sa.PrimaryKeyConstraint("bundle_name", "path", name=op.f("pk_dag_file")),
    )
    op.create_table(
        "dag_version",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("structural_hash", sa.String(length=64), nullable=False),
        sa.Column("bundle_name", sa.String(length=250), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("bundle_version", sa.String(length=250), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dag_version")),
        sa.UniqueConstraint("dag_id", "number", name=op.f("uq_dag_version_dag_id_number")),
    )
    op.create_table(
        "event_log",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=True),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("task_id", sa.String(length=250), nullable=True),
        sa.Column("map_index", sa.Integer(), nullable=True),
        sa.Column("owner", sa.String(length=250), nullable=True),
        sa.Column("extra", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_log")),
    )
    with op.batch_alter_table("event_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_log_at"), ["at"], unique=False)

    op.create_table(
        "import_error",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("bundle_name", sa.String(length=250), nullable=False),
        sa.Column("path", sa.String(1000), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("stacktrace", sa.String(), nullable=False),
        sa.Column("hint", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_error")),
        sa.UniqueConstraint("bundle_name", "path", name=op.f("uq_import_error_bundle_name_path")),
    )
    op.create_table(
        "pool",
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("occupied", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("include_deferred", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pool")),
    )
    op.create_table(
        "process",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=50), nullable=False),
        sa.Column("hostname", sa.String(length=250), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("info", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_process")),
    )
    op.create_table(
        "snapshot",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("bundle_name", sa.String(length=250), nullable=False),
        sa.Column("version", sa.String(length=250), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_snapshot")),
    )
    op.create_table(
        "task_limit",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("occupied", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "task_id", name=op.f("pk_task_limit")),
    )
    op.create_table(
        "variable",
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_variable")),
    )
    op.create_table(
        "asset_event",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("asset_id", _ID, nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("extra", sa.JSON(none_as_null=True), server_default="{}", nullable=False),
        sa.Column("source_dag_id", sa.String(length=250), nullable=True),
        sa.Column("source_task_id", sa.String(length=250), nullable=True),
        sa.Column("source_run_id", sa.String(length=250), nullable=True),
        sa.Column("source_map_index", sa.Integer(), server_default=sa.text("(-1)"), nullable=False),
        sa.Column("partition_key", sa.String(250), nullable=True),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["asset.id"], name=op.f("fk_asset_event_asset_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_event")),
    )
    with op.batch_alter_table("asset_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_asset_event_asset_id"), ["asset_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_asset_event_timestamp"), ["timestamp"], unique=False)

    op.create_table(
        "asset_reference",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=True),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("asset_id", _ID, nullable=True),
        sa.Column("alias_id", _ID, nullable=True),
        sa.Column("ref_name", sa.String(1500), nullable=True),
        sa.Column("ref_uri", sa.String(1500), nullable=True),
        sa.ForeignKeyConstraint(
            ["alias_id"],
            ["asset_alias.id"],
            name=op.f("fk_asset_reference_alias_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["asset.id"], name=op.f("fk_asset_reference_asset_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_reference")),
    )
    with op.batch_alter_table("asset_reference", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_asset_reference_alias_id"), ["alias_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_asset_reference_asset_id"), ["asset_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_asset_reference_dag_id"), ["dag_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_asset_reference_ref_name"), ["ref_name"], unique=False)
        batch_op.create_index(batch_op.f("ix_asset_reference_ref_uri"), ["ref_uri"], unique=False)

    op.create_table(
        "dag_run",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("run_type", sa.String(length=50), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("version_id", _ID, nullable=False),
        sa.Column("bundle_name", sa.String(length=250), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("logical_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("interval_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("interval_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("start_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conf", sa.JSON(none_as_null=True), server_default="{}", nullable=False),
        sa.Column("partition_key", sa.String(length=250), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("triggering_user", sa.String(length=250), nullable=True),
        sa.Column("backfill_id", _ID, nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_owner", sa.String(length=100), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("needs_attention", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backfill_id"],
            ["backfill.id"],
            name=op.f("fk_dag_run_backfill_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["dag_version.id"], name=op.f("fk_dag_run_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dag_run")),
        sa.UniqueConstraint("dag_id", "run_id", name=op.f("uq_dag_run_dag_id_run_id")),
    )
    with op.batch_alter_table("dag_run", schema=None) as batch_op:
        batch_op.create_index(
            "ix_dag_run_active",
            ["state", "lease_until"],
            unique=False,
            postgresql_where=sa.text("state IN ('queued', 'running')"),
        )
        batch_op.create_index(batch_op.f("ix_dag_run_backfill_id"), ["backfill_id"], unique=False)
        batch_op.create_index(
            "ix_dag_run_dag_id_logical_date", ["dag_id", "logical_date"], unique=False
        )
        batch_op.create_index("ix_dag_run_dag_id_run_after", ["dag_id", "run_after"], unique=False)
        batch_op.create_index(batch_op.f("ix_dag_run_version_id"), ["version_id"], unique=False)
        batch_op.create_index(
            "uq_dag_run_dag_id_logical_date",
            ["dag_id", "logical_date"],
            unique=True,
            postgresql_where=sa.text("logical_date IS NOT NULL AND partition_key IS NULL"),
            sqlite_where=sa.text("logical_date IS NOT NULL AND partition_key IS NULL"),
        )

    op.create_table(
        "asset_alias_event",
        sa.Column("alias_id", _ID, nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["alias_id"],
            ["asset_alias.id"],
            name=op.f("fk_asset_alias_event_alias_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["asset_event.id"],
            name=op.f("fk_asset_alias_event_event_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("alias_id", "event_id", name=op.f("pk_asset_alias_event")),
    )
    with op.batch_alter_table("asset_alias_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_asset_alias_event_event_id"), ["event_id"], unique=False
        )

    op.create_table(
        "asset_queue",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["asset_event.id"],
            name=op.f("fk_asset_queue_event_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dag_id", "event_id", name=op.f("pk_asset_queue")),
    )
    with op.batch_alter_table("asset_queue", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_asset_queue_event_id"), ["event_id"], unique=False)

    op.create_table(
        "consumed_event",
        sa.Column("run_pk", _ID, nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["asset_event.id"],
            name=op.f("fk_consumed_event_event_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["run_pk"], ["dag_run.id"], name=op.f("fk_consumed_event_run_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_pk", "event_id", name=op.f("pk_consumed_event")),
    )
    with op.batch_alter_table("consumed_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consumed_event_event_id"), ["event_id"], unique=False)

    op.create_table(
        "deadline",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("run_pk", _ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("missed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_pk"], ["dag_run.id"], name=op.f("fk_deadline_run_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline")),
    )
    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deadline_due", ["due_at"], unique=False, postgresql_where=sa.text("NOT missed")
        )
        batch_op.create_index(batch_op.f("ix_deadline_run_pk"), ["run_pk"], unique=False)

    op.create_table(
        "inbox",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("run_pk", _ID, nullable=False),
        sa.Column("task_instance_id", _ID, nullable=True),
        sa.Column("attempt_id", _ID, nullable=True),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_pk"], ["dag_run.id"], name=op.f("fk_inbox_run_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inbox_run_pk"), ["run_pk"], unique=False)

    op.create_table(
        "partition_progress",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("partition_key", sa.String(length=250), nullable=False),
        sa.Column("asset_name", sa.String(length=1500), nullable=False),
        sa.Column("upstream_key", sa.String(length=250), nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["asset_event.id"],
            name=op.f("fk_partition_progress_event_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "dag_id",
            "partition_key",
            "asset_name",
            "upstream_key",
            name=op.f("pk_partition_progress"),
        ),
    )
    with op.batch_alter_table("partition_progress", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_partition_progress_event_id"), ["event_id"], unique=False
        )

    op.create_table(
        "task_instance",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("run_pk", _ID, nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("map_index", sa.Integer(), server_default=sa.text("(-1)"), nullable=False),
        sa.Column("state", sa.String(length=20), server_default="none", nullable=False),
        sa.Column("try_number", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("max_tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("infra_failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempt_id", _ID, nullable=True),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("start_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_start_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resume", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("mapped_length", sa.Integer(), nullable=True),
        sa.Column("skips", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("rendered_map_index", sa.String(250), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("operator", sa.String(250), server_default="", nullable=False),
        sa.Column("pool", sa.String(250), server_default="default_pool", nullable=False),
        sa.Column("pool_slots", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("queue", sa.String(250), server_default="default", nullable=False),
        sa.Column("executor", sa.String(250), nullable=True),
        sa.Column("priority_weight", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_pk"], ["dag_run.id"], name=op.f("fk_task_instance_run_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_instance")),
        sa.UniqueConstraint(
            "run_pk", "task_id", "map_index", name=op.f("uq_task_instance_run_pk_task_id_map_index")
        ),
    )
    with op.batch_alter_table("task_instance", schema=None) as batch_op:
        batch_op.create_index(
            "ix_task_instance_live",
            ["state"],
            unique=False,
            postgresql_where=sa.text("state IN ('queued','running','restarting','deferred')"),
        )

    op.create_table(
        "task_state",
        sa.Column("run_pk", _ID, nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_pk"], ["dag_run.id"], name=op.f("fk_task_state_run_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "run_pk", "task_id", "map_index", "key", name=op.f("pk_task_state")
        ),
    )
    with op.batch_alter_table("task_state", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_task_state_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "xcom",
        sa.Column("run_pk", _ID, nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_pk"], ["dag_run.id"], name=op.f("fk_xcom_run_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_pk", "task_id", "map_index", "key", name=op.f("pk_xcom")),
    )
    op.create_table(
        "attempt",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("task_instance_id", _ID, nullable=False),
        sa.Column("run_pk", _ID, nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("executor", sa.String(length=250), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("category", sa.String(length=50), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("hostname", sa.String(250), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("cpu_seconds", sa.Float(), nullable=True),
        sa.Column("peak_memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("log_file", sa.String(length=1000), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_pk"], ["dag_run.id"], name=op.f("fk_attempt_run_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["task_instance_id"],
            ["task_instance.id"],
            name=op.f("fk_attempt_task_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint(
            "task_instance_id", "generation", name=op.f("uq_attempt_task_instance_id_generation")
        ),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index(
            "ix_attempt_live",
            ["state", "owner"],
            unique=False,
            postgresql_where=sa.text("state IN ('queued', 'running')"),
        )
        batch_op.create_index(batch_op.f("ix_attempt_run_pk"), ["run_pk"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_attempt_task_instance_id"), ["task_instance_id"], unique=False
        )

    op.create_table(
        "callback",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("run_pk", _ID, nullable=False),
        sa.Column("task_instance_id", _ID, nullable=True),
        sa.Column("kinds", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=100), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_pk"], ["dag_run.id"], name=op.f("fk_callback_run_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["task_instance_id"],
            ["task_instance.id"],
            name=op.f("fk_callback_task_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback")),
    )
    with op.batch_alter_table("callback", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_callback_run_pk"), ["run_pk"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_callback_task_instance_id"), ["task_instance_id"], unique=False
        )

    op.create_table(
        "hitl",
        sa.Column("task_instance_id", _ID, nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("options", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("defaults", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("multiple", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("params", sa.JSON(none_as_null=True), server_default="{}", nullable=False),
        sa.Column("assignees", sa.JSON(none_as_null=True), server_default="[]", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(length=250), nullable=True),
        sa.Column("chosen", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("params_input", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_instance_id"],
            ["task_instance.id"],
            name=op.f("fk_hitl_task_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("task_instance_id", name=op.f("pk_hitl")),
    )
    op.create_table(
        "rendered_fields",
        sa.Column("task_instance_id", _ID, nullable=False),
        sa.Column("fields", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_instance_id"],
            ["task_instance.id"],
            name=op.f("fk_rendered_fields_task_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("task_instance_id", name=op.f("pk_rendered_fields")),
    )
    op.create_table(
        "trigger",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("task_instance_id", _ID, nullable=True),
        sa.Column("run_pk", _ID, nullable=True),
        sa.Column("asset_name", sa.String(length=1500), nullable=True),
        sa.Column("watcher_name", sa.String(length=250), nullable=True),
        sa.Column("classpath", sa.String(1000), nullable=False),
        sa.Column("kwargs", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("bundle_name", sa.String(length=250), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("queue", sa.String(250), server_default="default", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_owner", sa.String(length=100), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_pk"], ["dag_run.id"], name=op.f("fk_trigger_run_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["task_instance_id"],
            ["task_instance.id"],
            name=op.f("fk_trigger_task_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trigger")),
    )
    with op.batch_alter_table("trigger", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trigger_lease_until"), ["lease_until"], unique=False)
        batch_op.create_index(batch_op.f("ix_trigger_run_pk"), ["run_pk"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_trigger_task_instance_id"), ["task_instance_id"], unique=False
        )
    op.bulk_insert(
        sa.table("pool", sa.column("name"), sa.column("slots"), sa.column("description")),
        [{"name": "default_pool", "slots": 128, "description": "Where tasks go by default"}],
    )
