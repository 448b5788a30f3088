"""The logical dates before and after a run's by its schedule, for Airflow 2's context names."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tradewind.core.dag import DeltaInterval, DeltaTrigger, Slot, Timetable
from tradewind.core.protocol import RunInfo
from tradewind.core.states import DagRunType
from tradewind.core.timetables import next_slot, slots_between
from tradewind.core.timetables.base import NoTick
from tradewind.core.timetables.delta import decode_delta, shifted

if TYPE_CHECKING:
    from tradewind.sdk.dag import DAG

_LOOK_BACK = (
    timedelta(milliseconds=1),  # in steps, so that no schedule has many dates in what is tried
    timedelta(seconds=1),
    timedelta(minutes=15),
    timedelta(days=3),
    timedelta(days=70),
    timedelta(days=800),
)


def neighbour_dates(run: RunInfo, dag: "DAG") -> tuple[datetime | None, datetime | None]:
    """Before and after. A run that nobody scheduled has itself as neighbours, as in Airflow 2."""
    if run.logical_date is None:
        return None, None
    if run.run_type not in (DagRunType.SCHEDULED, DagRunType.BACKFILL):
        return run.logical_date, run.logical_date
    from tradewind.sdk.serialize import serialize_timetable

    timetable = serialize_timetable(dag)
    return _before(timetable, run.logical_date), _after(timetable, run)


def _before(timetable: Timetable, logical_date: datetime) -> datetime | None:
    if isinstance(timetable, DeltaInterval | DeltaTrigger):  # counted from any moment, either way
        try:
            return shifted(logical_date, -decode_delta(timetable.delta))
        except NoTick:
            return None
    for distance in _LOOK_BACK:
        slots = slots_between(timetable, logical_date - distance, logical_date)
        dates = [slot.logical_date for slot in slots if slot.logical_date is not None]
        earlier = [date for date in dates if date < logical_date]
        if earlier:
            return earlier[-1]
    return None


def _after(timetable: Timetable, run: RunInfo) -> datetime | None:
    this = Slot(
        logical_date=run.logical_date,
        interval_start=run.interval_start,
        interval_end=run.interval_end,
        run_after=run.run_after,
    )
    slot = next_slot(
        timetable, last=this, earliest=None, latest=None, catchup=True, now=datetime.now(UTC)
    )
    return slot.logical_date if slot is not None else None
