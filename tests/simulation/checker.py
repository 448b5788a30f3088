"""What must be true of a world that is over: what its history proves, and that nothing is left."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from simulation.world import World
from tradewind.scheduler.history import GRACE_SECONDS, check
from tradewind.store import limits
from tradewind.store.attempts import LIVE
from tradewind.store.runs import ACTIVE
from tradewind.store.schema import attempt, dag_run, inbox, trigger

_CLOCKS_DIFFER_SECONDS = 700.0
"""By how much the moments that machines with wrong clocks write down may contradict each other."""


def broken_rules(world: World) -> list[str]:
    """Sentences that begin with the name of the rule that does not hold."""
    found = [f"overlap: {broken}" for broken in world.watch.broken]
    store = world.database.base
    grace = GRACE_SECONDS + _CLOCKS_DIFFER_SECONDS
    findings = check(store, now=world.person.now(), grace_seconds=grace)
    found += [f"{v.statement}: {v.message}" for v in findings.violations]
    with store.begin() as tx:
        found += _left(tx)
        found += [
            f"counter: {wrong} was wrong"
            for recount in (limits.recount_pools, limits.recount_tasks, limits.recount_active_runs)
            for wrong in recount(tx)  # type: ignore[operator]
        ]
    return found


def _left(tx: Connection) -> Iterator[str]:
    for row in tx.execute(_STUCK):
        yield f"stuck: the run {row.run_id} of {row.dag_id} is {row.state}"
    for row in tx.execute(_LIVE):
        yield f"left: attempt {row.id} is {row.state}"
    for table, ids in _REMAINS:
        for pk in tx.execute(ids).scalars():
            yield f"left: {table} {pk}"


_STUCK = select(dag_run.c.dag_id, dag_run.c.run_id, dag_run.c.state).where(
    dag_run.c.state.in_(ACTIVE)
)
_LIVE = select(attempt.c.id, attempt.c.state).where(attempt.c.state.in_(LIVE))
_REMAINS = [(table.name, select(table.c.id)) for table in (inbox, trigger)]
