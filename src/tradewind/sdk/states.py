"""States and rules with Airflow's names, as DAG files use them."""

from tradewind.core.states import DagRunState, DagRunType, TaskInstanceState, TriggerRule
from tradewind.sdk.weights import WeightRule

__all__ = ["DagRunState", "DagRunType", "TaskInstanceState", "TriggerRule", "WeightRule"]
