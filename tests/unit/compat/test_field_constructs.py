"""The constructs of real DAG files (`facts/field.json`), each in a file of the old style."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from tradewind import compat
from tradewind.sdk.old_names import OldNameWarning
from tradewind.sdk.serialize import serialize_dag

compat.install()

FACTS = json.loads((Path(__file__).parent / "facts" / "field.json").read_text())["constructs"]

PRELUDE = """
from airflow import DAG
from airflow.hooks.base_hook import BaseHook
from airflow.decorators import task, task_group
from airflow.models import Connection, Pool, Variable
from airflow.models.baseoperator import chain, chain_linear, cross_downstream
from airflow.models.param import Param
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python import get_current_context
from airflow.utils.dates import days_ago
from airflow.utils.edgemodifier import Label
from airflow.utils.task_group import TaskGroup
from airflow.datasets import Dataset, DatasetAlias
from airflow.sdk import Asset
dag = DAG("d", schedule_interval=None, start_date=days_ago(1))
a, b, c = (DummyOperator(task_id=i, dag=dag) for i in "abc")
@task
def f(x, y=0): return x
with dag:
    made = """
CONSTRUCTS = {
    ">>": "a >> b",
    "<<": "a << b",
    "Asset": "Asset('x')",
    "BaseHook": "BaseHook()",
    "BaseHook.get_connection": "BaseHook.get_connection",
    "BaseHook.get_hook": "BaseHook.get_hook",
    "Connection": "Connection(conn_id='c', conn_type='http', host='h')",
    "Connection.get_connection_from_secrets": "Connection.get_connection_from_secrets",
    "Dataset": "Dataset('s3://x')",
    "DatasetAlias": "DatasetAlias('x')",
    "Label": "a >> Label('l') >> b",
    "Param": "Param(1, type='integer')",
    "Pool": "Pool",
    "TaskGroup": "TaskGroup('g')",
    "Variable": "Variable('k', 'v')",
    "Variable.get": "Variable.get('k', default_var='v')",
    "Variable.set": "Variable.set",
    "as_setup": "a.as_setup()",
    "as_teardown": "b.as_teardown(setups=a)",
    "chain": "chain(a, [b], c)",
    "chain_linear": "chain_linear(a, [b], c)",
    "concat": "f.expand(x=f(1).concat(f(2)))",
    "cross_downstream": "cross_downstream([a], [b, c])",
    "days_ago": "days_ago(2, hour=3)",
    "expand": "f.expand(x=[1])",
    "expand_kwargs": "f.expand_kwargs([{'x': 1}])",
    "get_current_context": "get_current_context",
    "map": "f.expand(x=f(1).map(lambda v: v))",
    "models.Variable.get": "Variable.get('k', 'v')",
    "override": "f.override(task_id='g')(1)",
    "partial": "f.partial(y=1).expand(x=[1])",
    "set_downstream": "a.set_downstream([b, c])",
    "set_upstream": "a.set_upstream(b)",
    "task_group": "task_group(group_id='g')(lambda: f(1))()",
    "xcom_pull": "a.xcom_pull",
    "xcom_push": "a.xcom_push",
    "zip": "f.expand(x=f(1).zip(f(2)))",
}
DRAWS_ARROWS = {">>", "<<", "Label", "chain", "chain_linear", "cross_downstream"}
OF_THE_FILES_OWN = ("class(", "Variable.get.", "BaseHook.get_connection.")


@pytest.mark.parametrize("name", [name for name in FACTS if not name.startswith(OF_THE_FILES_OWN)])
def test_constructs(name: str) -> None:
    scope: dict[str, Any] = {"__name__": "a_dag_file"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OldNameWarning)
        exec(PRELUDE + CONSTRUCTS[name], scope)
    document = serialize_dag(scope["dag"], "f.py")
    if name in DRAWS_ARROWS:
        assert any(task.upstream for task in document.tasks)
    if name in {"expand", "expand_kwargs", "partial", "map", "zip", "concat"}:
        assert any(task.expansion for task in document.tasks)
