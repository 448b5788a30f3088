"""Providers in every process of `standalone`: parsing, watching an asset, running and deferring."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from providers.conftest import ENVIRONMENT, HERE, Tradewind
from providers.servers import WebServer


@pytest.fixture
def standalone(tradewind: Tradewind, web_server: WebServer) -> Iterator[Tradewind]:
    dags = tradewind.home / "dags"
    dags.mkdir()
    shutil.copy(HERE / "dags" / "watched_http.py", dags)
    environment = {
        "TRADEWIND_HOME": str(tradewind.home),
        "TRADEWIND_CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        "AIRFLOW_CONN_HTTP_DEFAULT": f"http://127.0.0.1:{web_server.port}",
    }
    with (tradewind.home / "standalone.log").open("w") as log:
        process = subprocess.Popen(
            [ENVIRONMENT / "bin" / "tradewind", "standalone"],
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
    yield tradewind
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def test_an_event_of_a_providers_trigger_starts_a_run(standalone: Tradewind) -> None:
    deadline = time.monotonic() + 90
    states: list[str] = []
    while "success" not in states:
        log = (standalone.home / "standalone.log").read_text()
        assert time.monotonic() < deadline, f"{states} {log}"
        time.sleep(1)
        done = standalone.command("dags", "list-runs", "watched_http", "-o", "json")
        states = [run["state"] for run in json.loads(done.stdout)] if done.stdout else []
    assert "failed" not in states
