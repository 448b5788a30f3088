"""Which runs are this scheduler's: started, taken over, renewed, given up."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tradewind.scheduler.settings import SchedulerSettings
from tradewind.store import attempts, callbacks, history, runs
from tradewind.store.engine import AnyRow


def start_queued(
    tx: Connection,
    name: str,
    settings: SchedulerSettings,
    *,
    now: datetime,
    only: int | None = None,
) -> dict[int, int]:
    """Lease the queued runs (or `only` that one) whose turn it is, to be begun in this transaction.

    Their DAGs stay locked until then, so that `max_active_runs` holds over all schedulers. The
    answer says for each run how many may be active beside it, itself included.
    """
    dag_ids = runs.lock_dags_with_startable(tx, now=now)
    if not dag_ids:
        return {}
    allowed = runs.startable(tx, dag_ids, now=now, limit=settings.batch)
    if only is not None:
        allowed = {pk: limit for pk, limit in allowed.items() if pk == only}
    runs.lease(tx, list(allowed), name, now=now, seconds=settings.run_lease_seconds)
    return allowed


def take_over(
    tx: Connection,
    name: str,
    settings: SchedulerSettings,
    *,
    now: datetime,
    only: int | None = None,
) -> list[int]:
    """Lease running runs (or `only` that one) that nobody holds: given up, or left behind by a
    scheduler that died."""
    seconds, limit = settings.run_lease_seconds, settings.batch
    return runs.claim_leases(tx, name, now=now, seconds=seconds, limit=limit, only=only)


def renew(
    tx: Connection, name: str, settings: SchedulerSettings, *, now: datetime
) -> tuple[set[int], set[int]]:
    """Renew everything that is ours; the runs and the attempts that still are.

    A run that is missing was taken over, an attempt that is missing was superseded.
    """
    leased = runs.renew_leases(tx, name, now=now, seconds=settings.run_lease_seconds)
    late = attempts.lapsed(tx, name, now=now)
    live = attempts.renew(tx, name, now=now, seconds=settings.attempt_lease_seconds)
    history.add(tx, [_late_renewal(row, now) for row in late if row.id in live])
    callbacks.renew(tx, name, now=now, seconds=settings.callback_lease_seconds)
    return leased, live


def _late_renewal(row: AnyRow, now: datetime) -> dict[str, Any]:
    """A row of history: the attempt stood without a lease, and nobody has taken it over."""
    return {
        "run_pk": row.run_pk,
        "task_instance_id": row.task_instance_id,
        "attempt_id": row.id,
        "event": "renew",
        "at": now,
        "detail": row.lease_until.isoformat(),
    }
