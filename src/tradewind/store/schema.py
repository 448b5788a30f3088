"""The tables. Migrations under `store/migrations` build exactly these; a test compares the two.

Every change of a run, or of anything that belongs to it, happens in a transaction that first moves
`dag_run.revision` on by one with a compare-and-set (`store.runs.advance_revision`): who holds an
old revision has lost, writes nothing and reads again. That is the one fence for schedulers and
people.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from tradewind.store.types import Id, Int32, JsonValue, UserText, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


# Indexes over live rows are partial on PostgreSQL only: SQLite does not see that bound parameters
# satisfy an index's condition, so there they hold all rows.


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _ref(name: str, target: str, *, nullable: bool = False, index: bool = False) -> Column[Any]:
    return Column(name, Id, ForeignKey(target, ondelete="CASCADE"), nullable=nullable, index=index)


def _event_key() -> Column[int]:
    return Column(
        "event_id",
        Id,
        ForeignKey("asset_event.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,  # the key begins with another column, and deleting events looks here
    )


# --- bundles, files, DAGs -------------------------------------------------------------------------

bundle = Table(
    "bundle",
    metadata,
    Column("name", String(250), primary_key=True),
    Column("kind", String(50), nullable=False),
    Column("digest", String(64)),  # of the newest snapshot
    Column("version", UserText(250)),  # what the source calls it: a commit
    Column("refreshed_at", UtcDateTime),
    Column("error", UserText()),  # why the last refresh failed
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("bundle_name", String(250), nullable=False),
    Column("version", String(250)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)

dag_file = Table(
    "dag_file",
    metadata,
    Column("bundle_name", String(250), primary_key=True),
    Column("path", UserText(1000), primary_key=True),
    Column("input_digest", String(64)),  # of the file and everything that it imported
    Column("inputs", JsonValue),  # the bundle files that it imported
    Column("parsed_at", UtcDateTime),
    Column("parse_seconds", Float),
    Column("dag_count", Integer, nullable=False, server_default=text("0")),
    Column("reason", String(250)),  # why it was parsed again
)

import_error = Table(
    "import_error",
    metadata,
    _id(),
    Column("bundle_name", String(250), nullable=False),
    Column("path", UserText(1000), nullable=False),
    Column("timestamp", UtcDateTime, nullable=False),
    Column("line", Integer),
    Column("message", UserText(), nullable=False),
    Column("stacktrace", UserText(), nullable=False),
    Column("hint", UserText()),
    UniqueConstraint("bundle_name", "path"),
)

dag = Table(
    "dag",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    Column("bundle_name", String(250), nullable=False),
    Column("file", UserText(1000), nullable=False),
    Column("is_paused", Boolean, nullable=False, server_default=false()),
    Column("is_stale", Boolean, nullable=False, server_default=false()),  # gone from its file
    Column("version_id", Id),  # the newest dag_version
    Column("digest", String(64)),  # the newest snapshot that holds it
    Column("last_parsed_at", UtcDateTime),
    # What listings and the run-creating query need, taken from the document:
    Column("description", UserText()),
    Column("timetable_summary", UserText()),
    Column("owners", UserText(2000), nullable=False, server_default=""),
    Column("tags", JsonValue, nullable=False, server_default="[]"),
    Column("max_active_runs", Int32, nullable=False, server_default=text("16")),
    Column("active_runs", Integer, nullable=False, server_default=text("0")),  # in state running
    # The next scheduled run; None: nothing is planned.
    Column("next_logical_date", UtcDateTime),
    Column("next_interval_start", UtcDateTime),
    Column("next_interval_end", UtcDateTime),
    Column("next_run_after", UtcDateTime, index=True),
    Column(
        "needs_slots", Boolean, nullable=False, server_default=false()
    ),  # custom timetable ran dry
    Column("failed_in_a_row", Integer, nullable=False, server_default=text("0")),
)

dag_version = Table(
    "dag_version",
    metadata,
    _id(),
    Column("dag_id", String(250), nullable=False),
    Column("number", Integer, nullable=False),
    Column("structural_hash", String(64), nullable=False),
    Column("bundle_name", String(250), nullable=False),
    Column("digest", String(64)),  # the first snapshot that held it
    Column("bundle_version", String(250)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("document", LargeBinary, nullable=False),  # core.dag.encode
    UniqueConstraint("dag_id", "number"),
)

# --- runs, task instances, attempts ---------------------------------------------------------------

dag_run = Table(
    "dag_run",
    metadata,
    _id(),
    Column("dag_id", String(250), nullable=False),
    Column("run_id", String(250), nullable=False),
    Column("run_type", String(50), nullable=False),
    Column("state", String(20), nullable=False),
    Column("version_id", Id, ForeignKey("dag_version.id"), nullable=False, index=True),
    Column("bundle_name", String(250), nullable=False),
    Column("digest", String(64), nullable=False),  # the snapshot that its tasks execute
    Column("logical_date", UtcDateTime),
    Column("interval_start", UtcDateTime),
    Column("interval_end", UtcDateTime),
    Column("run_after", UtcDateTime, nullable=False),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("start_date", UtcDateTime),
    Column("end_date", UtcDateTime),
    Column("conf", JsonValue, nullable=False, server_default="{}"),
    Column("partition_key", String(250)),
    Column("note", Text),
    Column("triggering_user", String(250)),
    _ref("backfill_id", "backfill.id", nullable=True, index=True),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Column("lease_owner", String(100)),
    Column("lease_until", UtcDateTime),
    Column("needs_attention", Boolean, nullable=False, server_default=true()),
    UniqueConstraint("dag_id", "run_id"),
    Index(
        "uq_dag_run_dag_id_logical_date",
        "dag_id",
        "logical_date",
        unique=True,
        postgresql_where=text("logical_date IS NOT NULL AND partition_key IS NULL"),
        sqlite_where=text("logical_date IS NOT NULL AND partition_key IS NULL"),
    ),
    Index(
        "ix_dag_run_active",
        "state",
        "lease_until",
        postgresql_where=text("state IN ('queued', 'running')"),
    ),
    Index("ix_dag_run_dag_id_run_after", "dag_id", "run_after"),
    Index("ix_dag_run_dag_id_logical_date", "dag_id", "logical_date"),
)

task_instance = Table(
    "task_instance",
    metadata,
    _id(),
    _ref("run_pk", "dag_run.id"),
    Column("task_id", String(250), nullable=False),
    Column("map_index", Integer, nullable=False, server_default=text("-1")),
    Column("state", String(20), nullable=False, server_default="none"),
    Column("try_number", Integer, nullable=False, server_default=text("0")),
    Column("max_tries", Int32, nullable=False, server_default=text("0")),
    Column("infra_failures", Integer, nullable=False, server_default=text("0")),  # of this try
    Column("attempt_id", Id),  # the current attempt: no other may report
    Column("scheduled_at", UtcDateTime),
    Column("queued_at", UtcDateTime),
    Column("start_date", UtcDateTime),
    Column("end_date", UtcDateTime),
    Column("first_start_date", UtcDateTime),  # of this try, across reschedules
    Column("wake_at", UtcDateTime),  # retry, reschedule or deferral time-out due
    Column("resume", JsonValue),  # protocol.Resume, once a deferred task may go on
    Column("mapped_length", Integer),  # of its return value, when something maps over it
    Column("skips", JsonValue),  # task ids that it, a branch, did not follow
    Column("rendered_map_index", UserText(250)),
    Column("reason", UserText()),  # the last thing that happened to it, for people
    Column("note", UserText()),
    # From the task, so that listings and claims need no document:
    Column("operator", UserText(250), nullable=False, server_default=""),
    Column("pool", UserText(250), nullable=False, server_default="default_pool"),
    Column("pool_slots", Int32, nullable=False, server_default=text("1")),
    Column("queue", UserText(250), nullable=False, server_default="default"),
    Column("executor", UserText(250)),
    Column("priority_weight", Int32, nullable=False, server_default=text("1")),
    UniqueConstraint("run_pk", "task_id", "map_index"),
    Index(
        "ix_task_instance_live",
        "state",
        postgresql_where=text("state IN ('queued','running','restarting','deferred')"),
    ),
)

attempt = Table(
    "attempt",
    metadata,
    _id(),
    _ref("task_instance_id", "task_instance.id", index=True),
    _ref("run_pk", "dag_run.id", index=True),
    Column("try_number", Integer, nullable=False),
    Column("generation", Integer, nullable=False),  # 1, 2, … within the task instance
    Column("state", String(20), nullable=False),  # AttemptState
    Column("executor", String(250), nullable=False),
    Column("owner", String(100), nullable=False),  # the executor process that launches it
    Column("lease_until", UtcDateTime),
    Column("renewals", Integer, nullable=False, server_default=text("0")),  # of the lease
    Column("queued_at", UtcDateTime, nullable=False),
    Column("launched_at", UtcDateTime),  # when its executor was told
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    # The verdict: the task's state that came of it, and for a failure why.
    Column("outcome", String(20)),
    Column("category", String(50)),  # "user_code", "timeout", "infra_lost", "oom", …: stable
    Column("reason", UserText()),
    Column("hostname", UserText(250)),
    Column("pid", Integer),
    Column("exit_code", Integer),
    Column("cpu_seconds", Float),
    Column("peak_memory_bytes", BigInteger),
    Column("log_file", String(1000)),
    UniqueConstraint("task_instance_id", "generation"),
    Index(
        "ix_attempt_live",
        "state",
        "owner",
        postgresql_where=text("state IN ('queued', 'running')"),
    ),
    sqlite_autoincrement=True,  # late reports must not meet an id that is used again
)

history = Table(  # what `core.history` proves things from
    "history",
    metadata,
    _id(),
    _ref("run_pk", "dag_run.id", index=True),
    Column("task_instance_id", Id),  # None: it is about the run
    Column("attempt_id", Id),
    # Of an attempt: claim, start, renew (only one that came too late), finish, fence, refuse,
    # vacate (its slot is free, and whoever leases the run has still to hear of its end).
    # Of an instance without one: end, resume; by hand mark, clear. Of the run: begin, over.
    Column("event", String(20), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("detail", UserText()),
)

inbox = Table(  # what others report about a run, until the scheduler that leases it applies it
    "inbox",
    metadata,
    _id(),
    _ref("run_pk", "dag_run.id", index=True),
    Column("task_instance_id", Id),
    Column("attempt_id", Id),
    Column("kind", String(30), nullable=False),  # started, finished, lost, trigger_event
    Column("payload", JsonValue),
    Column("created_at", UtcDateTime, nullable=False),
)

rendered_fields = Table(
    "rendered_fields",
    metadata,
    Column(
        "task_instance_id",
        Id,
        ForeignKey("task_instance.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("fields", JsonValue, nullable=False),
)

xcom = Table(
    "xcom",
    metadata,
    Column("run_pk", Id, ForeignKey("dag_run.id", ondelete="CASCADE"), primary_key=True),
    Column("task_id", String(250), primary_key=True),
    Column("map_index", Integer, primary_key=True),
    Column("key", UserText(512), primary_key=True),
    Column("value", JsonValue),  # the XCom encoding; SQL NULL is a pushed None
    Column("timestamp", UtcDateTime, nullable=False),
)

trigger = Table(
    "trigger",
    metadata,
    _id(),
    _ref("task_instance_id", "task_instance.id", nullable=True, index=True),
    _ref("run_pk", "dag_run.id", nullable=True, index=True),
    Column("asset_name", String(1500)),  # an AssetWatcher's
    Column("watcher_name", String(250)),
    Column("classpath", UserText(1000), nullable=False),
    Column("kwargs", JsonValue, nullable=False),
    Column("bundle_name", String(250), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("queue", UserText(250), nullable=False, server_default="default"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("lease_owner", String(100)),
    Column("lease_until", UtcDateTime, index=True),
)

callback = Table(  # callbacks that have no runner of their own, until one has run them
    "callback",
    metadata,
    _id(),
    _ref("run_pk", "dag_run.id", index=True),
    _ref("task_instance_id", "task_instance.id", nullable=True, index=True),
    Column("kinds", JsonValue, nullable=False),
    Column("reason", UserText(), nullable=False, server_default=""),
    Column("state", String(20), nullable=False),  # queued, running, success, failed
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("lease_owner", String(100)),
    Column("lease_until", UtcDateTime),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("error", UserText()),
)

deadline = Table(
    "deadline",
    metadata,
    _id(),
    _ref("run_pk", "dag_run.id", index=True),
    Column("position", Integer, nullable=False),  # in the DAG's list of deadlines
    Column("due_at", UtcDateTime, nullable=False),
    Column("missed", Boolean, nullable=False, server_default=false()),
    Index(
        "ix_deadline_due",
        "due_at",
        postgresql_where=text("NOT missed"),
    ),
)

hitl = Table(
    "hitl",
    metadata,
    Column(
        "task_instance_id",
        Id,
        ForeignKey("task_instance.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("subject", UserText(), nullable=False),
    Column("body", UserText()),
    Column("options", JsonValue, nullable=False),
    Column("defaults", JsonValue),
    Column("multiple", Boolean, nullable=False, server_default=false()),
    Column("params", JsonValue, nullable=False, server_default="{}"),
    Column("assignees", JsonValue, nullable=False, server_default="[]"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),
    Column("answered_by", String(250)),
    Column("chosen", JsonValue),
    Column("params_input", JsonValue),
)

task_state = Table(
    "task_state",
    metadata,
    Column("run_pk", Id, ForeignKey("dag_run.id", ondelete="CASCADE"), primary_key=True),
    Column("task_id", String(250), primary_key=True),
    Column("map_index", Integer, primary_key=True),
    Column("key", String(512), primary_key=True),
    Column("value", JsonValue),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, index=True),
)

# --- assets ---------------------------------------------------------------------------------------

asset = Table(
    "asset",
    metadata,
    _id(),
    Column("name", UserText(1500), nullable=False),
    Column("uri", UserText(1500), nullable=False),
    Column("group", UserText(1500), nullable=False, server_default="asset"),
    Column("extra", JsonValue, nullable=False, server_default="{}"),
    # DAGs that disagree about a name's URI make several rows, one of which is active.
    Column("is_active", Boolean, nullable=False, server_default=true()),
    UniqueConstraint("name", "uri"),
    Index(
        "uq_asset_active_name",
        "name",
        unique=True,
        postgresql_where=text("is_active"),
        sqlite_where=text("is_active"),
    ),
    Index(
        "uq_asset_active_uri",
        "uri",
        unique=True,
        postgresql_where=text("is_active"),
        sqlite_where=text("is_active"),
    ),
)

asset_alias = Table(
    "asset_alias",
    metadata,
    _id(),
    Column("name", UserText(1500), nullable=False, unique=True),
    Column("group", UserText(1500), nullable=False, server_default="asset"),
)

asset_event = Table(
    "asset_event",
    metadata,
    _id(),
    _ref("asset_id", "asset.id", index=True),
    Column("timestamp", UtcDateTime, nullable=False, index=True),
    Column("extra", JsonValue, nullable=False, server_default="{}"),
    Column("source_dag_id", String(250)),
    Column("source_task_id", String(250)),
    Column("source_run_id", String(250)),
    Column("source_map_index", Integer, nullable=False, server_default=text("-1")),
    Column("partition_key", UserText(250)),
)

asset_alias_event = Table(
    "asset_alias_event",
    metadata,
    Column("alias_id", Id, ForeignKey("asset_alias.id", ondelete="CASCADE"), primary_key=True),
    _event_key(),
)

asset_reference = Table(  # who uses which asset, rebuilt at each publish of a DAG
    "asset_reference",
    metadata,
    _id(),
    Column("dag_id", String(250), nullable=False, index=True),
    Column("task_id", String(250)),
    Column("role", String(10), nullable=False),  # schedule, inlet, outlet
    _ref("asset_id", "asset.id", nullable=True, index=True),
    _ref("alias_id", "asset_alias.id", nullable=True, index=True),
    # `Asset.ref`: an asset by name or URI alone, which may not exist yet.
    Column("ref_name", UserText(1500), index=True),
    Column("ref_uri", UserText(1500), index=True),
)

asset_queue = Table(  # events that a DAG has not consumed yet
    "asset_queue",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    _event_key(),
)

partition_progress = Table(  # which upstream keys have come in for a partition not yet complete
    "partition_progress",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    Column("partition_key", String(250), primary_key=True),
    Column("asset_name", String(1500), primary_key=True),
    Column("upstream_key", String(250), primary_key=True),
    _ref("event_id", "asset_event.id", index=True),
)

consumed_event = Table(  # the asset events that made a run
    "consumed_event",
    metadata,
    Column("run_pk", Id, ForeignKey("dag_run.id", ondelete="CASCADE"), primary_key=True),
    _event_key(),
)

asset_state = Table(
    "asset_state",
    metadata,
    Column("asset_name", String(1500), primary_key=True),
    Column("key", String(512), primary_key=True),
    Column("value", JsonValue),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, index=True),
)

# --- limits ---------------------------------------------------------------------------------------

pool = Table(
    "pool",
    metadata,
    Column("name", String(250), primary_key=True),
    Column("slots", Integer, nullable=False),  # -1: no limit
    Column("occupied", Integer, nullable=False, server_default=text("0")),
    Column("description", Text),
    Column("include_deferred", Boolean, nullable=False, server_default=false()),
)

task_limit = Table(  # how many instances of a task with max_active_tis_per_dag hold a slot
    "task_limit",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    Column("task_id", String(250), primary_key=True),
    Column("occupied", Integer, nullable=False, server_default=text("0")),
)

# --- administration -------------------------------------------------------------------------------

variable = Table(
    "variable",
    metadata,
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    Column("description", Text),
)

connection = Table(
    "connection",
    metadata,
    Column("conn_id", String(250), primary_key=True),
    Column("conn_type", String(500), nullable=False),
    Column("host", String(500)),
    Column("schema", String(500)),
    Column("login", Text),
    Column("password", Text),
    Column("port", Integer),
    Column("extra", Text),
    Column("description", Text),
)

backfill = Table(
    "backfill",
    metadata,
    _id(),
    Column("dag_id", String(250), nullable=False, index=True),
    Column("from_date", UtcDateTime, nullable=False),
    Column("to_date", UtcDateTime, nullable=False),
    Column("conf", JsonValue, nullable=False, server_default="{}"),
    Column("reprocess", String(20), nullable=False, server_default="none"),
    Column("run_backwards", Boolean, nullable=False, server_default=false()),
    Column("max_active_runs", Int32, nullable=False, server_default=text("10")),
    Column("is_paused", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime),
)

process = Table(  # the living roles, for health and for people
    "process",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("role", String(50), nullable=False),
    Column("hostname", String(250), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("info", JsonValue),
)

event_log = Table(  # who did what
    "event_log",
    metadata,
    _id(),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("event", String(60), nullable=False),
    Column("dag_id", String(250)),
    Column("run_id", String(250)),
    Column("task_id", String(250)),
    Column("map_index", Integer),
    Column("owner", String(250)),
    Column("extra", JsonValue),
)
