"""What each of Airflow's example DAGs promises, by its docstring, comments and code.

Every DAG of the files is in one of these tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

SKIPPED = "skipped"
FAILED = "failed"


@dataclass(frozen=True)
class Promise:
    """How a run ends that is started by hand.

    `otherwise`: the tasks that do not succeed. `counts`: how many tasks end in which state, where
    chance or the day of the week chooses among them; it takes the place of `otherwise`.
    """

    why: str = "no task has a reason to fail or to be skipped"
    state: str = "success"
    otherwise: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] | None = None
    conf: Mapping[str, object] = field(default_factory=dict)


ALL_SUCCEED = Promise()

_BRANCHES = Promise(
    "one of four branches is taken by chance, three times over (plain, external Python,"
    " virtualenv); each leaves three branches and what follows out",
    counts={"success": 11, SKIPPED: 12},
)
_SHORT_CIRCUITS = Promise(
    "what follows a condition that is false is skipped: all of it, or with"
    " ignore_downstream_trigger_rules=False only what comes next",
    otherwise=dict.fromkeys(("false_1", "false_2", "task_4", "task_6"), SKIPPED),
)
_IN_THE_PAST = "now is not within the hours of 2020 that the branch asks for"

BY_HAND: dict[str, Promise] = {
    **dict.fromkeys(
        (
            "asset1_producer",
            "asset2_producer",
            "asset_alias_example_alias_producer",
            "asset_alias_example_alias_producer_with_no_taskflow",
            "asset_produces_1",
            "asset_produces_2",
            "asset_s3_bucket_producer",
            "asset_s3_bucket_producer_with_no_taskflow",
            "asset_with_extra_by_context",
            "asset_with_extra_by_yield",
            "asset_with_extra_from_classic_operator",
            "child_dag",
            "example_asset_state_store_producer",
            "example_branch_labels",
            "example_complex",
            "example_custom_weight",
            "example_display_name",
            "example_dynamic_task_mapping",
            "example_dynamic_task_mapping_with_no_taskflow_operators",
            "example_external_task",
            "example_external_task_marker_parent",
            "example_local_kubernetes_executor",
            "example_measurement_correction_decorator",
            "example_measurement_correction_operator",
            "example_params_trigger_ui",
            "example_python_decorator",
            "example_python_operator",
            "example_sensor_decorator",
            "example_setup_teardown",
            "example_setup_teardown_taskflow",
            "example_simplest_dag",
            "example_task_group",
            "example_task_group_decorator",
            "example_task_group_mapping",
            "example_task_mapping_second_order",
            "example_task_state_store",
            "example_task_state_store_async",
            "example_task_state_store_mapped",
            "example_time_delta_sensor_async",
            "example_trigger_controller_dag",
            "example_workday_timetable",
            "example_xcom",
            "example_xcom_args",
            "example_xcom_args_with_operators",
            "ingest_region_stats",
            "ingest_regional_sales",
            "latest_only",
            "latest_only_with_trigger",
            "live_region_player_stats",
            "multi_region_player_stats",
            "team_analytics_producer",
            "tutorial",
            "tutorial_dag",
            "tutorial_taskflow_api",
            "tutorial_taskflow_api_virtualenv",
            "tutorial_taskflow_templates",
        ),
        ALL_SUCCEED,
    ),
    "example_bash_decorator": Promise(
        "exit code 99 skips, and the logical date is not at a weekend",
        otherwise={"this_will_skip": SKIPPED, "sleep_in": SKIPPED},
    ),
    "example_bash_operator": Promise(
        "exit code 99 skips, and with it what follows",
        otherwise={"this_will_skip": SKIPPED, "run_this_last": SKIPPED},
    ),
    "example_branch_datetime_operator": Promise(_IN_THE_PAST, otherwise={"date_in_range": SKIPPED}),
    "example_branch_datetime_operator_2": Promise(
        "it depends on the hour of the day", counts={"success": 2, SKIPPED: 1}
    ),
    "example_branch_datetime_operator_3": Promise(
        _IN_THE_PAST, otherwise={"date_in_range": SKIPPED}
    ),
    "example_branch_dop_operator_v3": Promise(
        "the minute of the logical date is even", otherwise={"empty_task_2": SKIPPED}
    ),
    "example_branch_operator": _BRANCHES,
    "example_branch_python_operator_decorator": _BRANCHES,
    "example_external_task_marker_child": Promise(
        "its second sensor waits for a task group that the parent DAG does not have",
        state=FAILED,
        otherwise={"child_task2": FAILED, "child_task3": "upstream_failed"},
    ),
    "example_failed_dag": Promise(
        "it is there to fail", state=FAILED, otherwise={"fail_task": FAILED}
    ),
    "example_nested_branch_dag": Promise(
        "both branches go by their first choice, and joins run with one of their upstreams",
        otherwise=dict.fromkeys(
            ("branch_2", "false_1", "false_2", "false_3", "join_2", "true_2"), SKIPPED
        ),
    ),
    "example_params_ui_tutorial": Promise(
        "one param is required", conf={"required_field": "long enough"}
    ),
    "example_passing_params_via_test_command": Promise(
        "a template uses a param that is given at the start", conf={"foo": "bar"}
    ),
    "example_short_circuit_decorator": _SHORT_CIRCUITS,
    "example_short_circuit_operator": _SHORT_CIRCUITS,
    "example_skip_dag": Promise(
        "what skips itself is passed on by all_success, and not by one_success",
        otherwise=dict.fromkeys(
            ("all_success", "final_1", "skip_operator_1", "skip_operator_2"), SKIPPED
        ),
    ),
    "example_weekday_branch_operator": Promise(
        "each of two branches takes one side by the day of the week",
        counts={"success": 4, SKIPPED: 2},
    ),
}

BY_EVENTS: dict[str, str] = {
    "aggregate_regional_sales": "a run for each region's day",
    "asset_alias_example_alias_consumer": "the alias got an asset",
    "asset_alias_example_alias_consumer_with_no_taskflow": "the alias got an asset",
    "asset_consumes_1": "its asset was produced",
    "asset_consumes_1_and_2": "both assets were produced",
    "asset_s3_bucket_consumer": "the asset was produced, directly and through the alias",
    "asset_s3_bucket_consumer_with_no_taskflow": "the same",
    "clean_and_combine_player_stats": "an hour's partitions of all three teams were there",
    "compute_player_odds": "the combined partition was there",
    "conditional_asset_and_time_based_timetable": "both assets were produced",
    "consume_1_and_2_with_asset_expressions": "both assets were produced",
    "consume_1_or_2_with_asset_expressions": "one of the assets was produced",
    "consume_1_or_both_2_and_3_with_asset_expressions": "the first asset was produced",
    "consumes_asset_decorator": "the decorated assets were produced",
    "daily_inference": "a week's model gives seven days",
    "daily_team_a_rollup": "all 24 hours of the day were there",
    "example_asset_state_store_consumer": "its asset was produced",
    "example_asset_with_watchers": "the files that its triggers watch appeared",
    "example_trigger_target_dag": "the controller triggered it",
    "ingest_team_a_player_stats": "backfilled for a day",
    "scatter_live_region_to_segments": "a key fans out to segments",
    "segment_region_stats_early_rollup": "two of the regions were there",
    "segment_region_stats_rollup": "all regions were there",
    "summarize_live_region_stats": "the key that was chosen at run time",
    "team_b_player_stats": "backfilled for an hour",
    "team_c_player_stats": "backfilled for an hour",
    "team_ml_consumer": "its asset was produced",
    "trailing_week_inference": "a week's model gives the seven days before",
    "train_weekly_model": "backfilled for a week",
}
"""Runs that nobody starts by hand; they succeed."""

RUNS_OF_EVENTS: dict[str, int] = {
    "aggregate_regional_sales": 3,
    "clean_and_combine_player_stats": 1,
    "compute_player_odds": 1,
    "daily_inference": 7,
    "daily_team_a_rollup": 1,
    "ingest_team_a_player_stats": 24,
    "scatter_live_region_to_segments": 3,
    "trailing_week_inference": 7,
}
"""How many, where the text says it."""

NEVER: dict[str, str] = {
    "asset_consumes_1_never_scheduled": "one of its assets is produced by nobody",
    "asset_consumes_unknown_never_scheduled": "its assets are produced by nobody",
    "monthly_team_a_rollup": "only one day of the month is there",
    "player_odds_quality_check_wont_ever_to_trigger": "its mappers' keys never meet",
    "regional_stats_breakdown": "it lets through three regions' keys, and no run has one",
}
"""DAGs that have no run in the end."""

APART: dict[str, str] = {
    "example_dag_decorator": "asks a server on the internet",
    "example_hitl_operator": "waits for people's answers",
    "example_kubernetes_executor": "writes into volumes of pods",
    "example_retry_policy": "asks a server on the internet that does not exist, six times",
    "example_sensors": "one of its sensors waits for an hour: Airflow's timeout of a sensor does"
    " not end a deferral",
    "read_asset_event": "its asset has the URI of another example's under another name, and"
    " Airflow lets only one of both be active",
    "read_asset_event_from_classic": "the same",
    "tutorial_objectstorage": "writes to S3 what it asks a server on the internet for",
}
"""DAGs that load, and are not run to their end here."""
