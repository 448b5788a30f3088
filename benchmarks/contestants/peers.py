"""The peers by name: what they give for their time, and the servers that they need."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks import services
from benchmarks.contestants.base import Conditions, Terms
from benchmarks.contestants.peer import Peer
from benchmarks.environments import python_of
from benchmarks.processes import BenchmarkError, free_port, running, tail, wait_until


@contextmanager
def _redis(conditions: Conditions) -> Iterator[dict[str, str]]:
    with services.redis(conditions.home) as url:
        yield {"BENCH_REDIS": url}


@contextmanager
def _prefect_server(conditions: Conditions) -> Iterator[dict[str, str]]:
    port, log = free_port(), conditions.home / "server.log"
    api = f"http://127.0.0.1:{port}/api"
    environment = {
        "PREFECT_HOME": str(conditions.home),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [python_of("prefect").parent / "prefect", "server", "start", "--port", str(port)]
    with running(command, log=log, environment=os.environ | environment) as process:
        if not wait_until(lambda: _answers(api), 90, process=process, log=log, pause_seconds=0.5):
            raise BenchmarkError(f"The server does not start: {tail(log)}")
        yield environment


def _answers(api: str) -> bool:
    try:
        with urlopen(f"{api}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


_IN_PROCESSES = {"BENCH_PROCESSES": "1"}
_PREFECT_DURABILITY = "the server's SQLite, written some time after the fact"
_DAGSTER_DURABILITY = "SQLite, an event for each step of a task"

PEERS = [
    Peer(
        "bare-fork",
        "bare_fork",
        None,
        Terms("bare fork loop", "a process for each task", "none", "nobody; the loop's own clock"),
    ),
    Peer(
        "celery",
        "celery_tasks",
        "celery",
        Terms(
            "Celery, Redis",
            "two prefork children, used again and again",
            "none: Redis as it comes keeps everything in memory and saves it after minutes",
            "a result for each task, with the moment of its end; nothing is scheduled",
        ),
        _redis,
    ),
    Peer(
        "luigi",
        "luigi_tasks",
        "luigi",
        Terms(
            "Luigi, local scheduler",
            "a process for each task, forked by the worker",
            "a file for each task, without fsync; the scheduler keeps its state in memory",
            "the files' time-stamps",
        ),
    ),
    Peer(
        "prefect",
        "prefect_flow",
        "prefect",
        Terms("Prefect, threads", "none: threads of one process", _PREFECT_DURABILITY, "task_run"),
        _prefect_server,
    ),
    Peer(
        "prefect-processes",
        "prefect_flow",
        "prefect",
        Terms("Prefect, processes", "two processes, used again", _PREFECT_DURABILITY, "task_run"),
        _prefect_server,
        _IN_PROCESSES,
    ),
    Peer(
        "dagster",
        "dagster_job",
        "dagster",
        Terms("Dagster, in process", "none: one process", _DAGSTER_DURABILITY, "the event log"),
    ),
    Peer(
        "dagster-processes",
        "dagster_job",
        "dagster",
        Terms(
            "Dagster, processes",
            "a process for each task, which imports everything itself",
            _DAGSTER_DURABILITY,
            "the event log",
        ),
        environment=_IN_PROCESSES,
    ),
]
