"""What has to be put right now and then: the remains of what died, and counters that drifted."""

import logging
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from tradewind.scheduler import events
from tradewind.scheduler.models import RunModel
from tradewind.store import attempts, history, inbox, limits, states

logger = logging.getLogger(__name__)


def expire_attempts(
    tx: Connection, name: str, models: Mapping[int, RunModel], *, now: datetime
) -> list[RunModel]:
    """Fence attempts whose lease has ended; the models that this moved."""
    moved = []
    for row in attempts.expired(tx, name, now=now):
        model = models.get(row.run_pk)
        attempt = model.attempts.get(row.id) if model else None
        if model is not None and attempt is not None:
            logger.warning("attempt %s of %s is lost: lease ended", row.id, model.facts.run_id)
            events.expire(model, attempt, now)
            moved.append(model)
    return moved


def recount(tx: Connection) -> None:
    """Compare every counter with the rows that it counts. A difference is a bug, or somebody's
    doing in the database; it must not hold tasks back for ever."""
    for what, wrong in (
        ("pools", limits.recount_pools(tx)),
        ("tasks", limits.recount_tasks(tx)),
        ("active runs", limits.recount_active_runs(tx)),
    ):
        if wrong:
            logger.error("counters of %s were wrong and have been set right: %s", what, wrong)


def forget_expired(tx: Connection, *, now: datetime) -> None:
    """What tasks and assets wanted kept until now only."""
    states.remove_expired(tx, now=now)


def refuse_late_reports(tx: Connection) -> None:
    """Write down what came too late for its run."""
    history.add(
        tx,
        [
            {
                "run_pk": row.run_pk,
                "task_instance_id": row.task_instance_id,
                "attempt_id": row.attempt_id,
                "event": "refuse",
                "at": row.created_at,
                "detail": "its run was over",
            }
            for row in inbox.take_of_finished_runs(tx)
            if row.kind == "finished"
        ],
    )
