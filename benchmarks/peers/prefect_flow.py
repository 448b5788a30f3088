"""Prefect: a server with SQLite, and a flow that runs its tasks in threads, or in two processes
(BENCH_PROCESSES).

Records: the server's database, `task_run`. It is written after the fact: the flow is over before
its tasks' ends are stored, and `stored after` says how much later they were.
"""

import json
import os
import sqlite3
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

DATABASE = Path(os.environ["PREFECT_HOME"], "prefect.db")
IN_PROCESSES = bool(os.environ.get("BENCH_PROCESSES"))
PATIENCE_SECONDS = 60.0


def run(shape, count):
    from prefect import flow, task
    from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

    @task
    def tiny(_before=None):
        return 1

    runner = ProcessPoolTaskRunner(max_workers=2) if IN_PROCESSES else ThreadPoolTaskRunner()

    @flow(name=shape, task_runner=runner)
    def work():
        if shape == "chain":
            before = None
            for _ in range(count):
                before = tiny.submit(before) if IN_PROCESSES else tiny(before)
            if IN_PROCESSES:
                before.result()
        else:
            for future in [tiny.submit() for _ in range(count)]:
                future.result()

    since = time.time()
    work()
    over = time.time()
    while len(ends(since)[1]) < count and time.time() - over < PATIENCE_SECONDS:
        time.sleep(0.2)
    Path(os.environ["BENCH_HOME"], "stored").write_text(str(time.time() - over))


def ends(since):
    """When the flow began, and when its tasks ended, of what began after `since`."""
    with sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True) as connection:
        flows = connection.execute("SELECT start_time FROM flow_run").fetchall()
        tasks = connection.execute(
            "SELECT end_time FROM task_run WHERE state_type = 'COMPLETED' AND end_time IS NOT NULL"
        ).fetchall()
    began = [at for (text,) in flows if text and (at := moment(text)) >= since]
    return began, [at for (text,) in tasks if (at := moment(text)) >= since]


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def records(since):
    began, done = ends(since)
    stored = Path(os.environ["BENCH_HOME"], "stored")
    figures = {"seconds until stored": float(stored.read_text())} if stored.exists() else None
    found = {"began": min(began), "ended": max(done, default=since), "tasks": len(done)}
    print(json.dumps(found | {"figures": figures}))


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], int(sys.argv[3]))
    else:
        records(float(sys.argv[3]))
