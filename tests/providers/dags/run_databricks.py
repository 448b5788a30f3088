"""Databricks' operators, a sensor, triggers and the workflow group, against a server of ours."""

import pendulum
from airflow.providers.databricks.operators.databricks import (
    DatabricksNotebookOperator,
    DatabricksRunNowOperator,
    DatabricksSQLStatementsOperator,
    DatabricksSubmitRunOperator,
)
from airflow.providers.databricks.operators.databricks_workflow import DatabricksWorkflowTaskGroup
from airflow.sdk import DAG

NOTEBOOK = {"notebook_task": {"notebook_path": "/orders/{{ dag.dag_id }}"}}
QUICK = {"polling_period_seconds": 1}

with DAG("run_databricks", start_date=pendulum.datetime(2026, 1, 1), schedule=None):
    DatabricksSubmitRunOperator(task_id="submit", run_name="submitted", json=NOTEBOOK, **QUICK)
    DatabricksSubmitRunOperator(
        task_id="later", run_name="submitted later", json=NOTEBOOK, deferrable=True, **QUICK
    )
    DatabricksSubmitRunOperator(
        task_id="fails", run_name="fails later", json=NOTEBOOK, deferrable=True, **QUICK
    )
    DatabricksRunNowOperator(task_id="run_now", job_id=5, **QUICK)
    DatabricksSQLStatementsOperator(
        task_id="statement", statement="SELECT 1", warehouse_id="w1", **QUICK
    )
    with DatabricksWorkflowTaskGroup(group_id="workflow", databricks_conn_id="databricks_default"):
        first, second = (
            DatabricksNotebookOperator(
                task_id=name,
                databricks_conn_id="databricks_default",
                notebook_path=f"/{name}",
                source="WORKSPACE",
                polling_period_seconds=1,
            )
            for name in ("first", "second")
        )
        first >> second
