"""`days_ago`, and the time zone of a start date as its expression says it."""

from datetime import date, timedelta

import libcst as cst

from tradewind.upgrade.plan import Plan
from tradewind.upgrade.reader import Reader, expression, keyword, string_value

_DAYS_AGO = "tradewind.compat.dates.days_ago"  # as the table of old names has it
_UTC = {
    "datetime.timezone.utc",
    "datetime.UTC",
    "pendulum.UTC",
    "pytz.UTC",
    "pytz.utc",
    "airflow.sdk.timezone.utc",
}
_ZONES = {"pendulum.timezone", "pendulum.tz.timezone", "pytz.timezone", "zoneinfo.ZoneInfo"}
_NAIVE = {  # read as UTC
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.datetime.strptime",
    "datetime.datetime.combine",
}
_IN_UTC = {_DAYS_AGO, "airflow.sdk.timezone.datetime", "airflow.sdk.timezone.utcnow"}
_BY_TZ = {"datetime.datetime": "tzinfo", "pendulum.datetime": "tz", "pendulum.DateTime": "tzinfo"}
_BY_FIRST = {f"pendulum.{name}" for name in ("now", "today", "yesterday", "tomorrow")}
_KEEPING = {"add", "subtract", "replace", "start_of", "end_of"}


def fix_days_ago(reader: Reader, plan: Plan, today: date) -> None:
    """`days_ago(2)` becomes the day that it is today."""
    for call in reader.all(cst.Call):
        if reader.modern(call.func) != _DAYS_AGO:
            continue
        moment = _moment(call, today)
        if moment is None or not reader.can_use("pendulum", "pendulum"):
            continue  # the import stays, and its note says what to do
        plan.replace(call, expression(f"pendulum.datetime({moment})"))
        plan.need("pendulum")
        plan.note(
            reader.line(call),
            f"{reader.text(call)} moved with each look at the file; now it is a fixed date."
            " Choose the one that you mean.",
        )


def _moment(call: cst.Call, today: date) -> str | None:
    """Year, month, day and the parts of the time that were given, if all are plain numbers."""
    given: dict[str, int] = {}
    for name, arg in zip(("n", "hour", "minute", "second"), call.args, strict=False):
        name = arg.keyword.value if arg.keyword else name
        if not isinstance(arg.value, cst.Integer) or arg.star:
            return None
        given[name] = int(arg.value.value)
    if "n" not in given or len(given) != len(call.args):
        return None
    day = today - timedelta(days=given.pop("n"))
    return ", ".join(
        [f"{day.year}, {day.month}, {day.day}", *(f"{k}={v}" for k, v in given.items())]
    )


def zone_of_date(reader: Reader, node: cst.BaseExpression) -> str | None:
    """The time zone of a date as source text (`"UTC"`); None if it cannot be read."""
    node = reader.value_of(node)
    if isinstance(node, cst.BinaryOperation):
        return zone_of_date(reader, node.left)
    if isinstance(node, cst.Name) and node.value == "None":
        return '"UTC"'
    return _zone_of_call(reader, node) if isinstance(node, cst.Call) else None


def _zone_of_call(reader: Reader, call: cst.Call) -> str | None:
    name = reader.modern(call.func)
    if name in _NAIVE:
        return '"UTC"' if not call.args or not name.endswith(".now") else None
    if name in _IN_UTC:
        return '"UTC"'
    if name in _BY_TZ:
        zone = keyword(call, _BY_TZ[name])
        if zone is None:  # it may also be the eighth argument
            return '"UTC"' if len([a for a in call.args if not a.keyword]) < 8 else None
        return zone_text(reader, zone.value)
    if name in _BY_FIRST:
        return zone_text(reader, call.args[0].value) if call.args else None
    func = call.func
    if isinstance(func, cst.Attribute) and func.attr.value in _KEEPING:
        zone = keyword(call, "tzinfo")
        return zone_text(reader, zone.value) if zone else zone_of_date(reader, func.value)
    return None


def zone_text(reader: Reader, node: cst.BaseExpression) -> str | None:
    """A time zone as source text: its name, if the file says it."""
    node = reader.value_of(node)
    if (name := string_value(node)) is not None:
        return f'"{name}"'
    if reader.modern(node) in _UTC:
        return '"UTC"'
    if isinstance(node, cst.Call) and reader.modern(node.func) in _ZONES and node.args:
        return zone_text(reader, node.args[0].value)
    return None
