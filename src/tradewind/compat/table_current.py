"""The table, part 1: names that are good today. Airflow module → where its names are found here.

`table.py` says how a row reads.
"""

_SDK = "tradewind.sdk"
_EXCEPTIONS = "tradewind.sdk.exceptions"
_MACROS = "tradewind.sdk.macros: *"
_PARTITIONS = "tradewind.sdk.partitions: "
_SKIP_KEYS = "XCOM_SKIPMIXIN_KEY XCOM_SKIPMIXIN_SKIPPED XCOM_SKIPMIXIN_FOLLOWED"

CURRENT: dict[str, str] = {
    "airflow": f"{_SDK}: DAG XComArg; tradewind.compat.version: __version__",
    "airflow.version": "tradewind.compat.version: version=__version__",
    # --- the SDK ------------------------------------------------------------------------------
    "airflow.sdk": f"{_SDK}: *; tradewind.compat.version: __version__=SDK_VERSION",
    "airflow.sdk.module_loading": "tradewind.compat.helpers: import_string iter_namespace qualname",
    "airflow.sdk.bases.branch": "tradewind.sdk.operators.branch: BaseBranchOperator BranchMixIn",
    "airflow.sdk.bases.decorator": (
        "tradewind.sdk.decorators.base: DecoratedOperator TaskDecorator task_decorator_factory"
        " get_unique_task_id=unique_task_id; tradewind.sdk.calling: determine_kwargs"
        " is_async_callable"
    ),
    "airflow.sdk.bases.hook": f"{_SDK}: BaseHook",
    "airflow.sdk.bases.notifier": f"{_SDK}: BaseNotifier",
    "airflow.sdk.bases.operator": (
        f"{_SDK}: BaseOperator BaseAsyncOperator chain chain_linear cross_downstream"
    ),
    "airflow.sdk.bases.operatorlink": f"{_SDK}: BaseOperatorLink",
    "airflow.sdk.bases.resumablejobmixin": f"{_SDK}: ResumableJobMixin",
    "airflow.sdk.bases.sensor": (
        "tradewind.sdk.sensors.base: BaseSensorOperator PokeReturnValue poke_mode_only"
    ),
    "airflow.sdk.bases.skipmixin": f"tradewind.sdk.operators.skip: SkipMixin {_SKIP_KEYS}",
    "airflow.sdk.bases.timetable": "tradewind.sdk.custom_timetables: BaseTimetable=Timetable",
    "airflow.sdk.bases.xcom": f"{_SDK}: BaseXCom",
    "airflow.sdk.configuration": "tradewind.sdk.configuration: conf",
    "airflow.sdk.definitions._internal.types": (
        "tradewind.sdk.authoring: NOTSET ArgNotSet SET_DURING_EXECUTION=NOTSET"
    ),
    "airflow.sdk.definitions.asset": (
        "tradewind.sdk.assets: Asset AssetAccessControl AssetAlias AssetAll AssetAny AssetNameRef"
        " AssetRef AssetUniqueKey AssetUriRef AssetWatcher BaseAsset Dataset Model"
    ),
    "airflow.sdk.definitions.asset.decorators": f"{_SDK}: asset",
    "airflow.sdk.definitions.asset.metadata": f"{_SDK}: Metadata",
    "airflow.sdk.definitions.callback": f"{_SDK}: AsyncCallback SyncCallback",
    "airflow.sdk.definitions.connection": f"{_SDK}: Connection",
    "airflow.sdk.definitions.context": (
        f"{_SDK}: Context get_current_context get_parsing_context;"
        " tradewind.compat.context: context_merge"
    ),
    "airflow.sdk.definitions.dag": f"{_SDK}: DAG dag",
    "airflow.sdk.definitions.deadline": (
        f"{_SDK}: BaseDeadlineReference DeadlineAlert DeadlineReference deadline_reference"
    ),
    "airflow.sdk.definitions.decorators": f"{_SDK}: dag result setup task task_group teardown",
    "airflow.sdk.definitions.edges": f"{_SDK}: EdgeModifier Label",
    "airflow.sdk.definitions.mappedoperator": (
        "tradewind.sdk.mapped: MappedOperator OperatorPartial"
    ),
    "airflow.sdk.definitions.param": (f"{_SDK}: Param ParamsDict; tradewind.sdk.param: DagParam"),
    "airflow.sdk.definitions.partition_mappers.allowed_key": f"{_PARTITIONS}AllowedKeyMapper",
    "airflow.sdk.definitions.partition_mappers.base": (
        f"{_PARTITIONS}PartitionMapper RollupMapper"
    ),
    "airflow.sdk.definitions.partition_mappers.chain": f"{_PARTITIONS}ChainMapper",
    "airflow.sdk.definitions.partition_mappers.fixed_key": f"{_PARTITIONS}FixedKeyMapper",
    "airflow.sdk.definitions.partition_mappers.identity": f"{_PARTITIONS}IdentityMapper",
    "airflow.sdk.definitions.partition_mappers.product": f"{_PARTITIONS}ProductMapper",
    "airflow.sdk.definitions.partition_mappers.temporal": (
        f"{_PARTITIONS}FanOutMapper StartOfHourMapper StartOfDayMapper StartOfWeekMapper"
        " StartOfMonthMapper StartOfQuarterMapper StartOfYearMapper"
    ),
    "airflow.sdk.definitions.partition_mappers.wait_policy": (
        f"{_PARTITIONS}MinimumCount WaitForAll WaitPolicy"
    ),
    "airflow.sdk.definitions.partition_mappers.window": (
        f"{_PARTITIONS}Window HourWindow DayWindow WeekWindow MonthWindow QuarterWindow"
        " YearWindow SegmentWindow"
    ),
    "airflow.sdk.definitions.retry_policy": (
        f"{_SDK}: ExceptionRetryPolicy RetryAction RetryDecision RetryPolicy RetryRule"
    ),
    "airflow.sdk.definitions.taskgroup": (
        f"{_SDK}: TaskGroup; tradewind.sdk.taskgroup: MappedTaskGroup"
    ),
    "airflow.sdk.definitions.template": f"{_SDK}: literal",
    "airflow.sdk.definitions.timetables.assets": (
        f"{_SDK}: AssetOrTimeSchedule PartitionedAssetTimetable PartitionedAtRuntime;"
        " tradewind.sdk.timetables: AssetTriggeredTimetable"
    ),
    "airflow.sdk.definitions.timetables.events": f"{_SDK}: EventsTimetable",
    "airflow.sdk.definitions.timetables.interval": (
        f"{_SDK}: CronDataIntervalTimetable DeltaDataIntervalTimetable"
    ),
    "airflow.sdk.definitions.timetables.simple": (
        "tradewind.sdk.timetables: NullTimetable OnceTimetable ContinuousTimetable"
    ),
    "airflow.sdk.definitions.timetables.trigger": (
        f"{_SDK}: CronTriggerTimetable CronPartitionTimetable DeltaTriggerTimetable"
        " MultipleCronTriggerTimetable"
    ),
    "airflow.sdk.definitions.variable": f"{_SDK}: Variable",
    "airflow.sdk.definitions.xcom_arg": (
        f"{_SDK}: XComArg; tradewind.sdk.xcom_arg: PlainXComArg MapXComArg ZipXComArg ConcatXComArg"
    ),
    "airflow.sdk.exceptions": f"{_EXCEPTIONS}: *",
    "airflow.sdk.execution_time.context": (
        f"{_SDK}: NEVER_EXPIRE; tradewind.sdk.task_environment: context_to_airflow_vars"
    ),
    "airflow.sdk.execution_time.macros": _MACROS,
    "airflow.sdk.execution_time.secrets_masker": "tradewind.sdk.masking: mask_secret",
    "airflow.sdk.execution_time.timeout": "tradewind.compat.timeout: timeout TimeoutPosix=timeout",
    "airflow.sdk.execution_time.xcom": f"{_SDK}: XCom=BaseXCom",
    "airflow.sdk.io": "tradewind.sdk.io: *",
    "airflow.sdk.io.path": f"{_SDK}: ObjectStoragePath",
    "airflow.sdk.lineage": (
        "tradewind.sdk.lineage: HookLineage HookLineageCollector get_hook_lineage_collector"
    ),
    "airflow.sdk.log": "tradewind.sdk.masking: mask_secret",
    "airflow.sdk.providers_manager_runtime": (
        "tradewind.compat.providers: ProvidersManagerTaskRuntime=ProvidersManager"
    ),
    "airflow.sdk.timezone": "tradewind.sdk.timezone: *",
    "airflow.sdk.types": (
        f"{_SDK}: TaskInstance; tradewind.compat.context: RuntimeTaskInstanceProtocol"
        " TaskInstanceKey;"
        " logging: Logger"
    ),
    # --- the core, as far as DAG files use it -------------------------------------------------
    "airflow.configuration": "tradewind.sdk.configuration: conf",
    "airflow.exceptions": (
        f"{_EXCEPTIONS}: AirflowBadRequest AirflowClusterPolicyViolation AirflowConfigException"
        " AirflowException AirflowNotFoundException AirflowOptionalProviderFeatureException"
        " AirflowProviderDeprecationWarning AirflowRescheduleException AirflowTimetableInvalid"
        " AirflowDagDuplicatedIdException"
        " ConnectionNotUnique DagNotFound DagRunAlreadyExists DagRunNotFound"
        " DeserializingResultError PoolNotFound RemovedInAirflow4Warning SerializationError"
        " TaskInstanceNotFound TaskNotFound UnknownExecutorException ParamValidationError"
    ),
    "airflow.models": (
        f"{_SDK}: DAG Variable Connection Param BaseOperator XComArg XCom=BaseXCom;"
        " tradewind.sdk.mapped: MappedOperator;"
        " tradewind.compat.database: DagModel DagRun TaskInstance Pool DagBag Log TaskReschedule"
    ),
    "airflow.models.connection": f"{_SDK}: Connection",
    "airflow.models.dagrun": "tradewind.compat.database: DagRun",
    "airflow.models.pool": "tradewind.compat.database: Pool",
    "airflow.models.taskinstance": "tradewind.compat.database: TaskInstance",
    "airflow.models.taskmixin": "tradewind.sdk.node: DependencyMixin",
    "airflow.models.variable": f"{_SDK}: Variable",
    "airflow.macros": _MACROS,
    "airflow.plugins_manager": "tradewind.compat.plugins: AirflowPlugin",
    "airflow.security.permissions": "tradewind.compat.permissions: *",
    "airflow.settings": (
        "tradewind.compat.database: Session; tradewind.compat.settings: TIMEZONE AIRFLOW_HOME"
        " DAGS_FOLDER"
    ),
    "airflow.task.priority_strategy": "tradewind.sdk.weights: PriorityWeightStrategy",
    "airflow.task.trigger_rule": f"{_SDK}: TriggerRule",
    "airflow.task.weight_rule": f"{_SDK}: WeightRule",
    "airflow.timetables.assets": f"{_SDK}: AssetOrTimeSchedule",
    "airflow.timetables.base": (
        "tradewind.sdk.custom_timetables: Timetable DagRunInfo DataInterval TimeRestriction"
    ),
    "airflow.timetables.events": f"{_SDK}: EventsTimetable",
    "airflow.timetables.interval": f"{_SDK}: CronDataIntervalTimetable DeltaDataIntervalTimetable",
    "airflow.timetables.simple": (
        "tradewind.sdk.timetables: NullTimetable OnceTimetable ContinuousTimetable"
    ),
    "airflow.timetables.trigger": (
        f"{_SDK}: CronTriggerTimetable MultipleCronTriggerTimetable DeltaTriggerTimetable"
    ),
    "airflow.triggers.base": (
        "tradewind.sdk.triggers.base: BaseTrigger BaseEventTrigger TriggerEvent StartTriggerArgs"
        " BaseTaskEndEvent TaskSuccessEvent TaskFailedEvent TaskSkippedEvent"
    ),
    "airflow.utils": "tradewind.sdk.timezone: timezone=.",
    "airflow.utils.edgemodifier": f"{_SDK}: EdgeModifier Label",
    "airflow.utils.email": "tradewind.compat.email: send_email send_email_smtp",
    "airflow.utils.helpers": "tradewind.compat.helpers: *",
    "airflow.utils.log.logging_mixin": "tradewind.sdk.logging_mixin: LoggingMixin",
    "airflow.utils.session": (
        "tradewind.compat.database: provide_session create_session NEW_SESSION"
    ),
    "airflow.utils.state": "tradewind.compat.states: State DagRunState TaskInstanceState",
    "airflow.utils.strings": "tradewind.compat.helpers: to_boolean get_random_string",
    "airflow.utils.types": (
        "tradewind.core.states: DagRunType; tradewind.sdk.authoring: NOTSET ArgNotSet"
    ),
    # --- the standard provider ----------------------------------------------------------------
    "airflow.providers.standard.exceptions": (
        "tradewind.sdk.sensors.external_task: AirflowExternalTaskSensorException"
        " DuplicateStateError ExternalDagDeletedError ExternalDagFailedError"
        " ExternalDagNotFoundError ExternalTaskFailedError ExternalTaskGroupFailedError"
        " ExternalTaskGroupNotFoundError ExternalTaskNotFoundError;"
        " tradewind.sdk.operators.hitl: HITLRejectException HITLTimeoutError HITLTriggerEventError"
    ),
    "airflow.providers.standard.hooks.filesystem": "tradewind.sdk.hooks.filesystem: FSHook",
    "airflow.providers.standard.hooks.package_index": (
        "tradewind.sdk.hooks.package_index: PackageIndexHook"
    ),
    "airflow.providers.standard.hooks.subprocess": (
        "tradewind.sdk.hooks.subprocess: SubprocessHook SubprocessResult working_directory"
    ),
    "airflow.providers.standard.operators.bash": "tradewind.sdk.operators.bash: BashOperator",
    "airflow.providers.standard.operators.branch": (
        "tradewind.sdk.operators.branch: BaseBranchOperator BranchMixIn"
    ),
    "airflow.providers.standard.operators.datetime": (
        "tradewind.sdk.operators.datetime: BranchDateTimeOperator target_times_as_dates"
    ),
    "airflow.providers.standard.operators.empty": "tradewind.sdk.operators.empty: EmptyOperator",
    "airflow.providers.standard.operators.hitl": (
        "tradewind.sdk.operators.hitl: ApprovalOperator HITLBranchOperator HITLEntryOperator"
        " HITLOperator"
    ),
    "airflow.providers.standard.operators.latest_only": (
        "tradewind.sdk.operators.latest_only: LatestOnlyOperator"
    ),
    "airflow.providers.standard.operators.python": (
        "tradewind.sdk.operators.python: PythonOperator BranchPythonOperator ShortCircuitOperator"
        " get_current_context;"
        " tradewind.sdk.operators.external_python: PythonVirtualenvOperator"
        " BranchPythonVirtualenvOperator ExternalPythonOperator BranchExternalPythonOperator"
    ),
    "airflow.providers.standard.operators.smooth": "tradewind.sdk.operators.smooth: SmoothOperator",
    "airflow.providers.standard.operators.trigger_dagrun": (
        "tradewind.sdk.operators.trigger_dagrun: TriggerDagRunOperator DagIsPaused XCOM_RUN_ID"
    ),
    "airflow.providers.standard.operators.weekday": (
        "tradewind.sdk.operators.weekday: BranchDayOfWeekOperator"
    ),
    "airflow.providers.standard.sensors.bash": "tradewind.sdk.sensors.bash: BashSensor",
    "airflow.providers.standard.sensors.date_time": (
        "tradewind.sdk.sensors.date_time: DateTimeSensor DateTimeSensorAsync"
    ),
    "airflow.providers.standard.sensors.external_task": (
        "tradewind.sdk.sensors.external_task: ExternalTaskMarker ExternalTaskSensor"
    ),
    "airflow.providers.standard.sensors.filesystem": "tradewind.sdk.sensors.filesystem: FileSensor",
    "airflow.providers.standard.sensors.python": "tradewind.sdk.sensors.python: PythonSensor",
    "airflow.providers.standard.sensors.time": (
        "tradewind.sdk.sensors.time: TimeSensor TimeSensorAsync"
    ),
    "airflow.providers.standard.sensors.time_delta": (
        "tradewind.sdk.sensors.time_delta: TimeDeltaSensor TimeDeltaSensorAsync WaitSensor"
    ),
    "airflow.providers.standard.sensors.weekday": "tradewind.sdk.sensors.weekday: DayOfWeekSensor",
    "airflow.providers.standard.triggers.external_task": (
        "tradewind.sdk.triggers.external_task: DagStateTrigger WorkflowTrigger"
    ),
    "airflow.providers.standard.triggers.file": (
        "tradewind.sdk.triggers.file: FileTrigger FileDeleteTrigger DirectoryFileDeleteTrigger"
    ),
    "airflow.providers.standard.triggers.hitl": "tradewind.sdk.triggers.hitl: HITLTrigger",
    "airflow.providers.standard.triggers.temporal": (
        "tradewind.sdk.triggers.temporal: DateTimeTrigger TimeDeltaTrigger"
    ),
    "airflow.providers.standard.utils.skipmixin": (
        f"tradewind.sdk.operators.skip: SkipMixin {_SKIP_KEYS}"
    ),
    "airflow.providers.standard.utils.weekday": "tradewind.sdk.weekday: WeekDay",
    "airflow.providers.smtp.operators.smtp": "tradewind.sdk.operators.email: EmailOperator",
    # --- what is installed --------------------------------------------------------------------
    "airflow.providers_manager": "tradewind.compat.providers: ProvidersManager",
}
"""Airflow module → its names."""
