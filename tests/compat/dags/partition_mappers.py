"""Runs by partition: fan-out, roll-up that is and is not complete, products, fixed, allowed and
chained keys.
"""

from airflow.sdk import (
    DAG,
    AllowedKeyMapper,
    Asset,
    ChainMapper,
    DayWindow,
    FanOutMapper,
    FixedKeyMapper,
    IdentityMapper,
    PartitionedAssetTimetable,
    PartitionedAtRuntime,
    ProductMapper,
    RollupMapper,
    SegmentWindow,
    StartOfDayMapper,
    StartOfMonthMapper,
    task,
)

HOURS = Asset(name="diff_partition_hours", uri="diff://partitions/hours")
PAIRS = Asset(name="diff_partition_pairs", uri="diff://partitions/pairs")
DAYS = Asset(name="diff_partition_days", uri="diff://partitions/days")
NAMES = Asset(name="diff_partition_names", uri="diff://partitions/names")

with DAG("partition_mappers", schedule=PartitionedAtRuntime(), catchup=False):

    @task(outlets=[HOURS, PAIRS, DAYS, NAMES])
    def emit(outlet_events=None):
        outlet_events[HOURS].add_partitions("2026-01-15T03:00:00", "2026-01-15T04:00:00")
        outlet_events[PAIRS].add_partitions("2026-01-15T03:00:00|eu", "2026-01-16T03:00:00|us")
        outlet_events[DAYS].add_partitions("2026-02-03")
        outlet_events[NAMES].add_partitions("eu", "us")

    emit()

for name, asset, mapper in [
    ("product", PAIRS, ProductMapper(StartOfDayMapper(), IdentityMapper())),
    ("fixed", HOURS, FixedKeyMapper("all")),
    ("allowed", NAMES, AllowedKeyMapper(["eu"])),
    (
        "chained",
        HOURS,
        ChainMapper(StartOfDayMapper(), StartOfMonthMapper(input_format="%Y-%m-%d")),
    ),
    (
        "rolled_names",
        NAMES,
        RollupMapper(upstream_mapper=FixedKeyMapper("x"), window=SegmentWindow(["eu", "us"])),
    ),
    ("rolled_day", HOURS, RollupMapper(upstream_mapper=StartOfDayMapper(), window=DayWindow())),
    (
        "fanned",
        DAYS,
        FanOutMapper(upstream_mapper=StartOfDayMapper(input_format="%Y-%m-%d"), window=DayWindow()),
    ),
]:
    with DAG(
        f"partition_{name}",
        schedule=PartitionedAssetTimetable(assets=asset, default_partition_mapper=mapper),
        catchup=False,
        max_active_runs=50,
    ):

        @task
        def key(dag_run=None, partition_key=None):
            return [dag_run.partition_key, partition_key]

        key()
