"""`schedule_interval` and `timetable` of Airflow 1 and 2, as a `schedule` that means the same.

There, a cron text or a timedelta made runs that cover a data interval, and catch-up was on. Both
have to be said today: `schedule="@daily"` alone would mean something else.
"""

from typing import NamedTuple

import libcst as cst

from tradewind.upgrade.dates import zone_of_date
from tradewind.upgrade.edits import Edits, beside, named
from tradewind.upgrade.plan import Plan
from tradewind.upgrade.reader import Reader, expression, keyword, string_value

_OLD = ("schedule_interval", "timetable")
_CRON = "CronDataIntervalTimetable"
_DELTA = "DeltaDataIntervalTimetable"
_DELTAS = {"datetime.timedelta", "dateutil.relativedelta.relativedelta"}
_WITHOUT_INTERVALS = {"@once", "@continuous"}


class _Meaning(NamedTuple):
    """What a schedule's expression is put into: the timetable's name, and its further arguments."""

    timetable: str = ""
    further: str = ""
    repeats: bool = True


def old_schedule(call: cst.Call) -> int | None:
    """The position of a DAG's old argument: by name, or the third one without a name."""
    for position, arg in enumerate(call.args):
        if arg.star:
            return None
        name = arg.keyword.value if arg.keyword else ""
        if name in _OLD or (position == 2 and not name):
            return position
    return None


def runs_cover_intervals(reader: Reader) -> bool:
    """Whether each DAG of the file has data intervals, from one slot to the next."""
    dags = [call for call in reader.all(cst.Call) if reader.is_dag(call)]
    return bool(dags) and all(
        old_schedule(call) is not None or _is_interval_timetable(reader, call) for call in dags
    )


def _is_interval_timetable(reader: Reader, call: cst.Call) -> bool:
    schedule = keyword(call, "schedule")
    value = reader.value_of(schedule.value) if schedule else None
    if not isinstance(value, cst.Call):
        return False
    return reader.modern(value.func).rpartition(".")[2] in (_CRON, _DELTA)


def modernise_schedule(reader: Reader, plan: Plan, call: cst.Call, edits: Edits) -> None:
    position = old_schedule(call)
    if position is None:
        return
    arg = call.args[position]
    meaning = _meaning(reader, call, arg)
    if keyword(call, "schedule") is not None:
        meaning = None
    if meaning is not None and meaning.timetable:
        if reader.can_use(meaning.timetable, f"airflow.sdk.{meaning.timetable}"):
            plan.need("airflow.sdk", meaning.timetable)
        else:
            meaning = None
    if meaning is None:
        plan.note(
            reader.line(arg),
            f"schedule_interval={reader.text(arg.value)} is left: what it is, or the time zone of"
            f" start_date, cannot be read here. A cron text becomes schedule={_CRON}(text, zone), a"
            f" timedelta schedule={_DELTA}(delta), both with catchup=True unless it is given.",
        )
        return
    catches_up = (
        meaning.repeats and keyword(call, "catchup") is None and _start(reader, call) is not None
    )

    def edit(new: cst.Arg) -> list[cst.Arg]:
        new = named("schedule")(new.with_changes(value=_value(meaning, new.value)))
        return beside(new, "catchup", "True") if catches_up else [new]

    edits.by_position[position] = edit


def _value(meaning: _Meaning, value: cst.BaseExpression) -> cst.BaseExpression:
    if not meaning.timetable:
        return value
    call = expression(f"{meaning.timetable}(x{meaning.further})")
    assert isinstance(call, cst.Call)
    return call.with_changes(args=[call.args[0].with_changes(value=value), *call.args[1:]])


def _meaning(reader: Reader, call: cst.Call, arg: cst.Arg) -> _Meaning | None:
    """None if it cannot be told."""
    if arg.keyword is not None and arg.keyword.value == "timetable":
        return _Meaning()
    value = reader.value_of(arg.value)
    text = string_value(value)
    if text in _WITHOUT_INTERVALS or (isinstance(value, cst.Name) and value.value == "None"):
        return _Meaning(repeats=False)
    if text is not None and text != "None":
        zone = _zone(reader, call)
        return None if zone is None else _Meaning(_CRON, reader.quoted(f", timezone={zone}", arg))
    if isinstance(value, cst.Call) and reader.modern(value.func) in _DELTAS:
        return None if _zone(reader, call) is None else _Meaning(_DELTA)
    return None


_UNKNOWN = cst.Ellipsis()


def _start(reader: Reader, call: cst.Call) -> cst.BaseExpression | None:
    """The DAG's start date: its own, or that of default_args; `_UNKNOWN` if it cannot be read."""
    own = keyword(call, "start_date")
    if own is not None:
        return own.value
    if any(arg.star for arg in call.args):
        return _UNKNOWN
    defaults = keyword(call, "default_args")
    return None if defaults is None else _entry(reader, reader.value_of(defaults.value))


def _entry(reader: Reader, defaults: cst.BaseExpression) -> cst.BaseExpression | None:
    if isinstance(defaults, cst.Dict):
        if any(isinstance(element, cst.StarredDictElement) for element in defaults.elements):
            return _UNKNOWN
        return next(
            (e.value for e in defaults.elements
             if isinstance(e, cst.DictElement) and string_value(e.key) == "start_date"),
            None,
        )  # fmt: skip
    if isinstance(defaults, cst.Call) and dict_call(defaults):
        found = keyword(defaults, "start_date")
        return found.value if found else None
    return _UNKNOWN


def dict_call(call: cst.Call) -> bool:
    """Whether a call is `dict(name=value, ...)`."""
    return (
        isinstance(call.func, cst.Name)
        and call.func.value == "dict"
        and all(arg.keyword is not None for arg in call.args)
    )


def _zone(reader: Reader, call: cst.Call) -> str | None:
    start = _start(reader, call)
    return '"UTC"' if start is None else zone_of_date(reader, start)
