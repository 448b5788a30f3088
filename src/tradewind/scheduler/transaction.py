"""What happens inside a scheduler's transaction, in order.

Look at the database as far as somebody asked for it, read the runs that became ours, deliver what
was reported about them, claim, and store everything. Nothing here has an effect outside the
database: `Done` says what is to be done after the commit.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import Connection

from tradewind.core.clock import Clock
from tradewind.core.states import AttemptState
from tradewind.executors.base import Executor
from tradewind.scheduler import (
    asset_runs,
    callbacks,
    counters,
    events,
    housekeeping,
    leasing,
    persist,
    run_creation,
)
from tradewind.scheduler.callbacks import ClaimedCallback
from tradewind.scheduler.claiming import Budget, allowances, claim
from tradewind.scheduler.launch import Locate
from tradewind.scheduler.models import Attempt, Documents, RunModel, load, read_pasts
from tradewind.scheduler.persist import Saved, Writer
from tradewind.scheduler.settings import SchedulerSettings
from tradewind.scheduler.workspace import LIVE, Workspace
from tradewind.store import attempts, backfills, history, inbox, limits, pools, runs
from tradewind.store.engine import Rows, Store
from tradewind.store.glance import Glance, glance

CHANNEL = "scheduler"


@dataclass(slots=True)
class Look:
    """How much of the database to look at, beside what must be."""

    around: bool = False  # everything: we were notified, or nobody has for a while
    for_runs: bool = False  # runs that may be created or started now
    renew: bool = False
    recount: bool = False
    alone: int | None = None  # at this run and nothing else

    def __bool__(self) -> bool:
        return self.around or self.for_runs or self.renew or self.recount


@dataclass(slots=True)
class Done:
    """What a transaction came to. `next_look`: when to look around again, if it did so."""

    saved: Saved = field(default_factory=Saved)
    callbacks: list[ClaimedCallback] = field(default_factory=list)
    relaunch: list[tuple[RunModel, Attempt]] = field(default_factory=list)
    superseded: list[Attempt] = field(default_factory=list)
    renewed: set[int] | None = None
    next_look: datetime | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """What a scheduler works with; the same for all its transactions.

    `slots`: how many attempts each executor can run at once.
    """

    name: str
    store: Store
    executors: Mapping[str, Executor]
    clock: Clock
    settings: SchedulerSettings
    locate: Locate
    chance: Random
    known: Documents = field(default_factory=Documents)
    slots: dict[str, int] = field(default_factory=dict)


class Transaction:
    """One transaction on a workspace. `draining`: nothing new is begun."""

    def __init__(
        self, tx: Connection, means: Means, space: Workspace, look: Look, *, draining: bool
    ) -> None:
        self.tx = tx
        self.means = means
        self.space = space
        self.look = look
        self.draining = draining
        self.now = means.clock.now()
        self.done = Done()
        self._heard: set[int] = set()  # rows of the inbox that have been delivered

    def work(self) -> Done:
        if self.look.renew:
            self._renew()
        if self.look.recount:
            housekeeping.recount(self.tx)
            housekeeping.forget_expired(self.tx, now=self.now)
        begun: dict[int, int] = {}
        seen: Glance | None = None
        if self.look.alone is not None:
            begun = self._look_for(self.look.alone)
        elif self.look.around or self.look.for_runs:
            seen = self._plan_runs()
            if seen.has_queued and not self.draining:
                begun = self._start_runs()
        if seen and self.look.around:
            self._look_around(seen)
        loaded = self._load(begun)
        self._judge_past()
        self._deliver()
        if seen and seen.has_reports and self.look.around:
            self._fetch_reports()
        self._recover_intents(loaded)
        if self.look.around and self.space.models:
            for model in housekeeping.expire_attempts(
                self.tx, self.means.name, self.space.models, now=self.now
            ):
                self.space.touch(model, self.now)
        self._store(self._claim())
        self._call_back(seen)
        return self.done

    # --- looking ------------------------------------------------------------------------------

    def _renew(self) -> None:
        """What is missing from what is still ours is not ours any more."""
        means, space = self.means, self.space
        leased, live = leasing.renew(self.tx, means.name, means.settings, now=self.now)
        for pk in space.models.keys() - leased:
            space.forget(pk)
        space.to_load |= leased - space.models.keys()  # leased by a commit that seemed to fail
        for attempt in space.launched.values():
            if attempt.id not in live and attempt.state in LIVE:
                self.done.superseded.append(attempt)
        self.done.renewed = live

    def _plan_runs(self) -> Glance:
        """Create the runs that are due; what there is to see then."""
        means = self.means
        seen = self._glance()
        if seen.has_due_dags:
            run_creation.create_scheduled(
                self.tx, means.known, now=self.now, chance=means.chance, limit=means.settings.batch
            )
        if seen.has_asset_events:
            asset_runs.create_asset_triggered(
                self.tx, means.known, now=self.now, chance=means.chance
            )
        if seen.has_due_dags or seen.has_asset_events:
            seen = self._glance()
        self._set_timers(seen)
        return seen

    def _glance(self) -> Glance:
        return glance(self.tx, self.means.name, now=self.now)

    def _start_runs(self) -> dict[int, int]:
        """The runs to begin, as `start_queued`."""
        begun = leasing.start_queued(self.tx, self.means.name, self.means.settings, now=self.now)
        self.space.to_load |= set(begun)
        return begun

    def _look_for(self, pk: int) -> dict[int, int]:
        """Lease one run, as a look around would do with it among others."""
        name, settings, space = self.means.name, self.means.settings, self.space
        space.to_load = {pk}
        leasing.take_over(self.tx, name, settings, now=self.now, only=pk)
        return leasing.start_queued(self.tx, name, settings, now=self.now, only=pk)

    def _look_around(self, seen: Glance) -> None:
        means, space = self.means, self.space
        if seen.has_free_runs and not self.draining:
            space.to_load |= set(
                leasing.take_over(self.tx, means.name, means.settings, now=self.now)
            )
        if seen.needs_attention:
            for pk in runs.take_attention(self.tx, means.name):
                space.forget(pk)
                space.to_load.add(pk)
        self._find_unwanted()
        self._find_superseded(list(space.superseded))
        if _is_past(seen.next_deadline_at, self.now):
            callbacks.add_missed_deadlines(self.tx, now=self.now)
        if seen.has_open_backfills:
            backfills.complete_finished(self.tx, now=self.now)
        if seen.has_reports:
            housekeeping.refuse_late_reports(self.tx)
        space.set_paused(runs.paused_dags(self.tx) if seen.has_paused_runs else set())
        self._look_at_limits(seen)
        space.held_back = False

    def _look_at_limits(self, seen: Glance) -> None:
        """What people may have changed about limits."""
        space = self.space
        listed = pools.listing(self.tx) if seen.has_odd_pools else []
        space.deferred_pools = {row.name for row in listed if row.include_deferred}
        occupied = limits.occupied_tasks(self.tx) if seen.has_occupied else {}
        allowed = allowances(space.models.values(), self.means.settings.parallelism, set(occupied))
        space.crowded = {
            *(row.name for row in listed if 0 <= row.slots < row.occupied),
            *(key for key, count in occupied.items() if count > allowed.get(key, count)),
        }

    def _set_timers(self, seen: Glance) -> None:
        """When time alone will make runs or miss deadlines; until then nobody need look."""
        timers = (
            self.now + timedelta(seconds=self.means.settings.poll_seconds),
            seen.next_due_at,
            seen.next_queued_at,
            seen.next_deadline_at,
        )
        self.done.next_look = min(moment for moment in timers if moment is not None)

    def _find_unwanted(self) -> None:
        """People supersede attempts by writing rows; whoever runs the process ends it."""
        live = [pk for pk, attempt in self.space.launched.items() if attempt.state in LIVE]
        if live:
            unwanted = attempts.unwanted(self.tx, live)
            self.done.superseded += [self.space.launched[pk] for pk in sorted(unwanted)]

    def _find_superseded(self, pks: list[int]) -> None:
        """What others have to end in these runs; the next attempt waits until they have done so, or
        until their lease is over."""
        space = self.space
        for pk in pks:
            space.superseded.pop(pk, None)
        if pks:
            for row in attempts.superseded(self.tx, pks, besides=self.means.name, now=self.now):
                space.superseded.setdefault(row.run_pk, set()).add(row.task_instance_id)

    # --- the models ---------------------------------------------------------------------------

    def _load(self, begun: dict[int, int]) -> list[RunModel]:
        """Read the runs that are ours and not in memory."""
        space, means = self.space, self.means
        loaded: list[RunModel] = []
        if space.to_load:
            wanted = {pk for pk in space.to_load if not space.quarantine.holds(pk, self.now)}
            leased = runs.leased_to(self.tx, means.name, wanted)
            loaded = load(self.tx, leased, means.known, infra_budget=means.settings.infra_retries)
            for model in loaded:
                space.forget(model.pk)  # it may be here, if its lease had ended and is ours again
                space.models[model.pk] = model
                self.done.superseded += space.adopt(model)
                if model.pk in begun:
                    model.run.begin(self.now)
                    model.record("begin", self.now, str(begun[model.pk]))
                space.touch(model, self.now)
            self._find_superseded([model.pk for model in loaded if model.tries])
            space.to_load = set()
        # Reports that wait are part of what a run has come to: without them, what has run to its
        # end would look as if it had never been launched, or were lost.
        with_attempts = [model.pk for model in loaded if model.attempts]
        if with_attempts:
            self._hear(inbox.of_runs(self.tx, with_attempts))
        return loaded

    def _hear(self, rows: Rows) -> None:
        """Deliver reports from the inbox to the models in memory, each once."""
        for row in rows:
            if row.run_pk in self.space.models and row.id not in self._heard:
                self._heard.add(row.id)
                self.space.deliver(row.run_pk, events.from_inbox(row), self.now)

    def _recover_intents(self, loaded: list[RunModel]) -> None:
        """Attempts of ours that no executor has, now that all reports are in.

        Intents were committed right before something failed, and are launched now. What had begun
        is gone with the process that had this name before.
        """
        for model in loaded:
            if model.pk not in self.space.models:
                continue  # it has been set aside
            for attempt in list(model.attempts.values()):
                if attempt.owner != self.means.name or attempt.id in self.space.launched:
                    continue
                if attempt.state is AttemptState.QUEUED:
                    self.done.relaunch.append((model, attempt))
                else:
                    events.expire(model, attempt, self.now)
                    self.space.touch(model, self.now)
        if self.done.relaunch and not self.look.renew:  # what is launched has a whole lease
            leasing.renew(self.tx, self.means.name, self.means.settings, now=self.now)

    def _judge_past(self) -> None:
        """Runs whose previous run has moved look at it again."""
        space = self.space
        depending = [
            model
            for model in space.models.values()
            if model.dag_id in space.past_moved and model.version.plan.past_task_ids
        ]
        versions = {model.version.id: model.version for model in depending}
        pasts = read_pasts(self.tx, [model.row for model in depending], versions)
        for model in depending:
            model.run.set_past(pasts[model.pk])
            space.touch(model, self.now)
        space.past_moved = set()

    def _deliver(self) -> None:
        """Reports that waited for their run; those for other schedulers' runs go to the inbox."""
        space = self.space
        waiting, space.reports = space.reports, []
        for run_pk, report in waiting:
            if run_pk in space.models:
                space.deliver(run_pk, report, self.now)
            else:
                space.strays.append((run_pk, report))
        if space.strays:
            rows = [events.to_inbox(report, run_pk) for run_pk, report in space.strays]
            known = inbox.put(self.tx, rows, now=self.now)
            left = [(pk, report) for pk, report in space.strays if pk in known]
            history.add(self.tx, [events.vacated(*each) for each in left if each[1].is_end])
            self.means.store.notify(self.tx, CHANNEL)

    def _fetch_reports(self) -> None:
        """What others have left about our runs."""
        name, limit = self.means.name, self.means.settings.batch
        self._hear(inbox.of_leased_runs(self.tx, name, limit=limit))

    # --- storing ------------------------------------------------------------------------------

    def _refuse_unlaunchable(self) -> None:
        """Tasks that name an executor which nobody has set up fail, and do not wait for ever."""
        known = self.means.executors.keys()
        for model in list(self.space.touched.values()):
            if model.version.plan.executors <= known:
                continue
            for ti in model.run.claimable(
                is_blocked=lambda lane: lane.executor is None or lane.executor in known
            ):
                wanted = model.version.plan.tasks[ti.task_id].spec.executor
                reason = (
                    f"There is no executor named {wanted!r}. Set up: {', '.join(sorted(known))}."
                    " Change `executor` of the task, or add it to core.executor."
                )
                model.run.refused(ti, reason, self.now)
            self.space.touch(model, self.now)

    def _claim(self) -> counters.Deltas:
        """Claim what can start, against what the transaction releases and what is free."""
        means, space = self.means, self.space
        self._refuse_unlaunchable()
        deltas = counters.Deltas()
        counters.settle(space.touched.values(), space.deferred_pools, deltas)
        if self.draining or not space.waiting:
            return deltas
        # DAGs are locked before pools and tasks, here as by whoever starts runs.
        limits.move_active_runs(self.tx, {key: step for key, step in deltas.runs.items() if step})
        deltas.runs.clear()
        launches = (*self.done.relaunch, *space.unconfirmed)
        promised = Counter(attempt.executor for _, attempt in launches)
        budget = Budget.of_released(
            {name: each.free_slots() - promised[name] for name, each in means.executors.items()},
            means.settings.parallelism,
            means.settings.default_executor,
            deltas,
            space.crowded,
        )
        budget.ending = space.ending_instances()
        for model in claim(self.tx, space.waiting, space.models, budget, now=self.now):
            model.collect()
            space.touched[model.pk] = model
        space.held_back = bool(space.waiting) and budget.has_executor()
        return deltas

    def _store(self, deltas: counters.Deltas) -> None:
        means, space = self.means, self.space
        writer = Writer(
            owner=means.name,
            default_executor=means.settings.default_executor,
            parallelism=means.settings.parallelism,
            attempt_lease_seconds=means.settings.attempt_lease_seconds,
            slots=means.slots,
            deferred_pools=space.deferred_pools,
        )
        models = [model for model in space.touched.values() if model.unsaved]
        self.done.saved = persist.save(
            self.tx,
            models,
            writer,
            means.known,
            now=self.now,
            counted=deltas,
            ended=space.ended.values(),
        )
        gathered = self.done.saved.gathered
        if gathered.create_triggers or gathered.delete_triggers:
            means.store.notify(self.tx, "triggerer")
        if self.done.saved.made_room and means.store.dialect == "postgresql":
            means.store.notify(self.tx, CHANNEL)  # SQLite has no other scheduler that waits
        if space.gone and attempts.give_up(self.tx, space.gone, now=self.now):
            means.store.notify(self.tx, CHANNEL)
        self._tell_dependents(models)

    def _tell_dependents(self, models: list[RunModel]) -> None:
        """Runs that depend on one of these as their past judge it again."""
        moved = {
            model.dag_id
            for model in models
            if model.version.plan.past_task_ids and model.unsaved.changes.changed
        }
        for dag_id in moved:
            self.space.past_moved.add(dag_id)
            if runs.call_attention(self.tx, dag_id, besides=self.means.name):
                self.means.store.notify(self.tx, CHANNEL)

    def _call_back(self, seen: Glance | None) -> None:
        """Store how callbacks ended, and lease those that wait."""
        means, space = self.means, self.space
        callbacks.finish(self.tx, means.name, space.callback_results, now=self.now)
        waiting = bool(self.done.saved.gathered.callbacks)
        if seen and self.look.around:
            waiting |= seen.has_callbacks or _is_past(seen.next_deadline_at, self.now)
        if self.draining or not waiting:
            return
        self.done.callbacks = callbacks.claim(
            self.tx, means.name, means.settings, space.models, means.known, now=self.now
        )


def _is_past(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now
