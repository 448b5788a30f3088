"""Which runs are this scheduler's: started, taken over, renewed, given up."""

from datetime import datetime

from sqlalchemy import Connection

from tradewind.scheduler.settings import SchedulerSettings
from tradewind.store import attempts, callbacks, runs


def start_queued(
    tx: Connection,
    name: str,
    settings: SchedulerSettings,
    *,
    now: datetime,
    only: int | None = None,
) -> list[int]:
    """Lease the queued runs (or `only` that one) whose turn it is, to be begun in this transaction.

    Their DAGs stay locked until then, so that `max_active_runs` holds over all schedulers.
    """
    dag_ids = runs.lock_dags_with_startable(tx, now=now)
    if not dag_ids:
        return []
    pks = runs.startable(tx, dag_ids, now=now, limit=settings.batch)
    if only is not None:
        pks = [pk for pk in pks if pk == only]
    runs.lease(tx, pks, name, now=now, seconds=settings.run_lease_seconds)
    return pks


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
    live = attempts.renew(tx, name, now=now, seconds=settings.attempt_lease_seconds)
    callbacks.renew(tx, name, now=now, seconds=settings.callback_lease_seconds)
    return leased, live
