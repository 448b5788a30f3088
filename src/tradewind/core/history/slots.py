"""Whether a DAG's schedule has had one run for each of its slots."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from tradewind.core.dag import (
    AssetOrTimeSchedule,
    CronInterval,
    CronTrigger,
    DeltaInterval,
    DeltaTrigger,
    EventsSchedule,
    SerializedDag,
    Slot,
    Timetable,
)
from tradewind.core.history.vocabulary import Findings, Statement
from tradewind.core.timetables import next_slot, time_limits

_TOLD_BY_RULE = CronInterval | CronTrigger | DeltaInterval | DeltaTrigger | EventsSchedule
_LONGEST_WALK = 1000  # slots without a run in a row before looking on is of no use

_NOT_BY_RULE = "schedules of a class of one's own, continuous and partitioned ones (doubles apart)"


class ScheduledRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that the schedule made. `version`: the number of its DAG version."""

    run_id: str
    version: int
    slot: Slot


def check_slots(
    dag_id: str,
    runs: Iterable[ScheduledRun],
    versions: Mapping[int, SerializedDag],
    findings: Findings,
    *,
    has_run: Callable[[datetime], bool],
    cleaned_before: datetime | None,
) -> None:
    """`runs` in the order of their dates; `versions`: those of the DAG that are kept, by number.

    `has_run`: whether there is a run of any kind with that logical date: a slot that a person or a
    backfill has used gets no second one. Slots due before `cleaned_before` may have been deleted.
    """
    before: ScheduledRun | None = None
    for run in runs:
        findings.checked[Statement.SLOTS] += 1
        if before is not None and _key(before.slot) == _key(run.slot):
            told = f"{dag_id} has two runs of the slot {_named(run.slot)}"
            findings.report(Statement.SLOTS, f"{told}: {before.run_id} and {run.run_id}.")
        elif isinstance(timetable := _timed(versions[run.version]), _TOLD_BY_RULE):
            if before is not None and _same_schedule(before.version, run.version, versions):
                walk = _Walk(versions[run.version], timetable, has_run, cleaned_before)
                wrong = walk.between(before.slot, run.slot)
                if wrong is not None:
                    told = f"{wrong}, between {before.run_id} and {run.run_id}"
                    findings.report(Statement.SLOTS, f"{dag_id} has {told}.")
        else:
            findings.leave_out(Statement.SLOTS, _NOT_BY_RULE)
        before = run


class _Walk(NamedTuple):
    """From slot to slot, as the schedule says."""

    dag: SerializedDag
    timetable: Timetable
    has_run: Callable[[datetime], bool]
    cleaned_before: datetime | None

    def between(self, last: Slot, reached: Slot) -> str | None:
        """What is wrong on the way from one run's slot to the next one's."""
        earliest, latest = time_limits(self.dag)
        slot: Slot | None = last
        for _ in range(_LONGEST_WALK):
            slot = next_slot(
                self.timetable,
                last=slot,
                earliest=earliest,
                latest=latest,
                catchup=True,
                now=reached.run_after,
            )
            if slot is None or _key(slot) > _key(reached):
                return f"a run at {_named(reached)}, which is no slot of its schedule"
            if _key(slot) == _key(reached):
                return None
            if self._is_missing(slot):
                return f"no run of the slot {_named(slot)}"
        return None

    def _is_missing(self, slot: Slot) -> bool:
        if not self.dag.catchup or slot.logical_date is None:
            return False  # what was due while the DAG was paused gets no run
        if self.cleaned_before is not None and slot.run_after < self.cleaned_before:
            return False
        return not self.has_run(slot.logical_date)


def _timed(dag: SerializedDag) -> Timetable:
    timetable = dag.timetable
    return timetable.timetable if isinstance(timetable, AssetOrTimeSchedule) else timetable


def _same_schedule(first: int, second: int, versions: Mapping[int, SerializedDag]) -> bool:
    """Whether the schedule stayed the same from one version to another, those between included."""
    between = [versions.get(number) for number in range(min(first, second), max(first, second) + 1)]
    terms = {msgspec.json.encode(_terms(dag)) if dag else None for dag in between}
    return len(terms) == 1


def _terms(dag: SerializedDag) -> tuple[Any, ...]:
    return _timed(dag), dag.catchup, *time_limits(dag), dag.allowed_run_types


def _key(slot: Slot) -> tuple[datetime, str]:
    return slot.logical_date or slot.run_after, slot.partition_key or ""


def _named(slot: Slot) -> str:
    moment, partition = _key(slot)
    return moment.isoformat() if not partition else f"{moment.isoformat()} {partition}"
