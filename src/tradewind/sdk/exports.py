"""Which module has which exported name."""

EXPORTS: dict[str, str] = {
    name: module
    for module, names in {
        "assets": (
            "Asset AssetAccessControl AssetAlias AssetAll AssetAny AssetWatcher Dataset Metadata "
            "Model"
        ),
        "asset_decorator": "asset",
        "async_operator": "BaseAsyncOperator",
        "authoring": "ArgNotSet NOTSET",
        "baseoperator": "BaseOperator",
        "callbacks": "AsyncCallback SyncCallback",
        "configuration": "conf",
        "connection": "Connection",
        "context": "Context get_current_context get_parsing_context",
        "custom_timetables": "DagRunInfo DataInterval TimeRestriction Timetable",
        "dag": "DAG dag",
        "deadline": (
            "BaseDeadlineReference DeadlineAlert DeadlineReference VariableInterval "
            "deadline_reference"
        ),
        "decorators": "result setup task task_group teardown",
        "edges": "EdgeModifier Label chain chain_linear cross_downstream",
        "hooks.base": "BaseHook",
        "io.path": "ObjectStoragePath",
        "lineage": "lineage",
        "macros": "macros",
        "notifier": "BaseNotifier",
        "operator_link": "BaseOperatorLink",
        "operators.branch": "BaseBranchOperator BranchMixIn",
        "operators.skip": "SkipMixin",
        "param": "Param ParamsDict",
        "partitions": (
            "AllowedKeyMapper ChainMapper DayWindow FanOutMapper FixedKeyMapper HourWindow "
            "IdentityMapper MinimumCount MonthWindow PartitionMapper ProductMapper QuarterWindow "
            "RollupMapper SegmentWindow StartOfDayMapper StartOfHourMapper StartOfMonthMapper "
            "StartOfQuarterMapper StartOfWeekMapper StartOfYearMapper WaitForAll WeekWindow Window "
            "YearWindow"
        ),
        "resumable": "ResumableJobMixin",
        "retry_policy": ("ExceptionRetryPolicy RetryAction RetryDecision RetryPolicy RetryRule"),
        "sensors.base": "BaseSensorOperator PokeReturnValue",
        "state_store": "NEVER_EXPIRE",
        "states": "DagRunState DagRunType TaskInstanceState TriggerRule WeightRule",
        "task_instance": "TaskInstance",
        "taskgroup": "TaskGroup",
        "templater": "literal",
        "timetables": (
            "AssetOrTimeSchedule CronDataIntervalTimetable CronPartitionTimetable "
            "CronTriggerTimetable DeltaDataIntervalTimetable DeltaTriggerTimetable EventsTimetable "
            "MultipleCronTriggerTimetable PartitionedAssetTimetable PartitionedAtRuntime"
        ),
        "variable": "Variable",
        "xcom": "BaseXCom",
        "xcom_arg": "XComArg",
    }.items()
    for name in names.split()
}
