"""`python -m soak --minutes 30 --rate 5 --database postgresql --folder DIR`."""

import argparse
import csv
import signal
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from faults.harness import Installation
from soak.load import DAG_FILE, Load
from soak.samples import Clock, Database, Sample, of_processes
from soak.verdict import as_table, judge
from support.postgres import PostgresServer
from tradewind.core.errors import InfrastructureError
from tradewind.store import dags

SETTINGS = {  # what a user has, not the short leases of the tests
    "TRADEWIND_SCHEDULER__RUN_LEASE_SECONDS": "15",
    "TRADEWIND_SCHEDULER__ATTEMPT_LEASE_SECONDS": "30",
    "TRADEWIND_SCHEDULER__IDLE_POLL_SECONDS": "10",
    "TRADEWIND_CORE__PARALLELISM": "32",
}


def main() -> int:
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing is left behind
    folder = Path(options.folder or tempfile.mkdtemp(prefix="soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Samples, pictures and logs: {folder}", flush=True)
    server = None
    url = None
    if options.database == "postgresql":
        server = PostgresServer(synchronous_commit="on", fsync="on", autovacuum="on")
        url = server.url(server.new_database())
    home = Path(tempfile.mkdtemp(prefix="soak-home-"))
    installation = Installation(home, url, notes=folder, **SETTINGS)
    try:
        samples = _run(installation, options)
    finally:
        installation.close()
        if server is not None:
            server.close()
    return _conclude(samples, folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=5, help="tasks a second")
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--folder", help="where samples, pictures and logs go")
    parser.add_argument("--every", type=float, default=5, help="seconds between samples")
    return parser


def _run(installation: Installation, options: argparse.Namespace) -> list[Sample]:
    (installation.dags / "steady.py").write_text(DAG_FILE)
    roles = ["scheduler", "scheduler", "dag-processor", "triggerer"]
    if options.database == "sqlite":
        roles = ["standalone"]
    roots = {}
    for number, role in enumerate(roles):
        name = f"{role} {number + 1}" if roles.count(role) > 1 else role
        roots[name] = installation.start(role).pid
    installation.until(lambda: _knows(installation))
    keep = timedelta(minutes=options.minutes / 8)
    load = Load(installation.store, rate=options.rate, keep=keep)
    database, clock = Database(installation.store), Clock()
    samples: list[Sample] = []
    load.start()
    try:
        while clock.minutes() < options.minutes:
            time.sleep(options.every)
            try:
                measured = of_processes(roots) | database.sample()
            except InfrastructureError as error:
                load.errors.append(str(error))
                continue
            samples.append({"minutes": clock.minutes(), **measured})
            if ended := [p for p in installation.processes if p.poll() is not None]:
                raise RuntimeError(f"A role has ended: {ended[0].args}.")
    finally:
        load.stop()
    print(f"{load.triggered} runs triggered, {len(load.errors)} errors {load.errors[:3]}")
    return _with_cores(samples)


def _knows(installation: Installation) -> bool:
    with installation.store.read() as tx:
        return dags.get(tx, "steady") is not None


def _with_cores(samples: list[Sample]) -> list[Sample]:
    """CPU seconds so far become cores in use, over half a minute."""
    names = [name for name in samples[-1] if name.startswith("cpu seconds, ")]
    converted = []
    for number, sample in enumerate(samples):
        before = samples[max(0, number - 6)]
        seconds = (sample["minutes"] - before["minutes"]) * 60
        cores = {
            name.replace("cpu seconds", "cpu cores"): (sample[name] - before[name]) / seconds
            for name in names
            if seconds
        }
        rest = {name: value for name, value in sample.items() if name not in names}
        converted.append(rest | cores)
    return converted[1:]


def _conclude(samples: list[Sample], folder: Path) -> int:
    names = list(dict.fromkeys(name for sample in samples for name in sample))
    with (folder / "samples.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(samples)
    minutes = [sample["minutes"] for sample in samples]
    series = {
        name: [sample.get(name, 0.0) for sample in samples] for name in names if name != "minutes"
    }
    verdicts = judge(minutes, series)
    (folder / "verdict.md").write_text(as_table(verdicts) + "\n")
    print(as_table(verdicts))
    return 1 if any(each.grows for each in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
