"""What a task sees of its run: Airflow's context, evaluated entry by entry when it is looked at.

Dates are pendulum's; pendulum is not imported before one of them is used. Names of Airflow 1 and 2
(`execution_date`, `next_ds`, `tomorrow_ds` and their kin) exist beside those of 3.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from tradewind.core.errors import UserError
from tradewind.core.protocol import DagRunReply, GetPreviousDagRun, RunInfo
from tradewind.core.states import DagRunState
from tradewind.sdk.comms import Channel

if TYPE_CHECKING:
    from tradewind.runner.task_instance import TaskInstance
    from tradewind.sdk.dag import DAG

_DAY = timedelta(days=1)


if TYPE_CHECKING:
    _LazyDict = dict[str, Any]
else:

    class _LazyDict(MutableMapping, dict):
        """A dict whose every method goes through the five that `TaskContext` overrides."""


class TaskContext(_LazyDict):
    """A dict some of whose values are computed at their first use.

    It is a real dict for code that checks; copying it and `f(**context)` evaluate everything.
    """

    def __init__(self, ready: Mapping[str, Any], lazy: Mapping[str, Callable[[], Any]]) -> None:
        dict.__init__(self, ready)
        self._lazy = dict(lazy)

    def __missing__(self, key: str) -> Any:
        value = self._lazy[key]()
        self[key] = value
        return value

    def __getitem__(self, key: str) -> Any:
        return dict.__getitem__(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._lazy.pop(key, None)
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: str) -> None:
        if self._lazy.pop(key, None) is None:
            dict.__delitem__(self, key)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or key in self._lazy

    def __iter__(self) -> Iterator[str]:
        return iter([*dict.keys(self), *self._lazy])

    def __len__(self) -> int:
        return dict.__len__(self) + len(self._lazy)

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __repr__(self) -> str:
        return repr(dict(self))


class LazyValue:
    """Stands for a value that needs a request, and makes it when it is used in any way.

    It is pickled as the value; `__wrapped__` is the value itself, as Airflow's proxies have it.
    """

    __slots__ = ("_compute",)

    def __init__(self, compute: Callable[[], Any]) -> None:
        object.__setattr__(self, "_compute", cache(compute))

    @property
    def __wrapped__(self) -> Any:
        return self._compute()

    def __reduce__(self) -> tuple[Any, ...]:
        return copy, (self._compute(),)  # whoever reads the pickle may not have this class

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compute(), name)

    def __str__(self) -> str:
        return str(self._compute())

    def __repr__(self) -> str:
        return repr(self._compute())

    def __format__(self, spec: str) -> str:
        return format(self._compute(), spec)

    def __bool__(self) -> bool:
        return bool(self._compute())

    def __eq__(self, other: object) -> bool:
        return bool(self._compute() == other)

    def __hash__(self) -> int:
        return hash(self._compute())

    def __lt__(self, other: Any) -> bool:
        return bool(self._compute() < other)

    def __le__(self, other: Any) -> bool:
        return bool(self._compute() <= other)

    def __gt__(self, other: Any) -> bool:
        return bool(self._compute() > other)

    def __ge__(self, other: Any) -> bool:
        return bool(self._compute() >= other)

    def __sub__(self, other: Any) -> Any:
        return self._compute() - other

    def __rsub__(self, other: Any) -> Any:
        return other - self._compute()

    def __add__(self, other: Any) -> Any:
        return self._compute() + other


def moment(value: datetime | None) -> Any:
    """A pendulum DateTime of an aware datetime."""
    if value is None:
        return None
    import pendulum

    if value.tzinfo is UTC:  # as all of ours are; `instance` takes long to find that out
        day, time = value.date(), value.time()
        return pendulum.DateTime(
            *(day.year, day.month, day.day),
            *(time.hour, time.minute, time.second, time.microsecond),
            tzinfo=pendulum.UTC,
        )
    return pendulum.instance(value)


def partition_date(dag: "DAG | None", key: str | None) -> Any:
    """The moment that a run's partition begins at; None where its DAG's timetable knows none."""
    if dag is None or key is None:
        return None
    from tradewind.core import partitions  # few runs have partitions
    from tradewind.core.dag import CronPartition, PartitionedAssets
    from tradewind.core.timetables import partition
    from tradewind.sdk.timetable_specs import timetable_spec

    timetable = timetable_spec(dag.timetable)
    try:
        if isinstance(timetable, CronPartition):
            return moment(partition.partition_date(timetable, key))
        if isinstance(timetable, PartitionedAssets):
            return moment(partitions.partition_date(timetable, key))
    except UserError:  # a key that somebody gave to a manual run
        return None
    return None


def build_context(ti: "TaskInstance", channel: Channel) -> TaskContext:
    """The context of `ti`, whose task may still be a mapped one."""
    task, run = ti.task, ti.run
    ready = {
        "dag": task.dag,
        "inlets": task.inlets,
        "map_index_template": task.map_index_template,
        "outlets": task.outlets,
        "partition_key": run.partition_key,
        "run_id": run.run_id,
        "task": task,
        "task_instance": ti,
        "task_instance_key_str": f"{run.dag_id}__{task.task_id}__{_key_date(run)}",
        "task_reschedule_count": 0 if ti.first_start_date is None else 1,
        "ti": ti,
    }
    lazy = {**_accessors(ti, channel), **_previous_success(run, channel)}
    if run.logical_date is not None:
        lazy |= _dates(run, run.logical_date) | legacy_dates(ti, run.logical_date)
    return TaskContext(ready, lazy)


def _key_date(run: RunInfo) -> str:
    return run.run_id if run.logical_date is None else run.logical_date.strftime("%Y%m%d")


def _accessors(ti: "TaskInstance", channel: Channel) -> dict[str, Callable[[], Any]]:
    """What is used by few tasks: imported and built on demand."""

    def build(name: str, *args: Any) -> Callable[[], Any]:
        def compute() -> Any:
            from tradewind.runner import accessors

            return getattr(accessors, name)(*args)

        return compute

    def params() -> Any:
        from tradewind.sdk.param import process_params

        return process_params(ti.task.dag, ti.task, ti.run.conf)

    def macros() -> Any:
        from tradewind.sdk import macros

        return macros

    def task_state_store() -> Any:
        from tradewind.sdk.state_store import TaskStateStore

        return TaskStateStore(ti.attempt_id)

    def asset_state_stores() -> Any:
        from tradewind.sdk.state_store import AssetStateStores

        return AssetStateStores(ti.attempt_id, [*task.inlets, *task.outlets])

    task = ti.task
    lazy = {
        "conn": build("ConnectionAccessor"),
        "dag_run": lambda: ti.dag_run,
        "inlet_events": build("InletEvents", task.inlets, channel),
        "macros": macros,
        "outlet_events": build("OutletEvents"),
        "params": params,
        "partition_date": lambda: ti.dag_run.partition_date,
        "task_state_store": task_state_store,
        "triggering_asset_events": build("TriggeringAssetEvents", ti.run.consumed_asset_events),
        "triggering_dataset_events": build("TriggeringAssetEvents", ti.run.consumed_asset_events),
        "var": build("variable_accessors"),
    }
    if task.inlets or task.outlets:
        lazy["asset_state_store"] = asset_state_stores
    return lazy


def _previous_success(run: RunInfo, channel: Channel) -> dict[str, Callable[[], Any]]:
    @cache
    def previous() -> RunInfo | None:
        if run.logical_date is None:
            return None
        reply = channel.request(
            GetPreviousDagRun(dag_id=run.dag_id, before=run.logical_date, state=DagRunState.SUCCESS)
        )
        return reply.run if isinstance(reply, DagRunReply) else None

    def lazily(field: str) -> Callable[[], LazyValue]:
        return lambda: LazyValue(lambda: moment(getattr(previous(), field, None)))

    lazy = {
        "prev_start_date_success": lazily("start_date"),
        "prev_end_date_success": lazily("end_date"),
    }
    if run.logical_date is not None:
        lazy["prev_data_interval_start_success"] = lazily("interval_start")
        lazy["prev_data_interval_end_success"] = lazily("interval_end")
        lazy["prev_execution_date_success"] = lazily("logical_date")
    return lazy


def _dates(run: RunInfo, logical_date: datetime) -> dict[str, Callable[[], Any]]:
    def with_zone() -> str:
        return logical_date.isoformat().replace("-", "").replace(":", "")

    return {
        "logical_date": lambda: moment(logical_date),
        "ds": lambda: logical_date.strftime("%Y-%m-%d"),
        "ds_nodash": lambda: logical_date.strftime("%Y%m%d"),
        "ts": logical_date.isoformat,
        "ts_nodash": lambda: logical_date.strftime("%Y%m%dT%H%M%S"),
        "ts_nodash_with_tz": with_zone,
        "data_interval_start": lambda: moment(run.interval_start),
        "data_interval_end": lambda: moment(run.interval_end),
    }


def legacy_dates(ti: "TaskInstance", logical_date: datetime) -> dict[str, Callable[[], Any]]:
    """Airflow 1's and 2's names. A manual run's neighbours are itself, as there."""

    def next_date() -> Any:
        return moment(ti.neighbour_dates[1])

    def previous_date() -> Any:
        return moment(ti.neighbour_dates[0])

    lazy: dict[str, Callable[[], Any]] = {
        "execution_date": lambda: moment(logical_date),
        "next_execution_date": next_date,
        "prev_execution_date": previous_date,
    }
    days: dict[str, Callable[[], Any]] = {
        "next_ds": lambda: ti.neighbour_dates[1],
        "prev_ds": lambda: ti.neighbour_dates[0],
        "tomorrow_ds": lambda: logical_date + _DAY,
        "yesterday_ds": lambda: logical_date - _DAY,
    }
    for name, day in days.items():
        lazy[name] = lambda day=day: _day(day(), "%Y-%m-%d")  # type: ignore[misc]
        lazy[f"{name}_nodash"] = lambda day=day: _day(day(), "%Y%m%d")  # type: ignore[misc]
    return lazy


def _day(value: datetime | None, form: str) -> str | None:
    return None if value is None else value.strftime(form)
