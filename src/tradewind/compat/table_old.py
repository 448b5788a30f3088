"""The table, part 2: names of Airflow 1 and 2. They work, and a note says what to write today.

A row's source is the modern Airflow module, or ours where Airflow 3 has nothing instead; `ADVICE`
then says what to do.
"""

_SDK = "airflow.sdk"
_STANDARD = "airflow.providers.standard"

_PYTHON = (
    f"{_STANDARD}.operators.python: PythonOperator BranchPythonOperator ShortCircuitOperator"
    " PythonVirtualenvOperator ExternalPythonOperator BranchPythonVirtualenvOperator"
    f" BranchExternalPythonOperator; {_SDK}: get_current_context task;"
    " tradewind.compat.machinery: is_venv_installed"
)
_BASH = f"{_STANDARD}.operators.bash: BashOperator"
_EMPTY = f"{_STANDARD}.operators.empty: EmptyOperator DummyOperator=EmptyOperator"
_BRANCH = f"{_STANDARD}.operators.branch: BaseBranchOperator BranchMixIn"
_LATEST_ONLY = f"{_STANDARD}.operators.latest_only: LatestOnlyOperator"
_TRIGGER = f"{_STANDARD}.operators.trigger_dagrun: TriggerDagRunOperator"
_EMAIL = "airflow.providers.smtp.operators.smtp: EmailOperator"
_SUBDAG = "tradewind.compat.subdag: SubDagOperator"
_WEEKDAY_BRANCH = f"{_STANDARD}.operators.weekday: BranchDayOfWeekOperator"
_DATETIME_BRANCH = f"{_STANDARD}.operators.datetime: BranchDateTimeOperator"

_MODELS = "tradewind.compat.database: "
_MACHINERY = "tradewind.compat.machinery: "
_EXECUTORS = ("Local", "Sequential", "Celery", "Debug", "Dask", "Kubernetes", "CeleryKubernetes")
_EXECUTOR = f"{_MACHINERY}BaseExecutor " + " ".join(
    f"{kind}Executor=BaseExecutor" for kind in _EXECUTORS
)
_ENTITIES = f"{_MACHINERY}File Table Column User Tag"

_BASE_SENSOR = f"{_SDK}.bases.sensor: BaseSensorOperator PokeReturnValue poke_mode_only"
_BASH_SENSOR = f"{_STANDARD}.sensors.bash: BashSensor"
_DATE_TIME = f"{_STANDARD}.sensors.date_time: DateTimeSensor DateTimeSensorAsync"
_EXTERNAL_TASK = f"{_STANDARD}.sensors.external_task: ExternalTaskSensor ExternalTaskMarker"
_FILE = f"{_STANDARD}.sensors.filesystem: FileSensor"
_PYTHON_SENSOR = f"{_STANDARD}.sensors.python: PythonSensor"
_TIME = f"{_STANDARD}.sensors.time: TimeSensor TimeSensorAsync"
_TIME_DELTA = f"{_STANDARD}.sensors.time_delta: TimeDeltaSensor TimeDeltaSensorAsync WaitSensor"
_WEEKDAY = f"{_STANDARD}.sensors.weekday: DayOfWeekSensor"

_BASE_HOOK = f"{_SDK}: BaseHook"
_FS_HOOK = f"{_STANDARD}.hooks.filesystem: FSHook"
_DECORATORS = f"{_SDK}: dag task task_group setup teardown"
_CHAINS = f"{_SDK}: chain cross_downstream chain_linear"
_DATASETS = f"{_SDK}: Dataset=Asset DatasetAlias=AssetAlias DatasetAll=AssetAll DatasetAny=AssetAny"

OLD: dict[str, str] = {
    "airflow": f"{_SDK}: Dataset=Asset; airflow.exceptions: AirflowException",
    # --- operators ----------------------------------------------------------------------------
    "airflow.operators": "; ".join(
        (_BASH, _EMPTY, _PYTHON, _LATEST_ONLY, _TRIGGER, _EMAIL, _SUBDAG)
    ),
    "airflow.operators.bash": _BASH,
    "airflow.operators.bash_operator": _BASH,
    "airflow.operators.branch": _BRANCH,
    "airflow.operators.branch_operator": _BRANCH,
    "airflow.operators.dagrun_operator": (
        f"{_TRIGGER}; tradewind.sdk.operators.trigger_dagrun: DagRunOrder"
    ),
    "airflow.operators.datetime": _DATETIME_BRANCH,
    "airflow.operators.dummy": _EMPTY,
    "airflow.operators.dummy_operator": _EMPTY,
    "airflow.operators.email": _EMAIL,
    "airflow.operators.email_operator": _EMAIL,
    "airflow.operators.empty": _EMPTY,
    "airflow.operators.latest_only": _LATEST_ONLY,
    "airflow.operators.latest_only_operator": _LATEST_ONLY,
    "airflow.operators.python": _PYTHON,
    "airflow.operators.python_operator": _PYTHON,
    "airflow.operators.sensors": "; ".join((_BASE_SENSOR, _EXTERNAL_TASK, _TIME, _TIME_DELTA)),
    "airflow.operators.smooth": f"{_STANDARD}.operators.smooth: SmoothOperator",
    "airflow.operators.subdag": _SUBDAG,
    "airflow.operators.subdag_operator": _SUBDAG,
    "airflow.operators.trigger_dagrun": _TRIGGER,
    "airflow.operators.weekday": _WEEKDAY_BRANCH,
    "airflow.example_dags.subdags.subdag": "tradewind.compat.subdag: subdag",
    # --- sensors ------------------------------------------------------------------------------
    "airflow.sensors": "; ".join((_BASE_SENSOR, _EXTERNAL_TASK, _TIME, _TIME_DELTA)),
    "airflow.sensors.base": _BASE_SENSOR,
    "airflow.sensors.base_sensor_operator": _BASE_SENSOR,
    "airflow.sensors.bash": _BASH_SENSOR,
    "airflow.sensors.date_time": _DATE_TIME,
    "airflow.sensors.date_time_sensor": _DATE_TIME,
    "airflow.sensors.external_task": _EXTERNAL_TASK,
    "airflow.sensors.external_task_sensor": _EXTERNAL_TASK,
    "airflow.sensors.filesystem": _FILE,
    "airflow.sensors.python": _PYTHON_SENSOR,
    "airflow.sensors.time_delta": _TIME_DELTA,
    "airflow.sensors.time_delta_sensor": _TIME_DELTA,
    "airflow.sensors.time_sensor": _TIME,
    "airflow.sensors.weekday": _WEEKDAY,
    # --- hooks --------------------------------------------------------------------------------
    "airflow.hooks": _BASE_HOOK,
    "airflow.hooks.base": _BASE_HOOK,
    "airflow.hooks.base_hook": _BASE_HOOK,
    "airflow.hooks.filesystem": _FS_HOOK,
    "airflow.hooks.subprocess": (
        f"{_STANDARD}.hooks.subprocess: SubprocessHook SubprocessResult working_directory"
    ),
    # --- contrib ------------------------------------------------------------------------------
    "airflow.contrib.hooks.fs_hook": _FS_HOOK,
    "airflow.contrib.operators.dagrun_operator": _TRIGGER,
    "airflow.contrib.sensors.bash_sensor": _BASH_SENSOR,
    "airflow.contrib.sensors.file_sensor": _FILE,
    "airflow.contrib.sensors.python_sensor": _PYTHON_SENSOR,
    "airflow.contrib.sensors.weekday_sensor": _WEEKDAY,
    "airflow.contrib.utils.weekday": f"{_STANDARD}.utils.weekday: WeekDay",
    # --- authoring ----------------------------------------------------------------------------
    "airflow.assets": f"{_SDK}: Asset AssetAlias AssetAll AssetAny; {_DATASETS}",
    "airflow.decorators": _DECORATORS,
    "airflow.decorators.base": (
        f"{_SDK}.bases.decorator: DecoratedOperator TaskDecorator task_decorator_factory"
        " get_unique_task_id"
    ),
    "airflow.datasets": f"{_DATASETS}",
    "airflow.datasets.metadata": f"{_SDK}: Metadata",
    "airflow.exceptions": (
        f"{_SDK}.exceptions: AirflowSkipException AirflowFailException AirflowSensorTimeout"
        " AirflowTaskTimeout TaskDeferred TaskDeferralError TaskDeferralTimeout XComNotFound"
        " AirflowDagCycleException DuplicateTaskIdFound"
        " DownstreamTasksSkipped RemovedInAirflow3Warning"
    ),
    "airflow.io": f"{_SDK}: ObjectStoragePath",
    "airflow.io.path": f"{_SDK}: ObjectStoragePath",
    "airflow.macros": f"{_SDK}.execution_time.macros: ds_add ds_format datetime_diff_for_humans",
    "airflow.lineage.hook": f"{_SDK}.lineage: HookLineageCollector get_hook_lineage_collector",
    "airflow.models": (
        f"{_SDK}: BaseOperatorLink SkipMixin; {_MODELS}Base DagTag ImportError SlaMiss TaskFail"
    ),
    "airflow.models.abstractoperator": "tradewind.sdk.operator: AbstractOperator",
    "airflow.models.baseoperator": f"{_SDK}: BaseOperator BaseOperatorLink; {_CHAINS}",
    "airflow.models.baseoperatorlink": f"{_SDK}: BaseOperatorLink",
    "airflow.models.baseoperator_link": f"{_SDK}: BaseOperatorLink",
    "airflow.models.dag": f"{_SDK}: DAG dag; airflow.models: DagModel",
    "airflow.models.dagbag": "airflow.models: DagBag",
    "airflow.models.dataset": (
        f"{_DATASETS}; {_MODELS}DatasetModel=AssetModel DatasetEvent=AssetEvent"
    ),
    "airflow.models.mappedoperator": f"{_SDK}.definitions.mappedoperator: MappedOperator",
    "airflow.models.operator": "tradewind.sdk.operator: Operator=AbstractOperator",
    "airflow.models.param": f"{_SDK}: Param ParamsDict",
    "airflow.models.skipmixin": f"{_SDK}: SkipMixin",
    "airflow.models.taskinstancekey": f"{_SDK}.types: TaskInstanceKey",
    "airflow.models.xcom": (
        f"{_SDK}.execution_time.xcom: XCom; tradewind.compat.context: XCOM_RETURN_KEY MAX_XCOM_SIZE"
    ),
    "airflow.models.xcom_arg": f"{_SDK}: XComArg",
    "airflow.notifications.basenotifier": f"{_SDK}: BaseNotifier",
    "airflow.template.templater": "tradewind.sdk.templater: Templater",
    "airflow.timetables.datasets": f"{_SDK}: DatasetOrTimeSchedule=AssetOrTimeSchedule",
    "airflow.triggers.file": f"{_STANDARD}.triggers.file: FileTrigger",
    "airflow.triggers.temporal": (
        f"{_STANDARD}.triggers.temporal: DateTimeTrigger TimeDeltaTrigger"
    ),
    "airflow.triggers.external_task": (
        f"{_STANDARD}.triggers.external_task: DagStateTrigger WorkflowTrigger"
    ),
    "airflow.api.common.experimental.trigger_dag": "tradewind.compat.trigger: trigger_dag",
    "airflow.api.common.trigger_dag": "tradewind.compat.trigger: trigger_dag",
    # --- the metadata database and the machinery -----------------------------------------------
    "airflow.assets.manager": f"{_MODELS}AssetManager",
    "airflow.contrib.executors.kubernetes_executor": _EXECUTOR,
    "airflow.datasets.manager": f"{_MODELS}DatasetManager=AssetManager",
    "airflow.executors": _EXECUTOR,
    "airflow.executors.base_executor": _EXECUTOR,
    "airflow.executors.celery_executor": _EXECUTOR,
    "airflow.executors.debug_executor": _EXECUTOR,
    "airflow.executors.executor_loader": f"{_MACHINERY}ExecutorLoader=BaseExecutor",
    "airflow.executors.kubernetes_executor": _EXECUTOR,
    "airflow.executors.local_executor": _EXECUTOR,
    "airflow.executors.sequential_executor": _EXECUTOR,
    "airflow.jobs": f"{_MODELS}BaseJob=Job",
    "airflow.jobs.base_job": f"{_MODELS}BaseJob=Job",
    "airflow.jobs.job": f"{_MODELS}Job",
    "airflow.lineage": f"{_MACHINERY}apply_lineage prepare_lineage=apply_lineage",
    "airflow.lineage.datasets": _ENTITIES,
    "airflow.lineage.entities": _ENTITIES,
    "airflow.listeners": f"{_MACHINERY}hookimpl",
    "airflow.models.base": f"{_MODELS}Base",
    "airflow.models.asset": f"{_MODELS}AssetModel AssetEvent",
    "airflow.models.dag_version": f"{_MODELS}DagVersion",
    "airflow.models.dagcode": f"{_MODELS}DagCode",
    "airflow.models.dagwarning": f"{_MODELS}DagWarning",
    "airflow.models.errors": f"{_MODELS}ImportError ParseImportError=ImportError",
    "airflow.models.log": f"{_MODELS}Log",
    "airflow.models.renderedtifields": f"{_MODELS}RenderedTaskInstanceFields",
    "airflow.models.serialized_dag": f"{_MODELS}SerializedDagModel",
    "airflow.models.slamiss": f"{_MODELS}SlaMiss",
    "airflow.models.taskfail": f"{_MODELS}TaskFail",
    "airflow.models.taskreschedule": f"{_MODELS}TaskReschedule",
    "airflow.models.trigger": f"{_MODELS}Trigger",
    "airflow.policies": f"{_MACHINERY}hookimpl",
    "airflow.serialization.serialized_objects": f"{_MODELS}SerializedDAG SerializedBaseOperator",
    "airflow.settings": f"{_MODELS}engine",
    "airflow.stats": f"{_MACHINERY}Stats",
    "airflow.utils.db_cleanup": f"{_MODELS}run_cleanup",
    "airflow.utils.dot_renderer": f"{_MODELS}render_dag",
    # --- utilities ----------------------------------------------------------------------------
    "airflow.typing_compat": "typing: Literal Protocol TypedDict",
    "airflow.utils": "tradewind.compat.helpers: apply_defaults; airflow.utils.state: State",
    "airflow.utils.context": f"{_SDK}: Context; {_SDK}.definitions.context: context_merge",
    "airflow.utils.dag_parsing_context": f"{_SDK}: get_parsing_context",
    "airflow.utils.dates": (
        "datetime: datetime timedelta; tradewind.compat.dates: days_ago cron_presets date_range"
        " round_time infer_time_unit scale_time_units parse_execution_date"
    ),
    "airflow.utils.db": "airflow.utils.session: provide_session create_session",
    "airflow.utils.decorators": "tradewind.compat.helpers: apply_defaults",
    "airflow.utils.file": "tempfile: TemporaryDirectory",
    "airflow.utils.helpers": _CHAINS,
    "airflow.utils.log.secrets_masker": f"{_SDK}.log: mask_secret",
    "airflow.utils.module_loading": (
        f"{_SDK}.module_loading: import_string iter_namespace qualname"
    ),
    "airflow.utils.operator_helpers": (
        f"{_SDK}.execution_time.context: context_to_airflow_vars;"
        f" {_SDK}.bases.decorator: determine_kwargs"
    ),
    "airflow.utils.setup_teardown": "tradewind.compat.context: SetupTeardownContext",
    "airflow.utils.task_group": f"{_SDK}: TaskGroup",
    "airflow.utils.template": f"{_SDK}.definitions.template: literal",
    "airflow.utils.timeout": f"{_SDK}.execution_time.timeout: timeout",
    "airflow.utils.timezone": (
        f"{_SDK}.timezone: coerce_datetime convert_to_utc datetime from_timestamp is_localized"
        " is_naive make_aware make_naive parse parse_timezone utc utcnow"
    ),
    "airflow.utils.trigger_rule": f"{_SDK}: TriggerRule",
    "airflow.utils.weekday": f"{_STANDARD}.utils.weekday: WeekDay",
    "airflow.utils.weight_rule": f"{_SDK}: WeightRule",
    "airflow.utils.xcom": "tradewind.compat.context: XCOM_RETURN_KEY",
}
"""Airflow module → its names that are no longer written so."""

_DATES = "airflow.utils.dates"
_TRIGGER_ADVICE = "write a task with TriggerDagRunOperator, which also shows the dependency."

ADVICE: dict[str, str] = {
    "tradewind.compat.retired": (
        "write SQLExecuteQueryOperator(conn_id=...) of airflow.providers.common.sql.operators.sql."
    ),
    "airflow.api.common.experimental.trigger_dag.trigger_dag": _TRIGGER_ADVICE,
    "airflow.api.common.trigger_dag.trigger_dag": _TRIGGER_ADVICE,
    f"{_DATES}.days_ago": (
        "write a fixed start_date, such as pendulum.datetime(2026, 1, 1): one that moves with each"
        " look at the file makes schedules hard to follow."
    ),
    "airflow.operators.SubDagOperator": "write a TaskGroup; that is what it becomes here.",
    "airflow.operators.subdag.SubDagOperator": "write a TaskGroup; that is what it becomes here.",
    "airflow.operators.subdag_operator.SubDagOperator": (
        "write a TaskGroup; that is what it becomes here."
    ),
    "tradewind.compat.helpers.apply_defaults": (
        "leave it out: default_args are applied without it."
    ),
    "tradewind.compat.database": (
        "it stands for Airflow's metadata database, which DAG files cannot reach here: what uses it"
        " fails. The commands (`tradewind db clean`, `tradewind runs`, `tradewind tasks`) do such"
        " work."
    ),
    "tradewind.compat.database.SlaMiss": (
        "there are no SLAs since Airflow 3: give the DAG a deadline=DeadlineAlert(...)."
    ),
    "tradewind.compat.machinery": "give assets, or nothing: it is kept, and has no effect.",
    "tradewind.compat.machinery.BaseExecutor": (
        "write executor= with a name on the task, or leave it to the settings: this one has no"
        " effect."
    ),
    "tradewind.compat.machinery.apply_lineage": "leave it out: inlets and outlets suffice.",
    "tradewind.compat.machinery.hookimpl": (
        "use callbacks of the DAG or task: listeners and policies are not called."
    ),
    "tradewind.compat.machinery.is_venv_installed": (
        "leave it out: virtual environments can always be made."
    ),
    "tradewind.compat.machinery.Stats": (
        "leave it out: Tradewind measures by itself, and this has no effect."
    ),
    "tradewind.sdk.operators.trigger_dagrun.DagRunOrder": (
        "write conf= and a ShortCircuitOperator before the TriggerDagRunOperator."
    ),
    "airflow.utils.setup_teardown.SetupTeardownContext": (
        "use a setup or teardown task in a `with` statement."
    ),
}
"""What to write instead, where no other name takes an old one's place: by the old name, by what
stands in for it, or by the module of that."""
