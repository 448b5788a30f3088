"""`ResumableJobMixin`: an operator that finds its outside job again after a crash."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

log = logging.getLogger(__name__)


class ResumableJobMixin:
    """Goes before BaseOperator among the bases. Define the methods below and call
    `execute_resumable(context)` in `execute`.

    The job's id is kept in the task state store before waiting begins. A later try looks at that
    job: one that still runs is waited for, one that succeeded is taken, anything else is submitted
    anew. A crash between `submit_job` and the storing of its id submits twice.
    """

    external_id_key: str = "remote_job_id"

    def __init__(self, *, durable: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.durable = durable

    def execute_resumable(self, context: Any) -> Any:
        """Submit, or come back to, the job; wait for it; give its result."""
        store = context.get("task_state_store") if self.durable else None
        external_id = store.get(self.external_id_key) if store is not None else None
        if external_id:
            status = self.get_job_status(external_id, context)
            if self.is_job_active(status):
                log.info("Reconnecting to job %s, which is %s", external_id, status)
                return self.poll_until_complete(external_id, context)
            if self.is_job_succeeded(status):
                log.info("Job %s has succeeded already", external_id)
                return self.get_job_result(external_id, context)
            log.warning("Job %s is %s; submitting it again", external_id, status)
        external_id = self.submit_job(context)
        if store is not None and external_id is not None:
            store.set(self.external_id_key, external_id)
        self.poll_until_complete(external_id, context)
        return self.get_job_result(external_id, context)

    if TYPE_CHECKING:

        def submit_job(self, context: Any) -> Any:
            """Start the job; its id."""

        def get_job_status(self, external_id: Any, context: Any) -> str:
            """The outside system's word for how the job is."""

        def is_job_active(self, status: str) -> bool:
            """Whether a job of that status may still be waited for."""

        def is_job_succeeded(self, status: str) -> bool:
            """Whether a job of that status has done its work."""

        def poll_until_complete(self, external_id: Any, context: Any) -> Any:
            """Wait; raise when the job failed."""

        def get_job_result(self, external_id: Any, context: Any) -> Any:
            """What the task returns."""
