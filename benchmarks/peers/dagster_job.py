"""Dagster: a job on SQLite, its ops in the process itself, or in a process each, two at once
(BENCH_PROCESSES).

Records: the run and its event log.
"""

import json
import os
import sys
from pathlib import Path

os.environ["DAGSTER_HOME"] = os.environ["BENCH_HOME"]
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"

from dagster import (
    DagsterEventType,
    DagsterInstance,
    In,
    Nothing,
    execute_job,
    in_process_executor,
    job,
    multiprocess_executor,
    op,
    reconstructable,
)

COUNTS = {"chain": 40, "parallel": 500}
EXECUTOR = (
    multiprocess_executor.configured({"max_concurrent": 2})
    if os.environ.get("BENCH_PROCESSES")
    else in_process_executor
)


@op(ins={"before": In(Nothing)})
def hop():
    pass


@op
def tiny():
    pass


@job(executor_def=EXECUTOR)
def chain():
    before = None
    for number in range(COUNTS["chain"]):
        alias = hop.alias(f"hop_{number}")
        before = alias() if before is None else alias(before)


@job(executor_def=EXECUTOR)
def parallel():
    for number in range(COUNTS["parallel"]):
        tiny.alias(f"tiny_{number}")()


def run(shape, count):
    assert COUNTS[shape] == count  # a child process makes the same job anew from this file
    target = {"chain": chain, "parallel": parallel}[shape]
    with DagsterInstance.get() as instance:
        result = execute_job(reconstructable(target), instance=instance)
        if not result.success:
            raise SystemExit("the job has failed")


def records(since):
    with DagsterInstance.get() as instance:
        (record,) = (
            each for each in instance.get_run_records() if each.create_timestamp.timestamp() > since
        )
        logs = instance.all_logs(record.dagster_run.run_id, of_type=DagsterEventType.STEP_SUCCESS)
    done = [entry.timestamp for entry in logs]
    ended = record.end_time or max(done, default=record.start_time)
    print(json.dumps({"began": record.start_time, "ended": ended, "tasks": len(done)}))


if __name__ == "__main__":
    Path(os.environ["DAGSTER_HOME"]).joinpath("dagster.yaml").touch()
    if sys.argv[1] == "run":
        run(sys.argv[2], int(sys.argv[3]))
    else:
        records(float(sys.argv[3]))
