"""Following one path and skipping the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.operators.skip import SkipMixin, answering


class BranchMixIn(SkipMixin):
    """For operators that answer which of their children to follow."""

    def do_branch(
        self, context: Any, branches_to_execute: str | Iterable[str] | None
    ) -> str | Iterable[str] | None:
        """Follow these tasks and groups (None: nothing), skip the other children.

        Returns the answer when there is nothing to skip; otherwise the task ends here, and only a
        mapped one has a return value.
        """
        ti = context["ti"]
        self.log.info("Branch into %s", branches_to_execute)
        with answering(ti, branches_to_execute):
            if branches_to_execute is None:
                self.skip_all_except(ti, None)
            else:
                self.skip_all_except(ti, _with_group_roots(ti.task.dag, branches_to_execute))
        return branches_to_execute


def _with_group_roots(dag: Any, answer: str | Iterable[str]) -> Any:
    """To follow a task group means to follow its roots."""
    if isinstance(answer, str):
        answer = [answer]
    if not isinstance(answer, Iterable):
        return answer  # skip_all_except says what is wrong with it
    groups = dag.task_group.get_task_group_dict()
    ids: list[Any] = []
    for branch in answer:
        group = groups.get(branch) if isinstance(branch, str) else None
        ids.extend([branch] if group is None else [root.task_id for root in group.roots])
    return ids


class BaseBranchOperator(BaseOperator, BranchMixIn):
    """Subclass it and answer `choose_branch`."""

    inherits_from_skipmixin = True

    def choose_branch(self, context: Any) -> str | Iterable[str] | None:
        """The id or ids of tasks and task groups to follow; None to skip everything downstream."""
        raise TypeError(f"{type(self).__name__} has to define choose_branch(self, context)")

    def execute(self, context: Any) -> Any:
        return self.do_branch(context, self.choose_branch(context))
