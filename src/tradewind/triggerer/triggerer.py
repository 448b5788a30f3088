"""The triggerer: claims triggers, has them run, and hands their events to the scheduler.

Rows are claimed here; user code runs in children. An event, the end of its trigger and the word to
the scheduler are one transaction, so that an event is neither lost nor told twice, even when two
triggerers run the same trigger for a moment.
"""

import heapq
import logging
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection

from tradewind.core.clock import Clock
from tradewind.core.errors import InfrastructureError, NotFound
from tradewind.core.protocol import OutletEvent, Reply, Request, Resume
from tradewind.runner.messages import Deferred, RunTrigger, TriggerFailed, TriggerFired
from tradewind.store import asset_events, assets, inbox, trigger_orders, triggers
from tradewind.store.engine import AnyRow, Store
from tradewind.triggerer.child import Child
from tradewind.triggerer.timers import moment_of

log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0  # also how often unclaimed triggers are looked for without a notification
TROUBLE_SECONDS = 2.0
MOST_CRASHES = 5  # in a row, before the triggers of a child count as what kills it

Event = TriggerFired | TriggerFailed


class TaskApi(Protocol):
    def handle(self, message: Request, *, attempt_id: int | None) -> Reply: ...


class Triggerer:
    """Runs up to `capacity` triggers under its own name's leases.

    `locate` gives the folder in which a snapshot is unpacked. `step` does what there is to do and
    returns the seconds until it should be called again at the latest; `run` calls it until told to
    stop. Both from one thread only.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        task_api: TaskApi,
        *,
        name: str,
        locate: Callable[[str], str],
        log_folder: Path,
        capacity: int = 1000,
    ) -> None:
        self._store = store
        self._clock = clock
        self._task_api = task_api
        self._name = name
        self._locate = locate
        self._log_folder = log_folder
        self._capacity = capacity
        self._held: dict[int, AnyRow] = {}
        self._timers: list[tuple[datetime, int]] = []
        self._children: dict[str, Child] = {}  # by snapshot
        self._crashes: dict[str, int] = {}
        self._outbox: list[Event] = []
        self._claim_at = 0.0
        self._told = True
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)

    def step(self) -> float:
        try:
            if self._told or self._clock.monotonic() >= self._claim_at:
                self._claim()
            self._look_after_children()
            self._fire_timers()
            self._deliver()
        except InfrastructureError:
            log.exception("The triggerer could not go on; trying again.")
            return TROUBLE_SECONDS
        return self._seconds_to_next()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set (then call `wake`), then give all triggers back."""
        listener = self._store.listen(["triggerer"], lambda _channel: self._tell())
        try:
            while not stop.is_set():
                self._sleep(self.step())
        finally:
            listener.close()
            self.close()

    def close(self) -> None:
        """Deliver what has happened, end the children, release the leases."""
        for child in self._children.values():
            self._outbox += child.read()
            child.hang_up()
        for child in self._children.values():
            child.close()
        self._children.clear()
        with suppress(InfrastructureError):  # the leases end by themselves
            self._deliver()
            with self._store.begin() as tx:
                triggers.release(tx, self._name)
                self._store.notify(tx, "triggerer")
        self._held.clear()
        self._timers.clear()

    def wake(self) -> None:
        """Have `run` look around now. From any thread."""
        with suppress(BlockingIOError):
            os.write(self._wake_writer, b"x")

    @property
    def children(self) -> list[int]:
        """The processes in which triggers run now."""
        return [child.pid for child in self._children.values()]

    # --- claiming ---------------------------------------------------------------------------------

    def _claim(self) -> None:
        """Renew the leases, drop what is gone, take what is free and start it."""
        self._told = False
        self._claim_at = self._clock.monotonic() + RENEW_SECONDS
        with self._store.begin() as tx:
            now = self._store.now(tx)
            own = triggers.renew(tx, self._name, now=now, seconds=LEASE_SECONDS)
            # What is claimed now is new, even if its id is held: SQLite gives an id that is free to
            # the next row.
            lost = self._held.keys() - own
            free = self._capacity - len(own)
            claimed: set[int] = set()
            if free > 0:
                seconds = LEASE_SECONDS
                claimed |= set(triggers.claim(tx, self._name, now=now, seconds=seconds, limit=free))
            others = {row.id for row in trigger_orders.orders(tx, lost - claimed)}
            new = trigger_orders.orders(tx, (own - self._held.keys()) | claimed)
        for trigger_id in lost:
            self._stop(trigger_id, killed=trigger_id not in others)
        for row in new:
            self._start(row)

    def _start(self, row: AnyRow) -> None:
        self._held[row.id] = row
        moment = moment_of(row.classpath, row.kwargs) if row.asset_name is None else None
        if moment is not None:
            heapq.heappush(self._timers, (moment, row.id))
            return
        order = RunTrigger(
            trigger_id=row.id,
            classpath=row.classpath,
            kwargs=row.kwargs,
            file=row.file or "",
            log_file=row.log_file or "",
            continuous=row.asset_name is not None,
            task_instance=_deferred(row),
        )
        try:
            self._child(row.digest).run(order)
        except NotFound as error:
            self._outbox.append(TriggerFailed(trigger_id=row.id, error=str(error)))
        except InfrastructureError as error:  # the snapshot cannot be fetched just now
            log.warning("Trigger %s cannot be started yet: %s", row.id, error)
            del self._held[row.id]  # the next claim starts it

    def _stop(self, trigger_id: int, *, killed: bool) -> None:
        row = self._held.pop(trigger_id)
        if (child := self._children.get(row.digest)) is not None:
            child.cancel(trigger_id, killed=killed)

    def _child(self, digest: str) -> Child:
        child = self._children.get(digest)
        if child is None:
            child = self._children[digest] = Child(
                self._locate(digest),
                str(self._log_folder),
                lambda request: self._task_api.handle(request, attempt_id=None),
                self._clock,
            )
        return child

    # --- events -----------------------------------------------------------------------------------

    def _look_after_children(self) -> None:
        for digest, child in list(self._children.items()):
            self._outbox += child.read()
            if child.has_answered:
                self._crashes.pop(digest, None)
            problem = child.is_lost()
            if problem is not None:
                self._replace(digest, child, problem)
            elif child.is_idle():
                child.close()
                del self._children[digest]

    def _replace(self, digest: str, child: Child, problem: str) -> None:
        """Start the child's triggers anew, unless they have ended several processes already."""
        child.kill()
        del self._children[digest]
        crashes = self._crashes[digest] = self._crashes.get(digest, 0) + 1
        log.warning("The process %s of %s triggers %s.", child.pid, len(child.running), problem)
        if crashes < MOST_CRASHES:
            for trigger_id in child.running:
                self._held.pop(trigger_id, None)
            self._told = True  # claiming starts what is leased but not held
            return
        del self._crashes[digest]
        error = f"The process that ran this trigger {problem} {crashes} times in a row."
        self._outbox += [TriggerFailed(trigger_id=id_, error=error) for id_ in child.running]

    def _fire_timers(self) -> None:
        now = self._clock.now()
        while self._timers and self._timers[0][0] <= now:
            _, trigger_id = heapq.heappop(self._timers)
            if (row := self._held.get(trigger_id)) is not None:
                self._outbox.append(_time_has_come(row))

    def _deliver(self) -> None:
        """Store all events that have come; they stay in the outbox until that has worked."""
        if not self._outbox:
            return
        events = [(self._held[e.trigger_id], e) for e in self._outbox if e.trigger_id in self._held]
        with self._store.begin() as tx:
            now = self._store.now(tx)
            alive = triggers.remove(tx, {row.id for row, _ in events if row.asset_name is None})
            rows = [
                _report(row, event)
                for row, event in events
                if row.asset_name is None and row.id in alive
            ]
            inbox.put(tx, rows, now=now)
            for row, event in events:
                if row.asset_name is not None:
                    _store_asset_event(tx, row, event, now)
            if events:
                self._store.notify(tx, "scheduler")
        self._outbox.clear()
        for row, event in events:
            if row.asset_name is None or isinstance(event, TriggerFailed):
                self._held.pop(row.id, None)  # a failed watcher is started again at the next claim

    # --- waiting ----------------------------------------------------------------------------------

    def _seconds_to_next(self) -> float:
        waits = [0.0 if self._told else self._claim_at - self._clock.monotonic()]
        if self._timers:
            waits.append((self._timers[0][0] - self._clock.now()).total_seconds())
        return max(0.0, min(waits))

    def _sleep(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self._wake_reader, select.POLLIN)
        for child in self._children.values():
            poll.register(child.descriptor, select.POLLIN)
        poll.poll(seconds * 1000 + 1)
        with suppress(BlockingIOError):
            os.read(self._wake_reader, 4096)

    def _tell(self) -> None:
        self._told = True
        self.wake()


def _deferred(row: AnyRow) -> Deferred | None:
    if row.task_instance_id is None:
        return None
    return Deferred(
        id=row.task_instance_id,
        dag_id=row.dag_id,
        task_id=row.task_id,
        run_id=row.run_id,
        map_index=row.map_index,
        try_number=row.try_number,
    )


def _time_has_come(row: AnyRow) -> TriggerFired:
    """What `DateTimeTrigger` itself would have fired."""
    if row.kwargs.get("end_from_trigger"):
        return TriggerFired(trigger_id=row.id, ends_as="success")
    return TriggerFired(trigger_id=row.id, event=row.kwargs["moment"])


def _report(row: AnyRow, event: Event) -> dict[str, Any]:
    """The row of `inbox`. The scheduler knows itself at which method the task goes on."""
    return {
        "run_pk": row.run_pk,
        "task_instance_id": row.task_instance_id,
        "attempt_id": None,
        "kind": "trigger_event",
        "payload": msgspec.to_builtins(_resume(event)),
    }


def _resume(event: Event) -> Resume:
    if isinstance(event, TriggerFailed):
        return Resume(method="", trigger_error=event.error)
    failed = "The trigger ended the task as failed." if event.ends_as == "failed" else None
    return Resume(
        method="",
        event=event.event,
        trigger_error=failed,
        ends_as=event.ends_as,
        xcoms=event.xcoms,
    )


def _store_asset_event(tx: Connection, row: AnyRow, event: Event, now: datetime) -> None:
    if isinstance(event, TriggerFailed):
        log.error("Watcher %s of asset %s ended: %s", row.watcher_name, row.asset_name, event.error)
        return
    asset = assets.find(tx, name=row.asset_name)
    if asset is None:  # no DAG uses it any more
        return
    extra = {"from_trigger": True, "payload": event.event}
    made = OutletEvent(
        asset_name=asset.name, asset_uri=asset.uri, asset_group=asset.group, extra=extra
    )
    stored = asset_events.add_events(tx, asset_events.Source(), [made], now=now)
    asset_events.queue(tx, [(dag_id, event.id) for event in stored for dag_id in event.consumers])
