"""Every corpus DAG has the structure that Airflow reports, and the same document at each parse."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"

pytestmark = pytest.mark.skipif(
    not CORPUS.exists(), reason=f"the conformance corpus is not at {CORPUS}"
)

DAG_IDS = sorted(path.stem for path in (CORPUS / "expected").glob("*.json"))

# Airflow 3 refuses these; Tradewind takes them, with a note in the DAG's warnings.
ACCEPTED_ON_PURPOSE = {
    "dag_concurrency",
    "dag_default_view",
    "dag_fail_stop",
    "dag_full_filepath",
    "dag_orientation",
    "dag_schedule_interval",
    "dag_timetable",
    "op_provide_context",
    "op_task_concurrency",
    "op_trigger_rule_dummy",
    "op_trigger_rule_none_failed_or_skipped",
}


@cache
def parsed(hash_seed: str) -> str:
    script = Path(__file__).with_name("serialize_corpus.py")
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, str(script), str(CORPUS / "dags")]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def document(dag_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(parsed("1"))["documents"][dag_id]
    return found


def recorded(dag_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CORPUS / "expected" / f"{dag_id}.json").read_text())
    return found


def structure(dag: dict[str, Any]) -> dict[str, Any]:
    """The document's tasks in the form of the corpus."""
    tasks = dag.get("tasks", [])
    return {
        task["task_id"]: {
            "downstream": sorted(
                other["task_id"] for other in tasks if task["task_id"] in other.get("upstream", [])
            ),
            "trigger_rule": task.get("trigger_rule", "all_success"),
            "operator": task["operator"],
            "is_mapped": "expansion" in task,
            "retries": float(task.get("retries", 0)),
        }
        for task in tasks
    }


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_structure_is_airflows(dag_id: str) -> None:
    expected = recorded(dag_id)["structure"]
    for task in expected.values():
        task["downstream"] = sorted(task["downstream"])

    assert structure(document(dag_id)) == expected


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_timetable_summary_is_airflows(dag_id: str) -> None:
    assert document(dag_id).get("timetable_summary") == recorded(dag_id)["timetable"]


def test_documents_do_not_depend_on_the_hash_seed() -> None:
    assert parsed("1") == parsed("4711")


def test_removed_arguments_are_taken_or_refused_as_meant() -> None:
    recorded_run = recorded("legacy_removed")["runs"][0]["task_instances"][0]
    airflow: dict[str, str] = recorded_run["xcom"]["return_value"]
    expected = {
        name: "accepted" if name in ACCEPTED_ON_PURPOSE else outcome
        for name, outcome in airflow.items()
    }

    assert json.loads(parsed("1"))["legacy_removed"] == expected
