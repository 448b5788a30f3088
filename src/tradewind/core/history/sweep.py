"""The limits that runs share, over the events of all runs in the order of their ids.

Two transactions that need the same counter come one after the other, because it is locked until
the commit, and their events get their ids after that. So the order of ids is an order in which
these limits must hold at every single event.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from tradewind.core.history.vocabulary import Event, Findings, Quiet, Statement
from tradewind.core.states import TaskInstanceState

_OF_PERSONS = frozenset({"mark", "clear"})
_Key = tuple[str, ...]
_EVERYTHING: _Key = ("all",)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a live attempt holds. `per_dag`: the task's max_active_tis_per_dag in its run's version.

    `owner` and `executor`: whose slots it takes.
    """

    dag_id: str
    run_id: str
    task_id: str
    pool: str
    pool_slots: int
    owner: str
    executor: str
    per_dag: int | None = None


class PoolSizes:
    """How many slots pools had; -1: no limit, or there was no such pool.

    `changes`: when a pool was changed, from what and to what, oldest first.
    """

    def __init__(
        self, now: Mapping[str, int], changes: Mapping[str, list[tuple[datetime, int, int]]]
    ) -> None:
        self._now = now
        self._changes = changes

    def largest(self, pool: str, since: datetime, until: datetime) -> int | None:
        """The most that it had in a stretch of time."""
        changes = self._changes.get(pool, [])
        sizes = [self._at(pool, changes, since)]
        sizes += [size for at, _, size in changes if since <= at <= until]
        return None if min(sizes) < 0 else max(sizes)

    def _at(self, pool: str, changes: list[tuple[datetime, int, int]], moment: datetime) -> int:
        if not changes:
            return self._now.get(pool, -1)
        earlier = [size for at, _, size in changes if at <= moment]
        return earlier[-1] if earlier else changes[0][1]


class Sweep:
    """How much is in use, event by event. `only`: judge the claims of this DAG alone.

    `keeping`: pools in which deferred instances keep their slots.
    """

    def __init__(
        self,
        findings: Findings,
        sizes: PoolSizes,
        *,
        keeping: Collection[str] = (),
        grace: timedelta,
        only: str | None = None,
    ) -> None:
        self.quiet = Quiet(grace)
        self._findings = findings
        self._sizes = sizes
        self._keeping = keeping
        self._grace = grace
        self._only = only
        self._live: dict[int, Claim] = {}  # by attempt
        self._vacated: set[int] = set()  # live attempts whose executor's slot is free
        self._deferred: dict[int, Claim] = {}  # by instance
        self._active: dict[int, str] = {}  # run → what it counts against
        self._used: Counter[_Key] = Counter()

    def begin(self, event: Event, run_pk: int, dag_id: str, backfill_id: int | None) -> None:
        """A run begins. Those of a backfill count against it, all others against their DAG."""
        group = f"backfill {backfill_id}" if backfill_id else f"DAG {dag_id}"
        self.quiet.note(event.at)
        self._active[run_pk] = group
        self._used["runs", group] += 1
        if self._judges(dag_id):
            used, allowed = self._used["runs", group], int(event.detail or 0)
            name = f"A run (number {run_pk} in the table) of {dag_id}"
            self._judge(name, "began", event, f"max_active_runs of {group}", used, allowed)

    def over(self, event: Event, run_pk: int) -> None:
        self.quiet.note(event.at)
        group = self._active.pop(run_pk, None)
        if group is not None:
            self._used["runs", group] -= 1

    def claim(self, event: Event, claim: Claim) -> None:
        self.quiet.note(event.at)
        assert event.attempt_id is not None
        self._live[event.attempt_id] = claim
        self._take(claim, _keys(claim), 1)
        if self._judges(claim.dag_id):
            self._judge_claim(event, claim)

    def vacate(self, event: Event) -> None:
        """Its process is gone, and whoever leases the run has not heard of that yet."""
        pk = event.attempt_id or 0
        if pk in self._live and pk not in self._vacated:
            self._vacated.add(pk)
            self._take(self._live[pk], [_slots(self._live[pk])], -1)

    def end(self, event: Event) -> None:
        """An attempt finished or was fenced."""
        if event.event == "fence":
            self.quiet.note(event.at)
        self.vacate(event)
        claim = self._live.pop(event.attempt_id or 0, None)
        if claim is None:
            return
        self._vacated.discard(event.attempt_id or 0)
        self._take(claim, _shared_keys(claim), -1)
        if event.detail == TaskInstanceState.DEFERRED and claim.pool in self._keeping:
            self._deferred[event.instance_id or 0] = claim
            self._take(claim, [("pool", claim.pool)], 1)

    def move(self, event: Event) -> None:
        """An instance went on or came to an end without an attempt."""
        if event.event not in _OF_PERSONS:
            self.quiet.note(event.at)
        claim = self._deferred.pop(event.instance_id or 0, None)
        if claim is not None:
            self._take(claim, [("pool", claim.pool)], -1)

    def _judges(self, dag_id: str) -> bool:
        return self._only is None or self._only == dag_id

    def _take(self, claim: Claim, keys: Iterable[_Key], step: int) -> None:
        for key in keys:
            self._used[key] += step * (claim.pool_slots if key[0] == "pool" else 1)
            if not self._used[key]:
                del self._used[key]

    def _judge_claim(self, event: Event, claim: Claim) -> None:
        name = f"Attempt {event.attempt_id} of {claim.dag_id}.{claim.task_id} in {claim.run_id}"
        parallelism, _, slots = (event.detail or "").partition(" ")
        limits: list[tuple[str, _Key, int | None]] = [
            ("core.parallelism", _EVERYTHING, int(parallelism)),
            (f"the slots of {claim.executor} on {claim.owner}", _slots(claim), int(slots)),
            (f"the pool {claim.pool}", ("pool", claim.pool), self._pool_size(event, claim)),
            (f"max_active_tis_per_dag of {claim.task_id}", _task(claim), self._per_dag(claim)),
        ]
        for what, key, allowed in limits:
            if allowed is not None:
                self._judge(name, "was claimed", event, what, self._used[key], allowed)

    def _pool_size(self, event: Event, claim: Claim) -> int | None:
        return self._sizes.largest(claim.pool, event.at - self._grace, event.at + self._grace)

    def _per_dag(self, claim: Claim) -> int | None:
        """Runs of different versions may say different things; the most that one of them says."""
        if claim.per_dag is None:
            return None
        same = [other.per_dag for other in self._live.values() if _task(other) == _task(claim)]
        return max(limit for limit in same if limit is not None)

    def _judge(self, name: str, did: str, event: Event, what: str, used: int, allowed: int) -> None:
        self._findings.checked[Statement.LIMITS] += 1
        if used > allowed:
            told = f"{name} {did} and made it {used} of {allowed} in {what}"
            self._findings.report(Statement.LIMITS, f"{told} at {event.at.isoformat()}.")


def _slots(claim: Claim) -> _Key:
    return "slots", claim.owner, claim.executor


def _task(claim: Claim) -> _Key:
    return "task", claim.dag_id, claim.task_id


def _keys(claim: Claim) -> list[_Key]:
    return [_slots(claim), *_shared_keys(claim)]


def _shared_keys(claim: Claim) -> list[_Key]:
    return [_EVERYTHING, ("pool", claim.pool), _task(claim)]
