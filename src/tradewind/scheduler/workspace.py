"""What a scheduler has in its hands: models, attempts of its executors, and news not yet stored.

All of it can be lost at any moment without harm: it is read again from rows, and what executors
reported stays here until the transaction that stored it has committed.
"""

import heapq
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tradewind.core.states import AttemptState
from tradewind.executors.base import AttemptEnded, CallbackEnded, Executor
from tradewind.scheduler import events
from tradewind.scheduler.claiming import WaitingRuns
from tradewind.scheduler.models import Attempt, Report, RunModel
from tradewind.scheduler.quarantine import Quarantine
from tradewind.store.limits import TaskKey

LIVE = (AttemptState.QUEUED, AttemptState.RUNNING)


class Workspace:
    def __init__(self) -> None:
        self.models: dict[int, RunModel] = {}
        self.waiting = WaitingRuns()
        self.paused: set[str] = set()  # DAGs of which nothing new starts
        self.deferred_pools: set[str] = set()  # pools in which deferred tasks keep their slots
        self.crowded: set[str | TaskKey] = set()  # limits that are lower than what is held
        self.past_moved: set[str] = set()  # DAGs of which a run moved that later ones depend on
        self.launched: dict[int, Attempt] = {}  # what the executors of this process hold
        self.superseded: dict[int, set[int]] = {}  # run → instances that others may still work on
        self.unconfirmed: list[tuple[RunModel, Attempt]] = []  # to be launched if they are ours
        self.to_load: set[int] = set()  # runs that may be leased to us and are not in memory
        self.held_back = False  # what waits cannot be claimed before something is released
        self.quarantine = Quarantine()
        # Come in, and not stored:
        self.touched: dict[int, RunModel] = {}
        self.reports: list[tuple[int, Report]] = []  # of runs that are not in memory
        self.strays: list[tuple[int, Report]] = []  # of runs that others lease
        self.ended: dict[int, Attempt] = {}  # over before; now it is known what they used
        self.gone: set[int] = set()  # attempts whose process ended before they did
        self.starts: dict[int, dict[str, Any]] = {}
        self.callback_results: list[CallbackEnded] = []
        self.has_results = False  # something else than starts is among what is not stored
        self._wakes: list[tuple[datetime, int]] = []

    # --- news ---------------------------------------------------------------------------------

    def collect(self, executors: Iterable[Executor], now: datetime) -> None:
        """Take in what the executors report."""
        for executor in executors:
            for event in executor.events():
                if isinstance(event, CallbackEnded):
                    self.callback_results.append(event)
                else:
                    self._take(event, now)

    def _take(self, event: events.AttemptEvent, now: datetime) -> None:
        attempt = self.launched.get(event.attempt_id)
        if attempt is None:
            return  # it came twice
        if isinstance(event, AttemptEnded):
            del self.launched[event.attempt_id]
            self.held_back = False
            events.record_usage(attempt, event)
            if attempt.state is not AttemptState.ENDED:
                self.gone.add(attempt.id)
        report = events.report_of(event, is_live=attempt.state in LIVE)
        if report is not None:
            self.deliver(attempt.run_pk, report, now)
        elif attempt.state is AttemptState.ENDED:
            self.ended[attempt.id] = attempt

    def deliver(self, run_pk: int, report: Report, now: datetime) -> None:
        """Apply a report to its model, or keep it until it is clear whose the run is."""
        model = self.models.get(run_pk)
        if model is None:
            self.reports.append((run_pk, report))
            return
        try:
            events.apply(model, report)
        except Exception as error:
            self.set_aside(run_pk, error, now)
            return
        if report.kind == "started":
            self._note_start(model, report)
        else:
            self.has_results = True
            self.held_back = False
        self.touch(model, now)

    def _note_start(self, model: RunModel, report: Report) -> None:
        attempt = model.attempts.get(report.attempt_id or 0)
        ti = model.by_id[attempt.task_instance_id] if attempt else None
        if attempt and ti and ti.attempt_id == attempt.id:
            self.starts[attempt.id] = {
                "pk": ti.id,
                "attempt": attempt.id,
                "started": ti.start_date,
                "first_started": ti.first_start_date,
            }

    # --- models -------------------------------------------------------------------------------

    def touch(self, model: RunModel, now: datetime) -> None:
        """The model has moved: see where that leads, what can be claimed, and when it wakes."""
        try:
            model.run.advance(now)
        except Exception as error:
            self.set_aside(model.pk, error, now)
            return
        model.collect()
        self.touched[model.pk] = model
        self.queue(model)
        wake = model.run.next_wake()
        if wake is not None:
            heapq.heappush(self._wakes, (wake, model.pk))

    def set_aside(self, pk: int, error: BaseException, now: datetime) -> None:
        """Leave a run that cannot be worked on alone for a while; nothing of it is lost."""
        model = self.models.get(pk)
        label = f"The run {model.facts.run_id} of {model.dag_id}" if model else f"The run {pk}"
        self.forget(pk)
        self.to_load.discard(pk)
        self.quarantine.add(pk, label, error, now)

    def queue(self, model: RunModel) -> None:
        """Let the run wait to be claimed from, if it may."""
        if model.dag_id in self.paused or not model.is_active:
            self.waiting.remove(model.pk)
        else:
            self.waiting.put(model)

    def set_paused(self, dag_ids: set[str]) -> None:
        changed = self.paused ^ dag_ids
        self.paused = dag_ids
        for model in self.models.values():
            if model.dag_id in changed:
                self.queue(model)

    def wake_due(self, now: datetime) -> None:
        """Move the models for which something is due by time alone."""
        self.to_load |= self.quarantine.due(now)
        while self._wakes and self._wakes[0][0] <= now:
            _, pk = heapq.heappop(self._wakes)
            model = self.models.get(pk)
            due = model.run.next_wake() if model else None
            if model is not None and due is not None and due <= now:
                self.touch(model, now)
                self.held_back = False

    def next_wake(self) -> datetime | None:
        moments = (self._wakes[0][0] if self._wakes else None, self.quarantine.next_due())
        return min((moment for moment in moments if moment is not None), default=None)

    def forget(self, pk: int) -> None:
        """Drop a model; what was reported and is not stored will be delivered again."""
        model = self.models.pop(pk, None)
        self.waiting.remove(pk)
        self.touched.pop(pk, None)
        if model is None:
            return
        for attempt in model.unsaved.attempts.values():  # as if nothing had been heard of them
            self.ended.pop(attempt.id, None)
            attempt.state = AttemptState.RUNNING
        self.reports = [
            *((pk, report) for report in model.unsaved.reports if report.inbox_id is None),
            *self.reports,
        ]

    def roll_back(self) -> None:
        """The transaction failed: what it would have stored is read again from rows."""
        self.to_load |= self.touched.keys()
        for pk in list(self.touched):
            self.forget(pk)
        self.reports += self.strays
        self.strays = []

    def commit(self) -> None:
        """Everything that was touched is stored."""
        for model in self.touched.values():
            self.quarantine.recovered(model.pk)
            if not model.is_active:
                self.models.pop(model.pk, None)
                self.waiting.remove(model.pk)
        self.touched.clear()
        self.strays.clear()
        self.callback_results.clear()
        self.ended.clear()
        self.gone.clear()
        self.starts.clear()
        self.has_results = False

    # --- attempts -----------------------------------------------------------------------------

    def adopt(self, model: RunModel) -> list[Attempt]:
        """Square a run that was just read with what our executors hold.

        The answer: attempts that run here but were superseded.
        """
        for attempt in model.attempts.values():
            if attempt.id in self.launched:
                self.launched[attempt.id] = attempt
        superseded = [
            attempt
            for attempt in self.launched.values()
            if attempt.run_pk == model.pk
            and attempt.state in LIVE
            and attempt.id not in model.attempts
        ]
        for attempt in superseded:
            attempt.state = AttemptState.FENCED
        return superseded

    def ending_instances(self) -> set[int]:
        """Those of which a process that was superseded has not ended, here or elsewhere."""
        return set().union(*self.superseded.values()) | {
            attempt.task_instance_id
            for attempt in self.launched.values()
            if attempt.state is AttemptState.FENCED
        }
