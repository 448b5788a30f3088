"""Airflow's interface of timetables, for classes of the user's own and for those who call ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tradewind.core.states import DagRunType
from tradewind.sdk import dates
from tradewind.sdk.exceptions import AirflowTimetableInvalid

if TYPE_CHECKING:
    from pendulum import DateTime

    from tradewind.core.dag import Slot
    from tradewind.sdk.assets import BaseAsset
    from tradewind.sdk.dag import DAG

UPCOMING_SLOTS = 20
"""How many slots are computed ahead when a file is parsed."""


class DataInterval(NamedTuple):
    """What a run covers, both ends aware."""

    start: DateTime
    end: DateTime

    @classmethod
    def exact(cls, at: DateTime) -> DataInterval:
        return cls(at, at)


class TimeRestriction(NamedTuple):
    """The DAG's start and end date, both inclusive, and whether missed runs are made up for."""

    earliest: DateTime | None
    latest: DateTime | None
    catchup: bool


class DagRunInfo(NamedTuple):
    """One run to make: not before `run_after`, for `data_interval`."""

    run_after: DateTime
    data_interval: DataInterval | None
    partition_date: DateTime | None = None
    partition_key: str | None = None

    @classmethod
    def exact(cls, at: DateTime) -> DagRunInfo:
        return cls(at, DataInterval.exact(at))

    @classmethod
    def interval(cls, start: DateTime, end: DateTime) -> DagRunInfo:
        return cls(end, DataInterval(start, end))

    @property
    def logical_date(self) -> DateTime | None:
        return self.data_interval.start if self.data_interval is not None else None

    @classmethod
    def of_slot(cls, slot: Slot) -> DagRunInfo:
        interval = None
        if slot.interval_start is not None and slot.interval_end is not None:
            interval = interval_from(slot.interval_start, slot.interval_end)
        return cls(dates.as_pendulum(slot.run_after), interval)


class Timetable:
    """Base of a schedule of your own: define `next_dagrun_info` and `infer_manual_data_interval`.

    Both are called in the process that parses the DAG file, ahead of time and again when the
    computed runs are used up; a schedule that changes from call to call is therefore not possible.
    """

    description: str = ""
    periodic: bool = True
    can_be_scheduled: bool = True
    run_ordering: Sequence[str] = ("data_interval_end", "logical_date")
    active_runs_limit: int | None = None
    asset_condition: BaseAsset | None = None
    partitioned_at_runtime: bool = False
    run_type: DagRunType = DagRunType.SCHEDULED

    @property
    def summary(self) -> str:
        return type(self).__name__

    def serialize(self) -> dict[str, Any]:
        """Airflow's hook; nothing here needs it."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        return cls()

    def validate(self) -> None:
        """Raise AirflowTimetableInvalid when it cannot work."""

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        raise AirflowTimetableInvalid(
            f"Timetable {type(self).__name__} does not define next_dagrun_info()"
        )

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Airflow 3.3's form of the same question; override one of the two."""
        return self.next_dagrun_info(
            last_automated_data_interval=last_dagrun_info and last_dagrun_info.data_interval,
            restriction=restriction,
        )


def upcoming_slots(
    timetable: Timetable, dag: DAG, last: Slot | None = None, count: int = UPCOMING_SLOTS
) -> tuple[list[Slot], bool]:
    """Ask a user's timetable for the runs after `last`; runs user code, so only in a child.

    Returns at most `count` slots, and whether the schedule has ended after them. Raises
    AirflowTimetableInvalid when the class answers with something that is no run.
    """
    restriction = TimeRestriction(_pendulum(dag.start_date), _pendulum(dag.end_date), dag.catchup)
    info = DagRunInfo.of_slot(last) if last is not None else None
    slots: list[Slot] = []
    while len(slots) < count:
        info = timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)
        if info is None:
            return slots, True
        slot = _slot_of(info, timetable)
        if slots and slot.run_after <= slots[-1].run_after:
            return slots, False  # only what is due "now" is known yet
        slots.append(slot)
    return slots, False


def _slot_of(info: Any, timetable: Timetable) -> Slot:
    from tradewind.core.dag import Slot

    if not hasattr(info, "run_after") or not hasattr(info, "data_interval"):
        raise AirflowTimetableInvalid(
            f"{type(timetable).__name__}.next_dagrun_info() gave {info!r} instead of a DagRunInfo"
        )
    start = end = None
    if info.data_interval is not None:
        start, end = (dates.known_utc(at) for at in info.data_interval)
    return Slot(
        logical_date=start,
        interval_start=start,
        interval_end=end,
        run_after=dates.known_utc(info.run_after),
    )


def interval_from(start: datetime, end: datetime) -> DataInterval:
    return DataInterval(dates.as_pendulum(start), dates.as_pendulum(end))


def interval_to_slot(interval: DataInterval | None) -> Slot | None:
    from tradewind.core.dag import Slot

    if interval is None:
        return None
    start, end = dates.known_utc(interval.start), dates.known_utc(interval.end)
    return Slot(logical_date=start, interval_start=start, interval_end=end, run_after=end)


def _pendulum(at: datetime | None) -> DateTime | None:
    return None if at is None else dates.as_pendulum(at)
