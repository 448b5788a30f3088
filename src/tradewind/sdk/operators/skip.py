"""How a task skips others.

What was decided is kept as an XCom, in Airflow's form, so that the same tasks are skipped again
when they are cleared. The skipping itself is told to the scheduler by `DownstreamTasksSkipped`,
which the runner turns into a success with `skip`: one transaction for the task's end and its
consequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from tradewind.sdk.exceptions import AirflowException, DownstreamTasksSkipped
from tradewind.sdk.logging_mixin import LoggingMixin

XCOM_SKIPMIXIN_KEY = "skipmixin_key"
XCOM_SKIPMIXIN_SKIPPED = "skipped"
XCOM_SKIPMIXIN_FOLLOWED = "followed"


class SkipMixin(LoggingMixin):
    """For operators that skip tasks. A mapped instance skips those of its own map index."""

    def skip(self, ti: Any, tasks: Iterable[Any]) -> None:
        """Skip these tasks and end as a success. Returns only when there are none."""
        ids = [task.task_id for task in tasks]
        if not ids:
            return
        ti.xcom_push(key=XCOM_SKIPMIXIN_KEY, value={XCOM_SKIPMIXIN_SKIPPED: ids})
        _end_skipping(ids)

    def skip_all_except(self, ti: Any, branch_task_ids: str | Iterable[str] | None) -> None:
        """Skip the direct children that are not on a followed path, and end as a success.

        A child stays when it is named, or is downstream of a named task. Returns only when there is
        nothing to skip. Raises AirflowException for what is no id of a task in this DAG.
        """
        followed = _task_ids(branch_task_ids)
        dag = ti.task.dag
        if unknown := followed.difference(dag.task_ids):
            raise AirflowException(
                "'branch_task_ids' must contain only valid task_ids. "
                f"Invalid tasks found: {unknown}. Return ids of tasks or task groups of DAG "
                f"{dag.dag_id!r}; a task inside a group is called group.task."
            )
        children = ti.task.downstream_list
        if not children:
            return
        # branch >> [a, join]; a >> join: following a must not skip join, though it is not named.
        for task_id in tuple(followed):
            followed |= dag.get_task(task_id).get_flat_relative_ids(upstream=False)
        skipped = [child.task_id for child in children if child.task_id not in followed]
        kept = [child.task_id for child in children if child.task_id in followed]
        self.log.info("Following %s, skipping %s", kept, skipped)
        ti.xcom_push(key=XCOM_SKIPMIXIN_KEY, value={XCOM_SKIPMIXIN_FOLLOWED: kept})
        if skipped:
            _end_skipping(skipped)


@contextmanager
def answering(ti: Any, answer: Any) -> Iterator[None]:
    """Skips inside end the task; that of a mapped instance has its answer as result all the same.

    As in Airflow, where an instance of a mapped task goes on after it has noted what to skip.
    """
    try:
        yield
    except DownstreamTasksSkipped as ending:
        ending.result = answer if ti.map_index >= 0 else None
        raise


def _end_skipping(task_ids: list[str]) -> NoReturn:
    raise DownstreamTasksSkipped(tasks=task_ids)


def _task_ids(answer: str | Iterable[str] | None) -> set[str]:
    """What a branch answered, as a set of ids."""
    if answer is None:
        return set()
    if isinstance(answer, str):
        return {answer}
    if not isinstance(answer, Iterable):
        raise AirflowException(
            "'branch_task_ids' must be either None, a task ID, or an Iterable of IDs, "
            f"but got {type(answer).__name__!r}."
        )
    ids = set(answer)
    if wrong := sorted(repr(item) for item in ids if not isinstance(item, str)):
        raise AirflowException(
            "Unable to branch to the specified tasks. The branching function returned invalid "
            f"'branch_task_ids': {', '.join(wrong)}. Each must be the id of a task, as text."
        )
    return ids
