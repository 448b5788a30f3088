"""`airflow.api.common.trigger_dag`, for tasks that start another DAG by calling it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tradewind.core.protocol import DagRunReply, RunInfo, TriggerDagRun
from tradewind.sdk.asking import ask
from tradewind.sdk.timezone import utcnow


def trigger_dag(
    dag_id: str,
    run_id: str | None = None,
    conf: dict[str, Any] | str | None = None,
    execution_date: datetime | None = None,
    replace_microseconds: bool = True,
    logical_date: datetime | None = None,
    **kwargs: Any,
) -> RunInfo | None:
    """Start a run of `dag_id`; to be called in a task. Raises Conflict when the run exists."""
    order = TriggerDagRun(
        dag_id=dag_id,
        run_id=run_id,
        conf=json.loads(conf) if isinstance(conf, str) else conf or {},
        logical_date=logical_date or execution_date or utcnow(),
    )
    return ask(order, DagRunReply).run
