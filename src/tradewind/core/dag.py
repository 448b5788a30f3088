"""The serialized DAG: one document per DAG version, plain data, all that scheduling and UI need.

Changes are additive only. A document whose `schema` is newer than `SCHEMA` is refused.
Durations are seconds. Times are aware UTC unless a field says otherwise.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from tradewind.core.errors import InvalidDag, UnsupportedSchema
from tradewind.core.states import TriggerRule

SCHEMA = 1

Json = Any  # the wire's edge: whatever JSON can say


class _Doc(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


# --- mapping --------------------------------------------------------------------------------------


class LiteralLength(_Doc, frozen=True, tag="literal"):
    """A mapped argument given in the file itself, `length` items long."""

    length: int


class XComLength(_Doc, frozen=True, tag="xcom"):
    """A mapped argument that is the XCom of `task_id`; the length is known when that is done."""

    task_id: str
    key: str = "return_value"


class ZipLength(_Doc, frozen=True, tag="zip"):
    """`XComArg.zip`: as long as the shortest source, or the longest when a fill value was given."""

    sources: list["LengthSource"]
    longest: bool = False


class ConcatLength(_Doc, frozen=True, tag="concat"):
    """`XComArg.concat`: as long as all sources together."""

    sources: list["LengthSource"]


LengthSource = LiteralLength | XComLength | ZipLength | ConcatLength


class MappedArgument(_Doc, frozen=True):
    name: str
    source: LengthSource


class Expansion(_Doc, frozen=True):
    """How many instances a mapped task or group has: the product of its arguments' lengths.

    `arguments` is in the file's order; the last one varies fastest. `expand_kwargs` is a single
    argument without a name.
    """

    arguments: list[MappedArgument]


# --- assets ---------------------------------------------------------------------------------------


class AssetRef(_Doc, frozen=True, tag="asset"):
    name: str
    uri: str
    group: str = "asset"
    extra: dict[str, Json] = msgspec.field(default_factory=dict)


class AssetAliasRef(_Doc, frozen=True, tag="alias"):
    name: str
    group: str = "asset"


class AssetNameRef(_Doc, frozen=True, tag="name"):
    """`Asset.ref(name=...)`: an asset that some DAG defines."""

    name: str


class AssetUriRef(_Doc, frozen=True, tag="uri"):
    uri: str


class AssetAll(_Doc, frozen=True, tag="all"):
    conditions: list["AssetCondition"]


class AssetAny(_Doc, frozen=True, tag="any"):
    conditions: list["AssetCondition"]


AnyAssetRef = AssetRef | AssetAliasRef | AssetNameRef | AssetUriRef
AssetCondition = AssetRef | AssetAliasRef | AssetNameRef | AssetUriRef | AssetAll | AssetAny


# --- timetables: what `core.timetables` can evaluate, and `custom` for what only user code can ----


class NullSchedule(_Doc, frozen=True, tag="null"):
    """Runs only when somebody or something triggers it."""


class OnceSchedule(_Doc, frozen=True, tag="once"):
    pass


class ContinuousSchedule(_Doc, frozen=True, tag="continuous"):
    pass


class CronTrigger(_Doc, frozen=True, tag="cron_trigger"):
    """`CronTriggerTimetable`, and `MultipleCronTriggerTimetable` when there are several crons.

    `interval`: width of the data interval in seconds, or a relativedelta's fields.
    `run_immediately`: None, a bool, or seconds, as Airflow's.
    """

    crons: list[str]
    timezone: str = "UTC"
    interval: float | dict[str, int] = 0.0
    run_immediately: bool | float | None = None


class CronInterval(_Doc, frozen=True, tag="cron_interval"):
    """`CronDataIntervalTimetable`: a run at the end of each interval between two ticks."""

    cron: str
    timezone: str = "UTC"


class DeltaTrigger(_Doc, frozen=True, tag="delta_trigger"):
    """`DeltaTriggerTimetable`. `delta`: seconds, or a relativedelta's fields."""

    delta: float | dict[str, int]
    interval: float | dict[str, int] = 0.0


class DeltaInterval(_Doc, frozen=True, tag="delta_interval"):
    """`DeltaDataIntervalTimetable`."""

    delta: float | dict[str, int]


class EventsSchedule(_Doc, frozen=True, tag="events"):
    event_dates: list[datetime]
    restrict_to_events: bool = False
    description: str | None = None


class AssetSchedule(_Doc, frozen=True, tag="assets"):
    condition: AssetCondition


class AssetOrTimeSchedule(_Doc, frozen=True, tag="asset_or_time"):
    condition: AssetCondition
    timetable: "Timetable"


class PartitionMapperSpec(_Doc, frozen=True):
    """A partition mapper: `kind` as in `core.partitions`, its arguments as JSON."""

    kind: str
    arguments: dict[str, Json] = msgspec.field(default_factory=dict)


class CronPartition(_Doc, frozen=True, tag="cron_partition"):
    cron: str
    timezone: str = "UTC"
    arguments: dict[str, Json] = msgspec.field(default_factory=dict)


class PartitionedAssets(_Doc, frozen=True, tag="partitioned_assets"):
    """One run per partition key that the mapped upstream keys complete."""

    condition: AssetCondition
    default_mapper: PartitionMapperSpec
    mappers: dict[str, PartitionMapperSpec] = msgspec.field(default_factory=dict)  # by asset name


class PartitionedAtRuntime(_Doc, frozen=True, tag="partitioned_at_runtime"):
    """No schedule of its own; its tasks emit partition keys."""


class Slot(_Doc, frozen=True):
    """One occasion to run: logical date, data interval, and the moment from which it is due."""

    logical_date: datetime | None
    interval_start: datetime | None
    interval_end: datetime | None
    run_after: datetime
    partition_key: str | None = None
    partition_date: datetime | None = None  # what the key was made from


class CustomSchedule(_Doc, frozen=True, tag="custom"):
    """A user's Timetable class. `upcoming` was computed by it in the parsing child."""

    classpath: str
    upcoming: list[Slot] = msgspec.field(default_factory=list)
    exhausted: bool = False  # True: the class said that there is nothing after `upcoming`
    can_be_scheduled: bool = True


Timetable = (
    NullSchedule
    | OnceSchedule
    | ContinuousSchedule
    | CronTrigger
    | CronInterval
    | DeltaTrigger
    | DeltaInterval
    | EventsSchedule
    | AssetSchedule
    | AssetOrTimeSchedule
    | CronPartition
    | PartitionedAssets
    | PartitionedAtRuntime
    | CustomSchedule
)


# --- the DAG --------------------------------------------------------------------------------------


class ParamSpec(_Doc, frozen=True):
    """One param. `has_default` False means that a run must give it."""

    default: Json = None
    has_default: bool = True
    description: str | None = None
    schema: dict[str, Json] = msgspec.field(default_factory=dict)


class DeadlineSpec(_Doc, frozen=True):
    """A `DeadlineAlert`. `reference`: Airflow's class name of the reference point."""

    reference: str
    interval_seconds: float
    arguments: dict[str, Json] = msgspec.field(default_factory=dict)


class GroupSpec(_Doc, frozen=True):
    """A task group. `parent` None is the DAG itself. Its members name it as their `group_id`."""

    group_id: str
    label: str
    parent: str | None = None
    tooltip: str = ""
    doc_md: str | None = None
    display_name: str | None = None
    expansion: Expansion | None = None
    prefix_group_id: bool = True


class TaskSpec(_Doc, frozen=True):
    """One task. Fields bear Airflow's argument names; durations carry their unit."""

    task_id: str
    label: str
    operator: str  # as Airflow shows it: "BashOperator", "@task.branch"
    classpath: str = ""
    display_name: str | None = None
    upstream: list[str] = msgspec.field(default_factory=list)  # sorted task ids
    group_id: str | None = None
    trigger_rule: TriggerRule = TriggerRule.ALL_SUCCESS
    is_setup: bool = False
    is_teardown: bool = False
    on_failure_fail_dagrun: bool = False
    is_empty: bool = False  # nothing to execute: the scheduler marks it done without a runner
    is_sensor: bool = False
    expansion: Expansion | None = None  # own expand(); a mapped group is in GroupSpec
    has_map_index_template: bool = False
    owner: str = "airflow"
    retries: int = 0
    retry_delay_seconds: float = 300.0
    retry_exponential_backoff: float = 0.0  # the factor; 0 means constant waits
    max_retry_delay_seconds: float | None = None
    execution_timeout_seconds: float | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    depends_on_past: bool = False
    ignore_first_depends_on_past: bool = True
    wait_for_downstream: bool = False
    wait_for_past_depends_before_skipping: bool = False
    pool: str = "default_pool"
    pool_slots: int = 1
    queue: str = "default"
    executor: str | None = None
    executor_config: Json = None
    priority_weight: int = 1  # the task's own
    weight_rule: str = "downstream"
    weight: int = 1  # after the weight rule; custom strategies are evaluated in the parsing child
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    inlets: list[AnyAssetRef] = msgspec.field(default_factory=list)
    outlets: list[AnyAssetRef] = msgspec.field(default_factory=list)
    callbacks: list[str] = msgspec.field(default_factory=list)  # "on_failure", "on_retry", ...
    template_fields: list[str] = msgspec.field(default_factory=list)
    params: dict[str, ParamSpec] = msgspec.field(default_factory=dict)
    multiple_outputs: bool = False
    is_result: bool = False
    doc_md: str | None = None
    ui_color: str | None = None
    ui_fgcolor: str | None = None
    triggers_dag_id: str | None = None  # TriggerDagRunOperator, for the dependency view
    waits_for_dag_id: str | None = None  # ExternalTaskSensor, likewise
    run_as_user: str | None = None
    extra_links: dict[str, str] = msgspec.field(default_factory=dict)  # name → XCom key of the URL


class SerializedDag(_Doc, frozen=True):
    """One DAG. `tasks` is in topological order, ties by task id."""

    schema: int
    dag_id: str
    file: str  # relative to the bundle's root
    timetable: Timetable
    tasks: list[TaskSpec]
    groups: list[GroupSpec] = msgspec.field(default_factory=list)  # parents before children
    edge_labels: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    timetable_summary: str | None = None
    timetable_description: str = ""
    display_name: str | None = None
    description: str | None = None
    doc_md: str | None = None
    tags: list[str] = msgspec.field(default_factory=list)
    owners: list[str] = msgspec.field(default_factory=list)
    owner_links: dict[str, str] = msgspec.field(default_factory=dict)
    timezone: str = "UTC"
    start_date: datetime | None = None
    end_date: datetime | None = None
    catchup: bool = False
    max_active_runs: int = 16
    max_active_tasks: int = 16  # per run, as Airflow 3
    max_consecutive_failed_dag_runs: int = 0
    dagrun_timeout_seconds: float | None = None
    fail_fast: bool = False
    is_paused_upon_creation: bool | None = None
    params: dict[str, ParamSpec] = msgspec.field(default_factory=dict)
    allowed_run_types: list[str] | None = None
    callbacks: list[str] = msgspec.field(default_factory=list)  # "on_success", "on_failure"
    deadlines: list[DeadlineSpec] = msgspec.field(default_factory=list)
    render_template_as_native_obj: bool = False
    access_control: Json = None
    warnings: list[str] = msgspec.field(default_factory=list)
    rerun_with_latest_version: bool | None = None
    disable_bundle_versioning: bool = False


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(SerializedDag)


def encode(dag: SerializedDag) -> bytes:
    """The canonical form: keys sorted, defaults left out."""
    return _encoder.encode(dag)


def decode(document: bytes | str) -> SerializedDag:
    """Read a document.

    Raises `UnsupportedSchema` for one that a newer version wrote, `InvalidDag` for a damaged one.
    """
    try:
        schema = msgspec.json.decode(document, type=_Header).schema
        if schema <= SCHEMA:
            return _decoder.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidDag(
            f"This DAG document is damaged: {error}.",
            hint="Touch the DAG's file, so that it is parsed and published again.",
        ) from error
    raise UnsupportedSchema(
        f"This DAG document has schema {schema}; this version reads up to {SCHEMA}.",
        hint="Upgrade this component to the version that wrote the DAG.",
    )


class _Header(msgspec.Struct):
    schema: int


def structural_hash(dag: SerializedDag) -> str:
    """Equal for equal DAGs: taken over the canonical form, without what moves by itself."""
    timetable = dag.timetable
    if isinstance(timetable, CustomSchedule):
        timetable = CustomSchedule(classpath=timetable.classpath)
    still = msgspec.structs.replace(dag, timetable=timetable, warnings=[])
    return sha256(encode(still)).hexdigest()
