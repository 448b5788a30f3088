"""`airflow.settings`, as far as DAG files and provider packages read it."""

import os
from datetime import UTC
from typing import Any

TIMEZONE = UTC

AIRFLOW_HOME = os.environ.get("TRADEWIND_HOME") or os.environ.get(
    "AIRFLOW_HOME", os.path.expanduser("~/tradewind")
)

DAGS_FOLDER = (
    os.environ.get("TRADEWIND_CORE__DAGS_FOLDER")
    or os.environ.get("AIRFLOW__CORE__DAGS_FOLDER")
    or os.path.join(AIRFLOW_HOME, "dags")
)


def pod_mutation_hook(pod: Any) -> None:
    """Airflow's cluster policy for pods, which Tradewind does not have: the pod stays as it is."""
