"""SubDAGs of Airflow 1 and 2, as task groups."""

from __future__ import annotations

import weakref
from datetime import datetime
from typing import Any

from tradewind.core.errors import InvalidDag
from tradewind.sdk import authoring
from tradewind.sdk.authoring import current_dag, current_group
from tradewind.sdk.dag import DAG
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.taskgroup import TaskGroup


def SubDagOperator(
    *, task_id: str, subdag: DAG, dag: DAG | None = None, **kwargs: Any
) -> TaskGroup:
    """A task group `task_id` of `dag` with all tasks of `subdag`, which is empty afterwards.

    A task's id gets the group's in front of it. Other arguments of Airflow's operator (its own
    executor, propagate_skipped_state…) have no meaning for a group.
    """
    parent = dag or current_dag()
    if parent is None:
        raise InvalidDag(
            f"SubDagOperator {task_id!r} has no DAG; pass dag=, or use `with DAG(...)`."
        )
    group = TaskGroup(task_id, dag=parent, parent_group=current_group(parent))
    new_ids = {old: group.child_id(old) for old in subdag.task_dict}
    for task in subdag.tasks:
        task._dag = None
        task.task_id = new_ids[task.task_id]
        task.upstream_task_ids = {new_ids[other] for other in task.upstream_task_ids}
        task.downstream_task_ids = {new_ids[other] for other in task.downstream_task_ids}
    _move_members(subdag.task_group, group)
    for task in group:
        parent.add_task(task)
    for start, ends in subdag.edge_info.items():
        for end, info in ends.items():
            parent.set_edge_info(new_ids[start], new_ids[end], info)
    subdag.task_dict.clear()
    _forget(subdag)
    return group


def _forget(dag: DAG) -> None:
    """It is no DAG of the file any more, though a `with` block has registered it."""
    dag.auto_register = False
    registered = authoring._now.registered or []
    registered[:] = [known for known in registered if known is not dag]


def _move_members(source: TaskGroup, target: TaskGroup) -> None:
    """Give `target` what is directly in `source`, and groups below it their new ids."""
    members = list(source.children.values())
    source.children.clear()
    for member in members:
        if isinstance(member, TaskGroup):
            member.parent_group = target
            member._dag = weakref.ref(target.dag)
            target.dag.used_group_ids.add(member.node_id)
            target.children[member.node_id] = member
            _move_members(member, member)
        else:
            member.task_group = target
            target.children[member.node_id] = member


def subdag(parent_dag_name: str, child_dag_name: str, args: dict[str, Any] | None = None) -> DAG:
    """The sub-DAG of Airflow 2's examples: five empty tasks."""
    made = DAG(
        dag_id=f"{parent_dag_name}.{child_dag_name}",
        default_args=args,
        start_date=datetime(2021, 1, 1),
        schedule=None,
        auto_register=False,
    )
    for number in range(1, 6):
        EmptyOperator(task_id=f"{child_dag_name}-task-{number}", dag=made)
    return made
