"""depends_on_past and wait_for_downstream: what the run before this one allows."""

from tradewind.core.runs.instances import Past
from tradewind.core.runs.plan import DagPlan
from tradewind.core.states import TaskInstanceState

_GOOD = frozenset({TaskInstanceState.SUCCESS, TaskInstanceState.SKIPPED})


class PastGate:
    """Judges tasks against the previous run; each once, because that run does not move here."""

    def __init__(self, plan: DagPlan, past: Past | None) -> None:
        self._plan = plan
        self._past = past
        self._answers: dict[str, str | None] = {}

    def objection(self, task_id: str) -> str | None:
        """Why the task may not run yet, as a clause; None: it may."""
        if task_id not in self._answers:
            self._answers[task_id] = self._judge(task_id)
        return self._answers[task_id]

    def _judge(self, task_id: str) -> str | None:
        spec, past = self._plan.tasks[task_id].spec, self._past
        if past is None or not (spec.depends_on_past or spec.wait_for_downstream):
            return None
        start = spec.start_date or self._plan.dag.start_date
        if (
            self._plan.dag.catchup
            and start is not None
            and past.logical_date is not None
            and past.logical_date < start
        ):
            return None  # the task was not active then
        before = past.states.get(task_id)
        if not before:
            if spec.ignore_first_depends_on_past and task_id not in past.known_before:
                return None
            return "the previous run has no instance of it"
        if not _GOOD.issuperset(before):
            return "its previous instance has neither succeeded nor been skipped"
        if spec.wait_for_downstream and not self._followed(task_id, past):
            return "tasks directly after its previous instance are not done"
        return None

    def _followed(self, task_id: str, past: Past) -> bool:
        downstream = self._plan.downstream[task_id]
        return all(_GOOD.issuperset(past.states.get(child, ())) for child in downstream)
