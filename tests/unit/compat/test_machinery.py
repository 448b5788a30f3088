"""What has no effect: a file that uses all of it makes the DAG that it would make without."""

import warnings
from typing import Any

from tradewind import compat
from tradewind.sdk.old_names import OldNameWarning
from tradewind.sdk.serialize import serialize_dag

compat.install()

FILE = """
from airflow import DAG
from airflow.executors.base_executor import BaseExecutor
from airflow.executors.sequential_executor import SequentialExecutor
from airflow.lineage import apply_lineage
from airflow.lineage.entities import Column, File, Table, Tag, User
from airflow.listeners import hookimpl
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python import is_venv_installed
from airflow.stats import Stats

class Own(BaseExecutor):
    pass

executors = [SequentialExecutor(), Own(parallelism=3)]

@hookimpl
def on_task_instance_failed(previous_state): return "plain"

@hookimpl(specname="on_starting")
def other(component): return "with options"

class Op(DummyOperator):
    @apply_lineage
    def execute(self, context): pass

Stats.incr("made", 1)
Stats.gauge("size", 2)
with Stats.timer("loading"):
    table = Table("db", "c", "t", tags=[Tag("x")], columns=[Column("a")], owners=[User("a@b.c")])
with DAG("d", schedule=None) as dag:
    if is_venv_installed():
        Op(task_id="t", inlets=[File("s3://in"), table], outlets={"datasets": [File("out")]})
"""


def test_the_machinery_has_no_effect() -> None:
    scope: dict[str, Any] = {"__name__": "a_dag_file"}
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", OldNameWarning)
        exec(compile(FILE, "f.py", "exec"), scope)
    assert (scope["on_task_instance_failed"](1), scope["other"](1)) == ("plain", "with options")
    (task,) = serialize_dag(scope["dag"], "f.py").tasks
    assert (task.task_id, task.inlets, task.outlets) == ("t", [], [])
    noted = {note.lineno for note in notes}
    assert noted == set(range(3, 11))
