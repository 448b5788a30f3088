"""The examples load and can be scheduled as they are. (That they run is an integration test.)"""

import json
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

DAGS = {
    "assets.py": ["asset_producer", "asset_consumer"],
    "branching.py": ["branching"],
    "dynamic_mapping.py": ["dynamic_mapping"],
    "hello.py": ["hello"],
    "params_and_bash.py": ["params_and_bash"],
    "setup_teardown.py": ["setup_teardown"],
    "waiting.py": ["waiting"],
    "weather_report.py": ["weather_report"],
}

# In a process of its own, because loading installs the `airflow` names for good.
LOAD = """
import json, sys
from tradewind.runner.load import load_dag_file
from tradewind.sdk.serialize import serialize_dag
root, *files = sys.argv[1:]
found = {}
for file in files:
    dags = [serialize_dag(dag, file) for dag in load_dag_file(root, file)]
    found[file] = [[dag.dag_id, dag.warnings, len(dag.tasks)] for dag in dags]
print(json.dumps(found))
"""


def test_all_examples_are_listed() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == DAGS.keys()
    readme = (EXAMPLES / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in DAGS)


def test_examples_load_without_warnings() -> None:
    command = [sys.executable, "-c", LOAD, str(EXAMPLES), *DAGS]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    for file, dag_ids in DAGS.items():
        assert [dag_id for dag_id, _, _ in loaded[file]] == dag_ids
        assert all(not warnings and tasks > 0 for _, warnings, tasks in loaded[file])
