"""What a runner, a parsing child or a trigger says to the control plane, and what it hears back.

Transport is somebody else's matter: frames on a socket pair for a local host (`runner.wire`), HTTP
for a pod. Every message is a tagged struct; values that user code made are already in the XCom
encoding (`sdk.serde`), so nothing here needs user classes to be read.

A request is answered by exactly one reply: the type named in its docstring, or `Failure`.
"""

from datetime import datetime
from typing import Any

import msgspec

from tradewind.core.states import DagRunState, DagRunType, TaskInstanceState

Json = Any  # the wire's edge


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    """Tagged by its class name."""


# --- the work order: all that a runner needs to begin ---------------------------------------------


class RunInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The DAG run as its tasks see it."""

    dag_id: str
    run_id: str
    run_type: DagRunType
    run_after: datetime
    start_date: datetime | None = None
    logical_date: datetime | None = None
    interval_start: datetime | None = None
    interval_end: datetime | None = None
    end_date: datetime | None = None
    state: DagRunState = DagRunState.RUNNING
    conf: dict[str, Json] = msgspec.field(default_factory=dict)
    partition_key: str | None = None
    note: str | None = None
    triggering_user: str | None = None
    version_number: int | None = None
    consumed_asset_events: list["AssetEvent"] = msgspec.field(default_factory=list)


class AssetEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An asset event as consumers see it. `asset_*` name the asset, `source_*` who made it."""

    id: int
    timestamp: datetime
    asset_name: str
    asset_uri: str
    asset_group: str = "asset"
    alias_names: list[str] = msgspec.field(default_factory=list)
    extra: dict[str, Json] = msgspec.field(default_factory=dict)
    source_dag_id: str | None = None
    source_task_id: str | None = None
    source_run_id: str | None = None
    source_map_index: int = -1
    partition_key: str | None = None


class Resume(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deferred task goes on at `method` with the `event` that its trigger yielded."""

    method: str
    kwargs: dict[str, Json] = msgspec.field(default_factory=dict)
    event: Json = None
    timed_out: bool = False
    trigger_error: str | None = None  # traceback of a trigger that failed
    ends_as: str | None = None  # the state in which the event itself ends the task
    xcoms: dict[str, Json] = msgspec.field(default_factory=dict)  # with `ends_as`


class DagSource(msgspec.Struct, frozen=True, kw_only=True):
    """Which file of which immutable snapshot holds the DAG; `root`: where that is unpacked."""

    bundle: str
    digest: str
    file: str
    root: str


class WorkOrder(Message, frozen=True):
    """Run one attempt of one task instance.

    `upstream_map_indexes`: for each direct upstream task, which of its map indexes this instance
    reads by default (None: all, or the task is not mapped); decided by `core.runs.mapping`.
    """

    attempt_id: int
    task_instance_id: int
    source: DagSource
    run: RunInfo
    task_id: str
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    first_start_date: datetime | None = None  # of the first poke of a rescheduled sensor
    resume: Resume | None = None
    upstream_map_indexes: dict[str, int | list[int] | None] = msgspec.field(default_factory=dict)
    log_file: str = ""
    queue: str = "default"
    pool: str = "default_pool"
    hostname: str = ""


class CallbackOrder(Message, frozen=True):
    """Run callbacks for something that has no runner of its own.

    With `task_id`: a task's callbacks (its attempt was lost, or the scheduler ended it). Without:
    the DAG's. `kinds`: "on_failure", "on_success", "on_retry", "on_skipped", "deadline:<index>".
    """

    callback_id: int
    source: DagSource
    run: RunInfo
    kinds: list[str]
    task_id: str | None = None
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    reason: str = ""
    log_file: str = ""


# --- how an attempt ended: the runner's verdict ---------------------------------------------------


class XComValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`length` is set when something is mapped over this value."""

    key: str
    value: Json
    length: int | None = None


class OutletEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An asset event to make on success. `alias`: resolved through this alias."""

    asset_name: str
    asset_uri: str
    asset_group: str = "asset"
    asset_extra: dict[str, Json] = msgspec.field(default_factory=dict)
    alias: str | None = None
    extra: dict[str, Json] = msgspec.field(default_factory=dict)
    partition_key: str | None = None


class Succeeded(Message, frozen=True):
    """`skip`: task ids that a branch or short circuit does not follow: direct children or, with
    Airflow's short circuit, all descendants; they are skipped in the same transaction."""

    xcoms: list[XComValue] = msgspec.field(default_factory=list)
    outlet_events: list[OutletEvent] = msgspec.field(default_factory=list)
    skip: list[str] = msgspec.field(default_factory=list)
    rendered_map_index: str | None = None


class Failed(Message, frozen=True):
    """User code raised, timed out or exited. `retryable` False ends all tries at once.

    `retry_delay_seconds` overrides the task's own wait (retry policy).
    """

    error_type: str
    message: str
    retryable: bool = True
    retry_delay_seconds: float | None = None
    rendered_map_index: str | None = None


class Skipped(Message, frozen=True):
    message: str = ""
    rendered_map_index: str | None = None


class Deferred(Message, frozen=True):
    """Wait for a trigger without holding a slot, then go on at `method`."""

    trigger_classpath: str
    trigger_kwargs: dict[str, Json]
    method: str
    kwargs: dict[str, Json] = msgspec.field(default_factory=dict)
    timeout_seconds: float | None = None
    rendered_map_index: str | None = None


class Rescheduled(Message, frozen=True):
    """A sensor in reschedule mode wants to be called again at `at`."""

    at: datetime


Outcome = Succeeded | Failed | Skipped | Deferred | Rescheduled


# --- attempt life cycle ---------------------------------------------------------------------------


class Started(Message, frozen=True):
    """User code is about to run. No reply."""

    attempt_id: int
    pid: int
    hostname: str
    started_at: datetime | None = None


class Finished(Message, frozen=True):
    """The runner's verdict. `callbacks_follow`: hold it until the process ends. No reply."""

    attempt_id: int
    outcome: Outcome
    callbacks_follow: bool = False
    finished_at: datetime | None = None


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the process used: CPU seconds (user and system), peak resident memory in bytes."""

    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0


# --- requests -------------------------------------------------------------------------------------


class GetXCom(Message, frozen=True):
    """→ `XComReply`.

    `map_index` None: the unmapped value, or all of a mapped task's as a list in index order
    (without Nones). `include_prior_dates`: the newest earlier run's when this one has none.
    """

    dag_id: str
    run_id: str
    task_id: str
    key: str = "return_value"
    map_index: int | list[int] | None = None
    include_prior_dates: bool = False


class XComReply(Message, frozen=True):
    found: bool
    value: Json = None


class GetXComLength(Message, frozen=True):
    """→ `CountReply`: how many instances of the mapped task pushed the key."""

    dag_id: str
    run_id: str
    task_id: str
    key: str = "return_value"


class SetXCom(Message, frozen=True):
    """→ `Ok`. Only a running attempt may write, and only its own instance's XComs."""

    attempt_id: int
    key: str
    value: Json
    length: int | None = None


class DeleteXCom(Message, frozen=True):
    """→ `Ok`."""

    attempt_id: int
    key: str


class GetVariable(Message, frozen=True):
    """→ `VariableReply`."""

    key: str


class VariableReply(Message, frozen=True):
    found: bool
    value: str | None = None


class SetVariable(Message, frozen=True):
    """→ `Ok`."""

    key: str
    value: str
    description: str | None = None


class DeleteVariable(Message, frozen=True):
    """→ `Ok`."""

    key: str


class GetConnection(Message, frozen=True):
    """→ `ConnectionReply`."""

    conn_id: str


class ConnectionValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    conn_id: str
    conn_type: str
    host: str | None = None
    schema: str | None = None
    login: str | None = None
    password: str | None = None
    port: int | None = None
    extra: str | None = None
    description: str | None = None


class ConnectionReply(Message, frozen=True):
    connection: ConnectionValue | None = None


class GetDagRun(Message, frozen=True):
    """→ `DagRunReply`: one run by id or by logical date."""

    dag_id: str
    run_id: str | None = None
    logical_date: datetime | None = None


class GetPreviousDagRun(Message, frozen=True):
    """→ `DagRunReply`: the newest run before `before` (by logical date), in `state` if given."""

    dag_id: str
    before: datetime
    state: DagRunState | None = None


class DagRunReply(Message, frozen=True):
    run: RunInfo | None = None


class CountDagRuns(Message, frozen=True):
    """→ `CountReply`."""

    dag_id: str
    logical_dates: list[datetime] | None = None
    run_ids: list[str] | None = None
    states: list[DagRunState] | None = None


class CountTaskInstances(Message, frozen=True):
    """→ `CountReply`. `task_group_id` stands for all tasks in the group."""

    dag_id: str
    task_ids: list[str] | None = None
    task_group_id: str | None = None
    logical_dates: list[datetime] | None = None
    run_ids: list[str] | None = None
    states: list[TaskInstanceState] | None = None
    map_index: int | None = None


class CountReply(Message, frozen=True):
    count: int


class GetTaskStates(Message, frozen=True):
    """→ `TaskStatesReply`: run id → task id (with `_<map_index>` when mapped) → state."""

    dag_id: str
    task_ids: list[str] | None = None
    task_group_id: str | None = None
    logical_dates: list[datetime] | None = None
    run_ids: list[str] | None = None
    map_index: int | None = None


class TaskStatesReply(Message, frozen=True):
    states: dict[str, dict[str, TaskInstanceState]]


class GetDag(Message, frozen=True):
    """→ `DagReply`: does the DAG (and the task in it) exist, is it paused."""

    dag_id: str
    task_ids: list[str] = msgspec.field(default_factory=list)
    task_group_id: str | None = None


class DagReply(Message, frozen=True):
    exists: bool
    is_paused: bool = False
    missing_task_ids: list[str] = msgspec.field(default_factory=list)
    has_task_group: bool = True


class TriggerDagRun(Message, frozen=True):
    """→ `DagRunReply`, or `Failure` of kind "conflict" when the run exists and `reset` is False."""

    dag_id: str
    run_id: str | None = None
    conf: dict[str, Json] = msgspec.field(default_factory=dict)
    logical_date: datetime | None = None
    run_after: datetime | None = None
    reset: bool = False
    note: str | None = None
    partition_key: str | None = None
    triggered_by_attempt: int | None = None


class GetAssetEvents(Message, frozen=True):
    """→ `AssetEventsReply`, oldest first unless `ascending` is False."""

    asset_name: str | None = None
    asset_uri: str | None = None
    alias: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    limit: int | None = None
    ascending: bool = True
    partition_key: str | None = None


class AssetEventsReply(Message, frozen=True):
    events: list[AssetEvent]


class GetInactiveAssets(Message, frozen=True):
    """→ `InactiveAssetsReply`: the inlets and outlets of a task that are not active, because
    another asset has the name or the URI."""

    dag_id: str
    task_id: str


class InactiveAssetsReply(Message, frozen=True):
    """Names and URIs."""

    assets: list[tuple[str, str]]


class SetRenderedFields(Message, frozen=True):
    """→ `Ok`. What the templates came to, for people to look at; secrets masked, long ones cut."""

    attempt_id: int
    fields: dict[str, Json]


class GetState(Message, frozen=True):
    """→ `XComReply`. A task's (`asset` None) or an asset's state store."""

    attempt_id: int
    key: str
    asset_name: str | None = None


class SetState(Message, frozen=True):
    """→ `Ok`. `retention_seconds` None: the configured default; 0: for ever."""

    attempt_id: int
    key: str
    value: Json
    asset_name: str | None = None
    retention_seconds: float | None = None


class DeleteState(Message, frozen=True):
    """→ `Ok`. Without `key`: all of them (`all_map_indexes`: of every instance)."""

    attempt_id: int
    key: str | None = None
    asset_name: str | None = None
    all_map_indexes: bool = False


class CreateHitl(Message, frozen=True):
    """→ `Ok`. A person is to answer; again for the same instance changes nothing."""

    attempt_id: int
    subject: str
    options: list[str]
    body: str | None = None
    defaults: list[str] | None = None
    multiple: bool = False
    params: dict[str, Json] = msgspec.field(default_factory=dict)
    assignees: list[Json] = msgspec.field(default_factory=list)


class GetHitl(Message, frozen=True):
    """→ `HitlReply`. The instance is named by `task_instance_id`."""

    task_instance_id: int


class AnswerHitl(Message, frozen=True):
    """→ `HitlReply`: the trigger takes the defaults at the time-out; a person's answer stands."""

    task_instance_id: int
    chosen: list[str]
    params: dict[str, Json] = msgspec.field(default_factory=dict)


class HitlReply(Message, frozen=True):
    answered: bool
    chosen: list[str] = msgspec.field(default_factory=list)
    params: dict[str, Json] = msgspec.field(default_factory=dict)
    by: str | None = None


class Ok(Message, frozen=True):
    pass


class Failure(Message, frozen=True):
    """Refused. `kind`: "not_found", "conflict", "superseded", "invalid" or "internal"."""

    kind: str
    message: str


Request = (
    GetXCom
    | GetXComLength
    | SetXCom
    | DeleteXCom
    | GetVariable
    | SetVariable
    | DeleteVariable
    | GetConnection
    | GetDagRun
    | GetPreviousDagRun
    | CountDagRuns
    | CountTaskInstances
    | GetTaskStates
    | GetDag
    | TriggerDagRun
    | GetAssetEvents
    | GetInactiveAssets
    | SetRenderedFields
    | GetState
    | SetState
    | DeleteState
    | CreateHitl
    | GetHitl
    | AnswerHitl
)

Reply = (
    XComReply
    | VariableReply
    | ConnectionReply
    | DagRunReply
    | CountReply
    | TaskStatesReply
    | DagReply
    | AssetEventsReply
    | InactiveAssetsReply
    | HitlReply
    | Ok
    | Failure
)
