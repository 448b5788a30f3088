"""What happened to attempts, applied to the run's model: accepted once, or refused.

An attempt may report as long as it is its instance's current one. Everything else (a fenced attempt
that woke up, an event that came twice) changes nothing.
"""

from datetime import datetime
from typing import Any

import msgspec

from tradewind.core.errors import NotFound
from tradewind.core.protocol import Failed, Outcome, Resume
from tradewind.core.runs.changes import CancelAttempt
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.states import AttemptState, TaskInstanceState
from tradewind.executors.base import AttemptEnded, AttemptReported, AttemptStarted
from tradewind.scheduler.models import Attempt, Report, RunModel

_LIVE = (AttemptState.QUEUED, AttemptState.RUNNING)


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """The executor's verdict on an attempt that did not report."""

    category: str
    reason: str
    exit_code: int | None = None


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """Where an attempt runs."""

    hostname: str
    pid: int | None = None


AttemptEvent = AttemptStarted | AttemptReported | AttemptEnded


def report_of(event: AttemptEvent, *, is_live: bool) -> Report | None:
    """What an executor's event means for the run; None: nothing more than what was known.

    `is_live`: the attempt has not reported. When its process then ends, it is lost.
    """
    match event:
        case AttemptStarted():
            where = Beginning(hostname=event.hostname, pid=event.pid)
            return Report("started", event.at, event.attempt_id, payload=where)
        case AttemptReported():
            return Report("finished", event.at, event.attempt_id, payload=event.outcome)
        case AttemptEnded():
            if not is_live:
                return None
            category = event.category or "infra_lost"
            reason = event.reason or f"Its process ended without a report ({category})."
            lost = Lost(category=category, reason=reason, exit_code=event.exit_code)
            return Report("lost", event.at, event.attempt_id, payload=lost)


def not_launched(attempt: Attempt, error: Exception, at: datetime) -> Report:
    """The executor never got it."""
    category = "snapshot_missing" if isinstance(error, NotFound) else "infra_lost"
    lost = Lost(category=category, reason=f"It could not be launched: {error}")
    return Report("lost", at, attempt.id, payload=lost)


_PAYLOADS: dict[str, Any] = {
    "started": Beginning,
    "finished": Outcome,
    "lost": Lost,
    "trigger_event": Resume,
}


def to_inbox(report: Report, run_pk: int) -> dict[str, Any]:
    """A row of `inbox`."""
    payload = {"at": report.at, "value": report.payload}
    return {
        "run_pk": run_pk,
        "task_instance_id": report.task_instance_id,
        "attempt_id": report.attempt_id,
        "kind": report.kind,
        "payload": msgspec.to_builtins(payload, str_keys=True),
    }


def vacated(run_pk: int, report: Report) -> dict[str, Any]:
    """A row of history: an attempt's slot is free, before the run knows that the attempt ended."""
    return {
        "run_pk": run_pk,
        "task_instance_id": None,
        "attempt_id": report.attempt_id,
        "event": "vacate",
        "at": report.at,
        "detail": None,
    }


def from_inbox(row: Any) -> Report:
    """The report in a row of `inbox`. A payload may come bare, or with the moment it is about."""
    payload, at = row.payload, row.created_at
    if isinstance(payload, dict) and payload.keys() == {"at", "value"}:
        at = msgspec.convert(payload["at"], datetime, strict=False)
        payload = payload["value"]
    return Report(
        kind=row.kind,
        at=at,
        attempt_id=row.attempt_id,
        task_instance_id=row.task_instance_id,
        payload=msgspec.convert(payload, _PAYLOADS[row.kind]),
        inbox_id=row.id,
    )


def apply(model: RunModel, report: Report) -> None:
    """Move the model on. The report stays with it until it is stored."""
    model.unsaved.reports.append(report)
    if report.kind == "trigger_event":
        ti = model.by_id.get(report.task_instance_id or 0)
        if ti is not None:
            model.run.trigger_fired(ti, report.payload, report.at)
        return
    attempt = model.attempts.get(report.attempt_id or 0)
    if attempt is None:
        _refuse(model, report, "no live attempt of this run")
        return
    ti = model.by_id[attempt.task_instance_id]
    if attempt.state not in _LIVE or ti.attempt_id != attempt.id:
        _refuse(model, report, "not the current attempt of its task instance")
        return
    match report.kind:
        case "started":
            _start(model, attempt, ti, report)
        case "finished":
            _finish(model, attempt, ti, report)
        case "lost":
            _lose(model, attempt, ti, report)


def _start(model: RunModel, attempt: Attempt, ti: TaskInstance, report: Report) -> None:
    if attempt.state is not AttemptState.QUEUED:
        return
    begin: Beginning = report.payload
    attempt.state = AttemptState.RUNNING
    attempt.started_at = report.at
    attempt.hostname, attempt.pid = begin.hostname, begin.pid
    model.run.started(ti, report.at)
    model.note(attempt, "start", report.at)


def _finish(model: RunModel, attempt: Attempt, ti: TaskInstance, report: Report) -> None:
    failure = report.payload if isinstance(report.payload, Failed) else None
    before = ti.state
    if not model.run.reported(ti, report.payload, report.at):
        _refuse(model, report, f"its task instance is {ti.state}")
        return
    attempt.outcome = _verdict(before, ti.state)
    attempt.started_at = attempt.started_at or report.at
    if failure is not None:
        attempt.category, attempt.reason = "user_code", failure.message
    _end(model, attempt, report.at)


def _lose(model: RunModel, attempt: Attempt, ti: TaskInstance, report: Report) -> None:
    lost: Lost = report.payload
    before = ti.state
    if not model.run.lost(ti, lost.category, lost.reason, report.at):
        _refuse(model, report, f"its task instance is {ti.state}")
        return
    attempt.outcome = _verdict(before, ti.state)
    attempt.category, attempt.reason = lost.category, lost.reason
    attempt.exit_code = lost.exit_code
    _end(model, attempt, report.at)


def _end(model: RunModel, attempt: Attempt, at: datetime) -> None:
    attempt.state = AttemptState.ENDED
    attempt.ended_at = at
    del model.attempts[attempt.id]
    state = model.by_id[attempt.task_instance_id].state
    model.note(attempt, "finish", at, state.value)


def _verdict(before: TaskInstanceState, after: TaskInstanceState) -> str:
    """What became of the attempt, as its own state: one that is tried again has failed."""
    if before is TaskInstanceState.RESTARTING:
        return before.value
    if after in (TaskInstanceState.UP_FOR_RETRY, TaskInstanceState.SCHEDULED):
        return TaskInstanceState.FAILED.value
    return after.value


def _refuse(model: RunModel, report: Report, why: str) -> None:
    """Written down for what would have changed something; a start that comes late would not."""
    if report.kind == "finished":
        model.record("refuse", report.at, why, attempt_id=report.attempt_id)


def expire(model: RunModel, attempt: Attempt, now: datetime) -> None:
    """An attempt whose lease has ended is fenced; its instance goes on as after a lost process."""
    reason = f"The process that ran it ({attempt.owner}) has not been heard of any more."
    fence(model, attempt, now, reason)
    ti = model.by_id[attempt.task_instance_id]
    if ti.attempt_id == attempt.id:
        attempt.category = "infra_lost"
        before = ti.state
        model.run.lost(ti, "infra_lost", reason, now)
        attempt.outcome = _verdict(before, ti.state)


def fence(model: RunModel, attempt: Attempt, now: datetime, reason: str) -> None:
    """From here on nothing that the attempt says is believed."""
    attempt.state = AttemptState.FENCED
    attempt.ended_at = now
    attempt.reason = reason
    model.attempts.pop(attempt.id, None)
    model.note(attempt, "fence", now, reason)


def record_usage(attempt: Attempt, event: AttemptEnded) -> None:
    if event.usage is not None:
        attempt.cpu_seconds = event.usage.cpu_seconds
        attempt.peak_memory_bytes = event.usage.peak_memory_bytes
    if event.exit_code is not None:
        attempt.exit_code = event.exit_code


def fenced_by(model: RunModel, effect: CancelAttempt, now: datetime) -> Attempt | None:
    """The attempt that the effect ends, fenced unless its instance waits for its end."""
    attempt = model.attempts.get(effect.attempt_id)
    if attempt is not None and effect.ti.attempt_id != attempt.id:
        fence(model, attempt, now, effect.reason)
    return attempt
