"""Loads every DAG file of a folder as a parsing child does, and prints the documents as JSON.

Run in a process of its own: the files take over the `airflow` names, and a hash seed is fixed at
the start of a process.
"""

import json
import sys
from pathlib import Path

from tradewind.core.dag import encode
from tradewind.runner.load import load_dag_file
from tradewind.sdk.serialize import serialize_dag


def main(root: Path) -> None:
    documents = {}
    outcomes = {}
    for path in sorted(root.glob("*.py")):
        for dag in load_dag_file(str(root), path.name):
            documents[dag.dag_id] = json.loads(encode(serialize_dag(dag, path.name)))
            if dag.dag_id == "legacy_removed":
                outcomes = dag.get_task("outcomes").python_callable()
    print(json.dumps({"documents": documents, "legacy_removed": outcomes}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
