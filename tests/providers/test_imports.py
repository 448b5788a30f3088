"""Every module of the cloud providers imports and every operator makes a task, but for those that
say here why not.
"""

import json
import os
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from providers.conftest import CLOUDS, HERE

PAGE = HERE.parents[1] / "docs" / "providers.md"

MACHINERY = "part of Airflow's own machinery, in whose place Tradewind is"
OTHER_PROVIDER = "needs a provider that is not installed here"
LIBRARY = "needs a library that its package does not require"

NOT_IMPORTED = {
    "amazon": {
        "aws.auth_manager": MACHINERY,
        "aws.bundles": MACHINERY,
        "aws.cli": MACHINERY,
        "aws.executors": MACHINERY,
        "aws.hooks.duckdb": OTHER_PROVIDER,
        "aws.transfers.azure_blob_to_s3": OTHER_PROVIDER,
        "aws.transfers.exasol_to_s3": OTHER_PROVIDER,
        "aws.transfers.hive_to_dynamodb": OTHER_PROVIDER,
    },
    "databricks": {},
    "docker": {},
    "google": {
        "cloud.bundles": MACHINERY,
        "cloud.hooks.dataflow": OTHER_PROVIDER,
        "cloud.hooks.spanner": OTHER_PROVIDER,
        "cloud.operators.dataflow": OTHER_PROVIDER,
        "cloud.operators.spanner": OTHER_PROVIDER,
        "cloud.sensors.dataflow": OTHER_PROVIDER,
        "cloud.transfers.adls_to_gcs": OTHER_PROVIDER,
        "cloud.transfers.azure_blob_to_gcs": OTHER_PROVIDER,
        "cloud.transfers.azure_fileshare_to_gcs": OTHER_PROVIDER,
        "cloud.transfers.bigquery_to_mssql": OTHER_PROVIDER,
        "cloud.transfers.bigquery_to_mysql": OTHER_PROVIDER,
        "cloud.transfers.cassandra_to_gcs": LIBRARY,
        "cloud.transfers.facebook_ads_to_gcs": OTHER_PROVIDER,
        "cloud.transfers.mssql_to_gcs": OTHER_PROVIDER,
        "cloud.transfers.mysql_to_gcs": LIBRARY,
        "cloud.transfers.oracle_to_gcs": LIBRARY,
        "cloud.triggers.dataflow": OTHER_PROVIDER,
        "cloud.utils.mlengine_prediction_summary": LIBRARY,
        "cloud.utils.validators": MACHINERY,
        "leveldb": LIBRARY,
    },
    "slack": {},
    "snowflake": {"hooks.cortex_model": OTHER_PROVIDER},
}
"""Provider → a module of it, which stands for all below, that cannot be imported, and why."""

NO_TASK = {
    "google": {"DataprocJobBaseOperator": "a base class that asks for its connection at once"},
    "snowflake": {"SnowparkOperator": "wants a function, not a text"},
}
"""Provider → an operator that nothing but texts makes no task of, and why."""


def import_all(provider: str) -> dict[str, Any]:
    # With bytecode, as everywhere but where somebody has switched it off: it halves the time.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    command = [CLOUDS / "bin" / "python", HERE / "import_all.py", f"airflow.providers.{provider}"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def version_of(provider: str) -> str:
    (site,) = Path(CLOUDS).glob("lib/python*/site-packages")
    name = f"apache-airflow-providers-{provider}"
    return next(d.version for d in distributions(path=[str(site)]) if d.name == name)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("provider", sorted(NOT_IMPORTED))
def test_all_modules_import_and_all_operators_make_tasks(provider: str) -> None:
    found = import_all(provider)
    reasons = {
        f"airflow.providers.{provider}.{name}": why for name, why in NOT_IMPORTED[provider].items()
    }
    excused = {
        module: known
        for module in found["failed"]
        for known in reasons
        if f"{module}.".startswith(f"{known}.")
    }
    assert {m: why for m, why in found["failed"].items() if m not in excused} == {}
    assert set(excused.values()) == reasons.keys(), "these import now"

    assert found["broken"].keys() == NO_TASK.get(provider, {}).keys(), found["broken"]

    imported = f"{found['modules'] - len(found['failed'])} of {found['modules']}"
    row = f"| {provider} | {version_of(provider)} | {imported} | {found['tasks']} |"
    assert row in PAGE.read_text(), f"docs/providers.md does not say: {row}"
