"""Operators, sensors, hooks and triggers of the cloud providers, against what plays the clouds."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from providers.clouds import Emulator, Services
from providers.conftest import CLOUDS, Tradewind

HOST = "127.0.0.1"


@pytest.fixture
def tradewind(tmp_path: Path) -> Tradewind:
    assert CLOUDS.is_dir(), "make test-providers makes the environment for these tests"
    return Tradewind(tmp_path, CLOUDS)


@pytest.fixture
def services() -> Iterator[Services]:
    with closing(Services()) as services:
        yield services


def connection(conn_type: str, **parts: Any) -> str:
    return json.dumps({"conn_type": conn_type, **parts})


def test_amazon(tradewind: Tradewind) -> None:
    moto = Emulator(CLOUDS / "bin" / "moto_server", "--host", HOST, "--port")
    extra = {"region_name": "eu-north-1", "endpoint_url": f"http://{HOST}:{moto.port}"}
    aws = connection("aws", login="key", password="secret-key", extra=extra)
    with closing(moto):
        done = tradewind.run(
            "run_amazon",
            AIRFLOW_CONN_AWS_DEFAULT=aws,
            AIRFLOW_CONN_SQLITE_DEFAULT=connection("sqlite", host=str(tradewind.home / "x.db")),
        )
    assert done.in_state("failed") == {"gone"}, done.output
    assert done.in_state("success") == {
        *("bucket", "write", "there", "later", "copy", "change", "upload", "listing"),
        *("hook", "path", "delete", "queue", "send", "receive", "receive_later"),
        *("topic", "publish", "table"),
    }
    assert "secret-key" not in done.output


def test_google(tradewind: Tradewind) -> None:
    program = CLOUDS / "bin" / "gcp-storage-emulator"
    with closing(Emulator(program, "start", "-M", "--host", HOST, "--port")) as storage:
        anonymous = {"is_anonymous": True, "project": "shop"}
        done = tradewind.run(
            "run_google",
            AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT=connection("google_cloud_platform", extra=anonymous),
            AIRFLOW_VAR_DOWNLOADS=str(tradewind.home),
            STORAGE_EMULATOR_HOST=f"http://{HOST}:{storage.port}",
        )
    assert done.in_state("success") == {
        *("bucket", "upload", "there", "some", "change", "download", "listing", "hook", "delete"),
    }, done.output
    assert "GCSCreateBucketOperator" in (tradewind.home / "copy.py").read_text()


def test_snowflake(tradewind: Tradewind) -> None:
    python = CLOUDS / "bin" / "python"
    certificates = [python, "-m", "trustme", "-q", "-d", tradewind.home, "-i", "localhost"]
    subprocess.run(certificates, check=True)
    files = [str(tradewind.home / name) for name in ("server.key", "server.pem")]
    secure = ["--ssl-keyfile", files[0], "--ssl-certfile", files[1]]
    server = ["-m", "uvicorn", "fakesnow.server:app", *secure, "--host", HOST, "--port"]
    with closing(Emulator(python, *server)) as snowflake:
        extra = {"account": "a", "database": "shop", "host": "localhost", "port": snowflake.port}
        login = {"login": "me", "password": "pw", "schema": "public"}
        without_revocation = {**extra, "insecure_mode": True}
        done = tradewind.run(
            "run_snowflake",
            AIRFLOW_CONN_SNOWFLAKE_DEFAULT=connection(
                "snowflake", **login, extra=without_revocation
            ),
            REQUESTS_CA_BUNDLE=str(tradewind.home / "client.pem"),
        )
    assert done.in_state("success") == {
        *("create", "insert", "select", "check", "wait", "hook"),
    }, done.output


def test_slack(tradewind: Tradewind, services: Services) -> None:
    web = f"http://{HOST}:{services.port}"
    done = tradewind.run(
        "run_slack",
        AIRFLOW_CONN_SLACK_API_DEFAULT=connection(
            "slack", password="xoxb-token", extra={"base_url": f"{web}/slack/"}
        ),
        AIRFLOW_CONN_WEBHOOK=connection(
            "slackwebhook", host=f"{web}/services", password="T/B/hidden"
        ),
        AIRFLOW_CONN_SQLITE_DEFAULT=connection("sqlite", host=str(tradewind.home / "x.db")),
    )
    assert done.in_state("success") == {"post", "webhook", "table"}, done.output
    assert done.in_state("failed") == {"broken"}
    said = [message["text"] for message in services.posted["/slack/chat.postMessage"]]
    assert said == ["run manual", "run_slack is done"]
    hooked = "\n".join(message["text"] for message in services.posted["/services/T/B/hidden"])
    for text in ("from webhook", "broken failed", "| 3 |"):
        assert text in hooked
    assert "xoxb-token" not in done.output


def test_databricks(tradewind: Tradewind, services: Services) -> None:
    done = tradewind.run(
        "run_databricks",
        AIRFLOW_CONN_DATABRICKS_DEFAULT=connection(
            "databricks", schema="http", host=HOST, port=services.port, password="dapi-token"
        ),
    )
    assert done.in_state("failed") == {"fails"}, done.output
    assert done.in_state("success") == {
        *("submit", "later", "run_now", "statement"),
        *("workflow.launch", "workflow.first", "workflow.second"),
    }
    [job] = services.posted["/api/2.2/jobs/create"]
    first, second = job["tasks"]
    assert second["depends_on"] == [{"task_key": first["task_key"]}]
    paths = {run["notebook_task"]["notebook_path"] for run in _submitted(services)}
    assert paths == {"/orders/run_databricks"}
    assert services.asked["submitted later"] >= 3  # by the trigger, until it has ended


def _submitted(services: Services) -> list[Any]:
    return services.posted["/api/2.2/jobs/runs/submit"]


def test_docker_says_that_it_is_not_there(tradewind: Tradewind) -> None:
    done = tradewind.run("run_docker")
    assert done.in_state("failed") == {"container", "function"}, done.output
    assert done.output.count("Failed to establish connection to any given Docker hosts.") >= 2
