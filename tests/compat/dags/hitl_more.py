"""HITL: answers given, an approval rejected, a branch by answer, defaults, and a timeout
without defaults.
"""

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import (
    ApprovalOperator,
    HITLBranchOperator,
    HITLEntryOperator,
    HITLOperator,
)
from airflow.sdk import DAG, Param

LATER = timedelta(seconds=8)

with DAG("hitl_more", schedule=None, catchup=False):
    HITLOperator(
        task_id="no_defaults", subject="?", options=["a", "b"], response_timeout=LATER
    ) >> EmptyOperator(task_id="after_no_defaults")
    HITLOperator(
        task_id="multiple",
        subject="?",
        options=["a", "b", "c"],
        multiple=True,
        defaults=["a", "c"],
        response_timeout=LATER,
    )
    (
        ApprovalOperator(task_id="rejected", subject="?", defaults="Reject", response_timeout=LATER)
        >> EmptyOperator(task_id="after_rejected")
        >> EmptyOperator(task_id="further", trigger_rule="all_done")
    )
    ApprovalOperator(
        task_id="rejected_hard",
        subject="?",
        defaults="Reject",
        response_timeout=LATER,
        fail_on_reject=True,
    )
    ApprovalOperator(
        task_id="approved", subject="?", defaults="Approve", response_timeout=LATER
    ) >> EmptyOperator(task_id="after_approved")
    HITLBranchOperator(
        task_id="pick",
        subject="?",
        options=["go left", "go right"],
        options_mapping={"go left": "left", "go right": "right"},
        defaults=["go left"],
        response_timeout=LATER,
    ) >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
    HITLEntryOperator(
        task_id="entry",
        subject="?",
        params={"n": Param(3, type="integer")},
        defaults=["OK"],
        response_timeout=LATER,
    )
