"""How fast the local executor starts and ends attempts, without a scheduler or a database.

    python benchmarks/local_executor.py [--chain 40] [--parallel 500] [--slots 8]

`chain`: each attempt is started when the one before has reported, so this is the runner's share of
the time between two tasks. `parallel`: as many as there are slots, until all are through. The bare
fork loop of a parent of like size, which does nothing else, is measured beside it for scale.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from tradewind.core.protocol import DagSource, Ok, Reply, Request, RunInfo, WorkOrder
from tradewind.core.states import DagRunType
from tradewind.executors.base import AttemptEnded, AttemptReported, ExecutorEvent
from tradewind.executors.local import LocalExecutor

DAG_FILE = """
from tradewind.sdk.dag import DAG
from tradewind.sdk.baseoperator import BaseOperator


class Tiny(BaseOperator):
    def execute(self, context):
        return 1


with DAG("bench"):
    Tiny(task_id="tiny")
"""


class NoTaskApi:
    def handle(self, message: Request, *, attempt_id: int | None) -> Reply:
        return Ok()


class Bench:
    def __init__(self, folder: Path, slots: int) -> None:
        (folder / "bench.py").write_text(DAG_FILE)
        self.folder = folder
        self.woken = threading.Event()
        self.executor = LocalExecutor(NoTaskApi(), slots=slots, log_folder=folder / "logs")
        self.executor.open(self.woken.set)
        self.started = self.ended = 0
        self.cpu = 0.0

    def start(self) -> int:
        self.started += 1
        now = datetime.now(UTC)
        run = RunInfo(
            dag_id="bench",
            run_id="r",
            run_type=DagRunType.MANUAL,
            run_after=now,
            logical_date=now,
        )
        source = DagSource(bundle="b", digest="d", file="bench.py", root=str(self.folder))
        self.executor.start(
            WorkOrder(
                attempt_id=self.started,
                task_instance_id=self.started,
                source=source,
                run=run,
                task_id="tiny",
                log_file=f"{self.started}.log",
            ),
            lease_seconds=30.0,
        )
        return self.started

    def events(self) -> list[ExecutorEvent]:
        self.woken.wait()
        self.woken.clear()
        events = self.executor.events()
        for event in events:
            if not isinstance(event, AttemptEnded):
                continue
            self.ended += 1
            self.cpu += event.usage.cpu_seconds if event.usage else 0.0
            if event.category is not None:
                raise SystemExit(f"An attempt was lost: {event.reason}")
        return events

    def wait_for_report(self) -> None:
        while not any(isinstance(event, AttemptReported) for event in self.events()):
            pass

    def chain(self, length: int) -> list[float]:
        hops = []
        for _ in range(length):
            began = time.perf_counter()
            self.start()
            self.wait_for_report()
            hops.append(time.perf_counter() - began)
        return hops

    def parallel(self, tasks: int) -> float:
        target = self.started + tasks
        began = time.perf_counter()
        while self.ended < target:
            while self.started < target and self.executor.free_slots():
                self.start()
            self.events()
        return time.perf_counter() - began

    def close(self) -> None:
        self.executor.close(drain_seconds=5.0)


def bare_forks(count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chain", type=int, default=40)
    parser.add_argument("--parallel", type=int, default=500)
    parser.add_argument("--slots", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.slots)
        try:
            first = bench.chain(1)[0]
            hops = sorted(bench.chain(options.chain))
            while bench.ended < bench.started:
                bench.events()
            seconds = bench.parallel(options.parallel)
        finally:
            bench.close()
    forks = bare_forks(options.parallel)
    print(f"first attempt, host and import included  {first * 1e3:8.1f} ms")
    print(f"chain hop, median                        {statistics.median(hops) * 1e3:8.1f} ms")
    print(
        f"chain hop, 95th percentile               {hops[int(len(hops) * 0.95) - 1] * 1e3:8.1f} ms"
    )
    print(f"{options.parallel} in parallel                          {seconds:8.2f} s")
    print(f"attempts a second                        {options.parallel / seconds:8.0f}")
    print(f"CPU of an attempt's process              {bench.cpu * 1e3 / bench.ended:8.1f} ms")
    print(f"bare forks of this process a second      {options.parallel / forks:8.0f}")


if __name__ == "__main__":
    main()
