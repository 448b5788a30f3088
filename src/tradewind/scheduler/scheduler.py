"""The scheduler's loop: what happens in which order. What each thing means is its module's.

A step takes in what executors report, moves the models of the runs concerned, and, if there is
anything to store, does all of it in one transaction: fence, finished instances, new claims, their
launch intents. Processes start after the commit, so that a crash at any point leaves rows from
which any scheduler can go on.
"""

import logging
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

from tradewind.core.clock import Clock
from tradewind.core.errors import InfrastructureError, Superseded, TradewindError
from tradewind.core.runs.changes import ClearXComs, StoreXComs
from tradewind.core.states import AttemptState
from tradewind.executors.base import CallbackEnded, Executor
from tradewind.scheduler import events, persist
from tradewind.scheduler.callbacks import ClaimedCallback
from tradewind.scheduler.claiming import WaitingRuns
from tradewind.scheduler.launch import Locate, work_order
from tradewind.scheduler.models import Attempt, RunModel
from tradewind.scheduler.quarantine import BrokenRun
from tradewind.scheduler.settings import SchedulerSettings
from tradewind.scheduler.transaction import CHANNEL, Done, Look, Means, Transaction
from tradewind.scheduler.workspace import LIVE, Workspace
from tradewind.store import runs, task_instances
from tradewind.store.engine import Store

logger = logging.getLogger(__name__)

_PATIENT_EFFECTS = (StoreXComs, ClearXComs)  # they only matter to what is claimed after them
_JUMP_SECONDS = 1.0  # by which the clock goes wrong before it counts as set anew
_LONGEST_PAUSE_SECONDS = 30.0  # between two tries of what the database refuses


class Scheduler:
    """One of any number of schedulers on a database.

    `name` must be this process's alone: leases are held in it. `locate` says where a snapshot is
    unpacked on this machine. Only `wake` and `notify` may be called from other threads.
    """

    def __init__(
        self,
        store: Store,
        executors: Mapping[str, Executor],
        clock: Clock,
        settings: SchedulerSettings,
        name: str,
        *,
        locate: Locate,
        chance: Random | None = None,
    ) -> None:
        self._store = store
        self._executors = executors
        self._clock = clock
        self._settings = settings
        self._name = name
        self._means = Means(name, store, executors, clock, settings, locate, chance or Random())
        self._space = Workspace()
        self._look = Look(around=True)
        self._look_at = self._renew_at = clock.now()
        self._recount_at = clock.now() + timedelta(seconds=settings.recount_seconds)
        self._seen_at, self._seen_monotonic = clock.now(), clock.monotonic()
        self._save_by: datetime | None = None
        self._starts_by: datetime | None = None
        self._failures = 0
        self._retry_at = clock.now()
        self._draining = False
        self._wake = threading.Event()
        self._notified = threading.Event()

    # --- from outside -------------------------------------------------------------------------

    def wake(self) -> None:
        """Have `run` take its next step at once. From any thread."""
        self._wake.set()

    def notify(self, _channel: str = CHANNEL) -> None:
        """Something has changed in the database. From any thread."""
        self._notified.set()
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set (then call `wake`); drain, and leave the runs to others."""
        listener = self._store.listen([CHANNEL], self.notify)
        self.open()
        try:
            while not stop.is_set():
                self._wait(self.step())
            self._drain()
        finally:
            self.close()
            listener.close()

    def open(self) -> None:
        """Begin. Who calls `step` instead of `run` does this first."""
        for name, executor in self._executors.items():
            executor.open(self.wake)
            self._means.slots[name] = executor.free_slots()

    def _drain(self) -> None:
        """Claim nothing more, and wait a while for what runs."""
        self._draining = True
        deadline = self._clock.monotonic() + self._settings.drain_seconds
        while self._space.launched:
            left = deadline - self._clock.monotonic()
            if left <= 0:
                return
            self._wait(min(left, self.step()))

    def close(self) -> None:
        """End what still runs, store what became of it, and leave the runs to others."""
        self._draining = True
        for executor in self._executors.values():
            executor.close(drain_seconds=0)
        self._save_by = self._clock.now()
        self.step()
        try:
            with self._store.begin() as tx:
                runs.release_leases(tx, self._name)
                self._store.notify(tx, CHANNEL)
        except InfrastructureError as error:
            logger.warning("could not give up the leases, they will end by themselves: %s", error)

    def _wait(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    # --- a step -------------------------------------------------------------------------------

    def step(self) -> float:
        """Do all that can be done now; the seconds until there may be more, unless woken."""
        now = self._clock.now()
        self._notice_jump(now)
        self._space.collect(self._executors.values(), now)
        self._space.wake_due(now)
        self._set_deadlines(now)
        if now < self._retry_at:
            return (self._retry_at - now).total_seconds()
        try:
            if self._must_transact(now):
                self._transact(now)
            elif self._starts_by is not None and self._starts_by <= now:
                self._store_starts()
        except Superseded:
            self._space.roll_back()
            return 0.0
        except InfrastructureError as error:
            return self._back_off(error)
        except Exception as error:
            return self._isolate(error, now)
        self._failures = 0
        return self._seconds_to_next(now)

    def _notice_jump(self, now: datetime) -> None:
        """When somebody has set the machine's clock, everything that waits for it is due."""
        monotonic = self._clock.monotonic()
        jump = (now - self._seen_at).total_seconds() - (monotonic - self._seen_monotonic)
        self._seen_at, self._seen_monotonic = now, monotonic
        if abs(jump) > _JUMP_SECONDS:
            logger.warning("the machine's clock was moved by %+.0f s", jump)
            self._look_at = self._renew_at = self._retry_at = now
            self._recount_at += timedelta(seconds=jump)
            self._save_by = now if self._save_by else None
            self._starts_by = now if self._starts_by else None

    def _set_deadlines(self, now: datetime) -> None:
        """By when what has come in is stored, if nothing more urgent takes it along."""
        by = now + timedelta(seconds=self._settings.flush_seconds)
        if self._space.has_results or self._space.ended or self._space.gone:
            self._save_by = self._save_by or by
        if self._space.starts:
            self._starts_by = self._starts_by or by
        if self._notified.is_set() or self._look_at <= now:
            self._notified.clear()
            self._look.around = True
            self._look.recount = self._recount_at <= now
        held = self._space.models or self._space.launched
        if self._space.unconfirmed or (held and self._renew_at <= now):
            self._look.renew = True

    def _must_transact(self, now: datetime) -> bool:
        space = self._space
        return bool(
            self._look
            or space.to_load
            or space.past_moved
            or space.reports
            or space.callback_results
            or space.unconfirmed
            or (self._save_by is not None and self._save_by <= now)
            or self._can_claim()
            or any(_is_urgent(model) for model in space.touched.values())
        )

    def _can_claim(self) -> bool:
        space = self._space
        return bool(
            space.waiting
            and not self._draining
            and not space.held_back
            and any(executor.free_slots() > 0 for executor in self._executors.values())
        )

    def _transact(self, now: datetime) -> None:
        began = self._clock.monotonic()
        with self._store.begin() as tx:
            work = Transaction(tx, self._means, self._space, self._look, draining=self._draining)
            done = work.work()
        self._after_commit(done, now, began)

    def _isolate(self, error: Exception, now: datetime) -> float:
        """A bug broke a transaction: the runs in which it shows are set aside."""
        space = self._space
        suspects = space.touched.keys() | space.to_load
        space.roll_back()
        if isinstance(error, BrokenRun):
            space.set_aside(error.pk, error.__cause__ or error, now)
            return 0.0
        try:
            guilty = [pk for pk in sorted(suspects) if not self._works_alone(pk, now)]
        except (Superseded, InfrastructureError):
            guilty = []
        self._look = Look(around=True)
        space.to_load |= suspects - set(guilty) - space.models.keys()
        if guilty:
            return 0.0
        logger.error("the scheduler failed", exc_info=error)
        return self._back_off(error)

    def _works_alone(self, pk: int, now: datetime) -> bool:
        """Whether a transaction for this run only goes well; if not, it is set aside."""
        space = self._space
        self._look = Look(alone=pk)
        waiting, space.waiting = space.waiting, WaitingRuns()
        try:
            self._transact(now)
        except (Superseded, InfrastructureError):
            space.roll_back()
            raise
        except Exception as error:
            space.roll_back()
            space.set_aside(pk, error, now)
            return False
        finally:
            space.waiting = waiting
            if (model := space.models.get(pk)) is not None:
                space.queue(model)
        return True

    def _after_commit(self, done: Done, now: datetime, began: float) -> None:
        """Only now may processes start and end: the rows that say so are there.

        `began`: when the transaction did, by the monotonic clock; leases hold from then on.
        """
        space = self._space
        stored = [model for model in space.touched.values() if model.unsaved]
        fenced = [
            attempt
            for model in stored
            for attempt in model.unsaved.attempts.values()
            if attempt.state is AttemptState.FENCED
        ]
        persist.committed(stored)
        if self._look.recount:
            self._recount_at = now + timedelta(seconds=self._settings.recount_seconds)
        if done.next_look is not None:
            self._look_at = (
                done.next_look if self._look.around else min(self._look_at, done.next_look)
            )
        self._look = Look(
            for_runs=bool(done.saved.gathered.finished or done.saved.gathered.emitted)
        )
        space.commit()
        self._save_by = self._starts_by = None
        for model, attempt in (*self._confirmed(done), *done.relaunch, *done.saved.launches):
            left = self._left_of_lease(began)
            if left < self._settings.attempt_lease_seconds / 2:
                self._space.unconfirmed.append((model, attempt))
            elif attempt.state in LIVE:  # an intent found anew may have been reported meanwhile
                self._launch(model, attempt, left)
        for attempt, reason in done.saved.gathered.cancelled:
            self._cancel(attempt, reason)
        for attempt in (*done.superseded, *fenced):
            self._cancel(attempt, attempt.reason or "Another attempt has taken its place.")
        for claimed in done.callbacks:
            self._run_callback(claimed)
        if done.renewed is not None:
            self._tell_renewed(done.renewed, now, self._left_of_lease(began))

    def _left_of_lease(self, began: float) -> float:
        """Seconds for which what was leased in a transaction that began then is leased still."""
        return self._settings.attempt_lease_seconds - (self._clock.monotonic() - began)

    def _confirmed(self, done: Done) -> list[tuple[RunModel, Attempt]]:
        """Those of the unconfirmed launches that have turned out to be ours still.

        A launch is unconfirmed when its transaction took so long (this process was stopped, or the
        run is very large) that others may have taken over. It waits for a renewal of the leases;
        the run is not read anew, which might take as long again, for ever. If another scheduler has
        taken over the run alone, the attempt is ours to run still, and its reports go there.
        """
        if done.renewed is None:
            return []
        waiting, self._space.unconfirmed = self._space.unconfirmed, []
        return [
            (model, attempt)
            for model, attempt in waiting
            if attempt.id in done.renewed and self._space.models.get(model.pk, model) is model
        ]

    def _launch(self, model: RunModel, attempt: Attempt, lease_seconds: float) -> None:
        self._space.launched[attempt.id] = attempt
        try:
            executor = self._executors[attempt.executor]
            order = work_order(model, attempt, self._means.locate)
        except Exception as error:  # its snapshot is not to be had, or its executor not any more
            logger.warning("attempt %s could not be launched: %s", attempt.id, error)
            now = self._clock.now()
            del self._space.launched[attempt.id]
            self._space.deliver(model.pk, events.not_launched(attempt, error, now), now)
            return
        attempt.launched_at = self._clock.now()
        executor.start(order, lease_seconds)

    def _run_callback(self, claimed: ClaimedCallback) -> None:
        try:
            order = claimed.order(self._means.locate)
        except TradewindError as error:
            failed = CallbackEnded(callback_id=claimed.row.id, error=str(error))
            self._space.callback_results.append(failed)
            return
        self._executors[self._settings.default_executor].run_callback(order)

    def _cancel(self, attempt: Attempt, reason: str) -> None:
        if attempt.id in self._space.launched:
            self._executors[attempt.executor].cancel(attempt.id, reason)

    def _tell_renewed(self, live: set[int], now: datetime, left: float) -> None:
        settings = self._settings
        self._renew_at = now + timedelta(
            seconds=min(settings.run_lease_seconds, settings.attempt_lease_seconds) / 3
        )
        for name, executor in self._executors.items():
            held = self._space.launched.values()
            mine = {attempt.id for attempt in held if attempt.executor == name} & live
            if mine:
                executor.renewed(mine, left)

    def _store_starts(self) -> None:
        with self._store.begin() as tx:
            task_instances.mark_started(tx, list(self._space.starts.values()))
        self._space.starts.clear()
        self._starts_by = None

    def _back_off(self, error: Exception) -> float:
        """Nothing was stored; everything stays to be stored, after a pause that grows."""
        self._space.roll_back()
        self._failures += 1
        pause: float = min(0.1 * 2**self._failures, _LONGEST_PAUSE_SECONDS)
        logger.error("could not store, trying again in %.1f s: %s", pause, error)
        self._retry_at = self._clock.now() + timedelta(seconds=pause)
        return pause

    # --- time ---------------------------------------------------------------------------------

    def _seconds_to_next(self, now: datetime) -> float:
        if self._must_transact(now):
            return 0.0
        moments = [self._look_at]
        if self._space.models or self._space.launched:
            moments.append(self._renew_at)
        timers = (self._save_by, self._starts_by, self._space.next_wake())
        moments += [moment for moment in timers if moment is not None]
        return max(0.0, (min(moments) - self._clock.now()).total_seconds())


def _is_urgent(model: RunModel) -> bool:
    """Somebody waits for what is unsaved: the run moved, or its decisions have effects."""
    changes = model.unsaved.changes
    return changes.run_changed or any(
        not isinstance(effect, _PATIENT_EFFECTS) for effect in changes.effects
    )
